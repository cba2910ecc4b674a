#include "monitor/control/screenshot.hpp"

#include <fmt/format.h>
#include <png.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "monitor/control/glyphs.hpp"
#include "monitor/text_display.hpp"

namespace ringpress {

namespace {

using Colour = std::array<std::uint8_t, 3>;

/// A text colour, 0..15, through the attribute controller's palette and the DAC, whose parts have six bits.
Colour colour_of(const VgaTextState& vga, unsigned number) {
    const unsigned entry = (vga.attribute[number & 15u] & 0x3Fu) * 3;
    Colour colour;
    for (unsigned i = 0; i < 3; ++i) {
        const unsigned six = vga.dac[entry + i] & 0x3Fu;
        colour[i] = static_cast<std::uint8_t>(six << 2 | six >> 4);
    }
    return colour;
}

}  // namespace

Picture draw_text_screen(const VgaTextState& vga, std::span<const std::uint8_t> video) {
    const auto& glyphs = text_glyphs();
    const ScreenRegisters registers = screen_registers(vga);
    constexpr unsigned kColumns = TextDisplay::kColumns, kRows = TextDisplay::kRows;
    Picture picture{kColumns * kGlyphWidth, kRows * kGlyphHeight, {}};
    picture.rgb.resize(std::size_t{3} * picture.width * picture.height);
    const unsigned first_line = vga.crtc[crtc::kCursorStart] & 0x1Fu;
    const unsigned last_line = vga.crtc[crtc::kCursorEnd] & 0x1Fu;
    for (unsigned cell = 0; cell < kColumns * kRows; ++cell) {
        const std::size_t at = (registers.start * 2u + cell * 2u) % TextDisplay::kVideoMemoryBytes;
        if (at + 1 >= video.size()) continue;
        const Glyph& glyph = glyphs[video[at]];
        const Colour ink = colour_of(vga, video[at + 1] & 15u), paper = colour_of(vga, video[at + 1] >> 4);
        const bool cursor =
            registers.cursor_on && static_cast<std::uint16_t>(registers.start + cell) == registers.cursor;
        for (unsigned y = 0; y < kGlyphHeight; ++y) {
            const unsigned dots = cursor && y >= first_line && y <= last_line ? 0xFF : glyph[y];
            std::uint8_t* to =
                &picture.rgb[std::size_t{3} * ((cell / kColumns * kGlyphHeight + y) * picture.width +
                                               cell % kColumns * kGlyphWidth)];
            for (unsigned x = 0; x < kGlyphWidth; ++x, to += 3)
                std::memcpy(to, (dots & (0x80u >> x) ? ink : paper).data(), 3);
        }
    }
    return picture;
}

void write_png(const Picture& picture, const std::string& path) {
    const auto refuse = [&](const char* why) {
        return std::runtime_error(fmt::format("cannot write the picture '{}': {}", path, why));
    };
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wbe"), std::fclose);
    if (!file) throw refuse(std::strerror(errno));
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = PNG_FORMAT_RGB;
    const bool written = png_image_write_to_stdio(&image, file.get(), 0, picture.rgb.data(), 0, nullptr);
    if (written && std::fflush(file.get()) == 0) return;
    std::remove(path.c_str());
    throw refuse(image.message[0] ? image.message : std::strerror(errno));
}

}  // namespace ringpress
