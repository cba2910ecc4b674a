#include "monitor/scan/code_image.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/monitor/boot/images.hpp"
#include "tests/monitor/symbols/elf_with_symbols.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

std::string error_of(const Bytes& file, std::optional<std::uint32_t> base = std::nullopt) {
    try {
        find_code(file, base);
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}
Bytes from_text(const std::string& text) {
    Bytes bytes;
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

}  // namespace

TEST_CASE("The code of an ELF file is its executable sections, at their addresses, with its symbols") {
    const CodeImage code =
        find_code(elf_with_symbols({{"f", 0x100010, 4, ElfSymbolKind::function, true}}), {});
    REQUIRE(code.sections.size() == 1);
    CHECK(code.sections[0].name == ".text");
    CHECK(code.sections[0].address == 0x100000);
    CHECK(code.sections[0].bytes.size() == 0x300);
    CHECK(code.symbols.name_of(0x100012) == "f+0x2");
    CHECK(code.notes.empty());
}

TEST_CASE("Without section headers, executable segments are the code, and a note says what that means") {
    const CodeImage code = find_code(plain_elf(), {});
    REQUIRE(code.sections.size() == 1);
    CHECK(code.sections[0].address == 0x100000);
    CHECK(code.sections[0].bytes[0] == std::byte{0x11});
    REQUIRE(code.notes.size() == 1);
    CHECK_THAT(code.notes[0], Contains("section headers"));
}

TEST_CASE("A flat Multiboot kernel is code from its load address on") {
    const CodeImage code = find_code(multiboot_flat(), {});
    REQUIRE(code.sections.size() == 1);
    CHECK(code.sections[0].address == 0x100000);
    CHECK(code.sections[0].bytes.size() == 0x700);
}

TEST_CASE("A program with Linux' boot protocol and nothing packed in it is code from 1 MiB on") {
    const CodeImage code = find_code(bzimage(), {});
    REQUIRE(code.sections.size() == 1);
    CHECK(code.sections[0].address == 0x100000);
    CHECK(code.sections[0].bytes.size() == 0x3000);
    CHECK(code.symbols.empty());
}

TEST_CASE("With a base, any file is code that is loaded there") {
    const CodeImage code = find_code(from_text("hello"), 0x7C00);
    REQUIRE(code.sections.size() == 1);
    CHECK(code.sections[0].address == 0x7C00);
    CHECK(code.sections[0].bytes.size() == 5);
    CHECK_THAT(error_of(from_text("hello"), 0xFFFFFFFC), Contains("4 GiB"));
    CHECK(error_of(from_text("hell"), 0xFFFFFFFC).empty());
}

TEST_CASE("Files that are no kernel are refused with what to do") {
    CHECK_THAT(error_of(from_text("hello")), Contains("no kernel") && Contains("--base"));
    CHECK_THAT(error_of(from_text("\x1F\x8B nonsense")), Contains("gzip") && Contains("damaged"));
    Bytes elf64 = plain_elf();
    elf64[4] = std::byte{2};
    CHECK_THAT(error_of(elf64), Contains("64-bit"));
    Bytes data_only = elf_image(0x100000, {{0x100000, 0x100000, 0x100, 0x100, false}});
    CHECK_THAT(error_of(data_only), Contains("no executable"));
}

TEST_CASE("Files cut off or bent anywhere are refused in one line, or have their code found within them") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Bytes files[] = {elf_with_symbols({{"f", 0x100010, 4, ElfSymbolKind::function, true}}), plain_elf(),
                           multiboot_flat(), bzimage()};
    for (const Bytes& whole : files) {
        for (int round = 0; round < 500; ++round) {
            Bytes bent = whole;
            if (round % 2) bent.resize(1 + random() % whole.size());
            for (int i = 0; i < 2; ++i)
                bent[random() % std::min<std::size_t>(bent.size(), 1024)] ^= static_cast<std::byte>(random());
            try {
                const CodeImage code = find_code(bent, {});
                for (const CodeSection& section : code.sections) {
                    CHECK(section.bytes.data() >= code.storage.data());
                    CHECK(section.bytes.data() + section.bytes.size() <=
                          code.storage.data() + code.storage.size());
                }
            } catch (const std::runtime_error& error) {
                CHECK_THAT(error.what(), !Contains("\n"));
            }
        }
    }
}
