#include "monitor/boot/loader.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "monitor/boot/memory_map.hpp"
#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

TEST_CASE("The kind of a kernel is told from its bytes") {
    CHECK(detect_kernel(plain_elf()) == KernelKind::elf);
    CHECK(detect_kernel(multiboot_elf()) == KernelKind::multiboot);
    CHECK(detect_kernel(multiboot_flat()) == KernelKind::multiboot);
    CHECK(detect_kernel(bzimage()) == KernelKind::linux_bzimage);
}

TEST_CASE("Files that are no kernels are refused with what to do instead") {
    Bytes gzip(100), xz(100), iso(0x9000), multiboot2(0x1000), boot_sector(512),
        text_file(100, std::byte{'a'});
    put<std::uint16_t>(gzip, 0, 0x8B1F);
    std::memcpy(xz.data(),
                "\xFD"
                "7zXZ",
                5);
    std::memcpy(iso.data() + 0x8001, "CD001", 5);
    put<std::uint32_t>(multiboot2, 0x40, 0xE85250D6);
    put<std::uint16_t>(boot_sector, 510, 0xAA55);
    CHECK_THAT(load_error({}), Contains("empty"));
    CHECK_THAT(load_error(gzip), Contains("gzip -d"));
    CHECK_THAT(load_error(xz), Contains("xz -d"));
    CHECK_THAT(load_error(iso), Contains("CD image"));
    CHECK_THAT(load_error(multiboot2), Contains("Multiboot 2"));
    CHECK_THAT(load_error(boot_sector), Contains("boot sector"));
    CHECK_THAT(load_error(text_file), Contains("no kernel"));
}

TEST_CASE("Messages start with the kernel's name and are one line") {
    BootOptions options;
    options.kernel_name = "some/kernel";
    const std::string error = load_error({}, 4u << 20, options);
    CHECK_THAT(error, Catch::Matchers::StartsWith("some/kernel: "));
    CHECK(error.find('\n') == std::string::npos);
}

TEST_CASE("RAM that is no PC's is refused") {
    CHECK_THAT(load_error(plain_elf(), 0), Contains("too few"));
    CHECK_THAT(load_error(plain_elf(), (1u << 20) - 4096), Contains("too few"));
    CHECK_THAT(load_error(plain_elf(), 1u << 20), Contains("RAM ends"));
}

namespace {

/// Bends an image: single bits, whole fields with values that tend to hurt, or a cut.
void mutate(Bytes& image, std::mt19937& random) {
    const std::uint32_t evil[] = {0,
                                  1,
                                  0x7F,
                                  0xFF,
                                  0x1000,
                                  0x9FC00,
                                  0xA0000,
                                  0x100000,
                                  0x7FFFFFFF,
                                  0x80000000,
                                  0xFFFFF000,
                                  0xFFFFFFFF,
                                  static_cast<std::uint32_t>(random())};
    const unsigned changes = 1 + random() % 4;
    for (unsigned i = 0; i < changes && image.size() > 8; ++i) {
        const std::size_t at = random() % std::min<std::size_t>(image.size() - 4, 0x280);
        switch (random() % 8) {
            case 0: image.resize(random() % image.size()); break;
            case 1:
            case 2: image[at] ^= std::byte(1u << (random() % 8)); break;
            case 3: image[at] = std::byte(random() & 0xFF); break;
            default: put(image, at & ~std::size_t{3}, evil[random() % std::size(evil)]); break;
        }
    }
}

}  // namespace

TEST_CASE("No bent image crashes a loader or makes it write outside of RAM") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const Bytes originals[] = {plain_elf(), multiboot_elf(), multiboot_flat(), bzimage()};
    const Bytes module(3000, std::byte{0x77});

    constexpr std::size_t kGuard = 1u << 16, kRam = 3u << 20;
    // Video memory and the BIOS are not RAM for anyone: there is nothing but what every kernel finds.
    Bytes firmware(kRam);
    load_kernel(plain_elf(), firmware, {});
    Bytes arena(kGuard + kRam + kGuard);
    unsigned loaded = 0, refused = 0;
    for (unsigned round = 0; round < 6000; ++round) {
        Bytes image = originals[round % 4];
        mutate(image, random);
        BootOptions options;
        options.kernel_name = "k";
        if (round % 3 == 0) options.modules = {{module, "m"}};
        const auto ram = std::span(arena).subspan(kGuard, kRam);
        try {
            load_kernel(image, ram, options);
            ++loaded;
        } catch (const std::runtime_error& error) {
            ++refused;
            const std::string line = error.what();
            REQUIRE(line.find('\n') == std::string::npos);
            REQUIRE(line.size() > 20);
        }
        const auto untouched = [](std::byte b) { return b == std::byte{0}; };
        REQUIRE(std::all_of(arena.begin(), arena.begin() + kGuard, untouched));
        REQUIRE(std::all_of(arena.end() - kGuard, arena.end(), untouched));
        const auto low_end = ram.begin() + kLowMemoryEnd, high = ram.begin() + kHighMemory;
        REQUIRE((std::all_of(low_end, high, untouched) ||
                 std::equal(low_end, high, firmware.begin() + kLowMemoryEnd)));
    }
    CHECK(loaded > 200);
    CHECK(refused > 600);
}
