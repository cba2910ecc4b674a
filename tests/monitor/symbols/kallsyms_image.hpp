// A kernel's own symbol table, made the way scripts/kallsyms.c makes it, in the order of several versions.
#pragma once

#include <string>
#include <vector>

#include "tests/monitor/boot/images.hpp"

namespace ringpress::test {

enum class KallsymsOrder {
    addresses_first,  ///< until 4.5: whole addresses, then the names
    offsets_first,    ///< 4.6 to 6.3
    offsets_last,     ///< from 6.4 on
};

struct KallsymsEntry {
    std::uint32_t address;
    std::string text;  ///< the type's letter and the name
};

inline void align4(Bytes& bytes) {
    while (bytes.size() % 4) bytes.push_back(std::byte{0});
}

/// entries in ascending order.  Token 'a' to 'z' and the like stand for themselves; 0x80 is "sys_", 0 is
/// "do_".
inline Bytes kallsyms_image(const std::vector<KallsymsEntry>& entries, KallsymsOrder order) {
    std::vector<std::string> tokens(256);
    for (unsigned i = 0x21; i < 0x7F; ++i) tokens[i] = std::string(1, static_cast<char>(i));
    tokens[0x80] = "sys_";
    tokens[0] = "do_";

    Bytes image(256, std::byte{0x5A});
    const auto count = static_cast<std::uint32_t>(entries.size());
    const std::uint32_t base = entries.front().address;
    const auto put_addresses = [&](std::uint32_t subtract) {
        for (const auto& e : entries) put(image, image.size(), e.address - subtract);
    };
    const auto put_offsets = [&] {
        put_addresses(base);
        put(image, image.size(), base);
    };
    if (order == KallsymsOrder::addresses_first) put_addresses(0);
    if (order == KallsymsOrder::offsets_first) put_offsets();
    put(image, image.size(), count);

    const std::size_t names_at = image.size();
    std::vector<std::uint32_t> markers;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (i % 256 == 0) markers.push_back(static_cast<std::uint32_t>(image.size() - names_at));
        Bytes packed;
        const std::string& text = entries[i].text;
        for (std::size_t at = 0; at < text.size();) {
            if (text.compare(at, 4, "sys_") == 0) {
                packed.push_back(std::byte{0x80});
                at += 4;
            } else if (text.compare(at, 3, "do_") == 0) {
                packed.push_back(std::byte{0});
                at += 3;
            } else {
                packed.push_back(static_cast<std::byte>(text[at++]));
            }
        }
        if (packed.size() > 127) {
            image.push_back(static_cast<std::byte>(0x80 | (packed.size() & 0x7F)));
            image.push_back(static_cast<std::byte>(packed.size() >> 7));
        } else {
            image.push_back(static_cast<std::byte>(packed.size()));
        }
        image.insert(image.end(), packed.begin(), packed.end());
    }
    align4(image);
    for (const std::uint32_t marker : markers) put(image, image.size(), marker);

    std::vector<std::uint16_t> index;
    const std::size_t tokens_at = image.size();
    for (const auto& token : tokens) {
        index.push_back(static_cast<std::uint16_t>(image.size() - tokens_at));
        for (const char c : token) image.push_back(static_cast<std::byte>(c));
        image.push_back(std::byte{0});
    }
    align4(image);
    for (const std::uint16_t offset : index) put(image, image.size(), offset);
    align4(image);
    if (order == KallsymsOrder::offsets_last) put_offsets();
    image.resize(image.size() + 64, std::byte{0xA5});
    return image;
}

}  // namespace ringpress::test
