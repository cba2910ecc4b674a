#include "monitor/control/glyphs.hpp"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <memory>
#include <stdexcept>

#include "monitor/cp437.hpp"

namespace ringpress {

namespace {

constexpr const char* kFonts[] = {
    "/usr/share/fonts/opentype/terminus/terminus-normal.otb",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
    "/usr/share/fonts/truetype/freefont/FreeMono.ttf",
};
constexpr unsigned kOutlineSize = 13;  ///< pixels per em: six tenths of it are a fixed-width font's column
constexpr int kBaseline = 12;          ///< the row that letters stand on, from the top

using Library = std::unique_ptr<FT_LibraryRec_, FT_Error (*)(FT_Library)>;
using Face = std::unique_ptr<FT_FaceRec_, FT_Error (*)(FT_Face)>;

Face open_font(FT_Library library) {
    for (const char* path : kFonts) {
        FT_Face face = nullptr;
        if (FT_New_Face(library, path, 0, &face) != 0) continue;
        Face owner(face, FT_Done_Face);
        for (int i = 0; i < face->num_fixed_sizes; ++i)
            if (face->available_sizes[i].height == kGlyphHeight &&
                face->available_sizes[i].width == kGlyphWidth && FT_Select_Size(face, i) == 0)
                return owner;
        if (FT_IS_SCALABLE(face) && FT_Set_Pixel_Sizes(face, 0, kOutlineSize) == 0) return owner;
    }
    throw std::runtime_error("no font for the screen was found: install the package fonts-terminus-otb");
}

Glyph draw(FT_Face face, char32_t character) {
    Glyph glyph{};
    if (FT_Load_Char(face, character, FT_LOAD_RENDER | FT_LOAD_TARGET_MONO | FT_LOAD_MONOCHROME) != 0)
        return glyph;
    const FT_GlyphSlot slot = face->glyph;
    const FT_Bitmap& dots = slot->bitmap;
    if (dots.pixel_mode != FT_PIXEL_MODE_MONO) return glyph;
    for (unsigned row = 0; row < dots.rows; ++row) {
        const int y = kBaseline - slot->bitmap_top + static_cast<int>(row);
        if (y < 0 || y >= static_cast<int>(kGlyphHeight)) continue;
        const unsigned char* line = dots.buffer + static_cast<std::ptrdiff_t>(row) * dots.pitch;
        for (unsigned column = 0; column < dots.width; ++column) {
            const int x = slot->bitmap_left + static_cast<int>(column);
            if (x >= 0 && x < static_cast<int>(kGlyphWidth) && (line[column / 8] >> (7 - column % 8) & 1))
                glyph[static_cast<unsigned>(y)] |= static_cast<std::uint8_t>(0x80 >> x);
        }
    }
    return glyph;
}

}  // namespace

const std::array<Glyph, 256>& text_glyphs() {
    static const std::array<Glyph, 256> glyphs = [] {
        FT_Library handle = nullptr;
        if (FT_Init_FreeType(&handle) != 0)
            throw std::runtime_error("the font library FreeType cannot be opened");
        const Library library(handle, FT_Done_FreeType);
        const Face face = open_font(handle);
        std::array<Glyph, 256> all;
        for (unsigned i = 0; i < 256; ++i) all[i] = draw(face.get(), kCp437[i]);
        return all;
    }();
    return glyphs;
}

}  // namespace ringpress
