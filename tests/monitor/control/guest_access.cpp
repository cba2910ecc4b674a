#include "monitor/guest_access.hpp"

#include <random>

#include "fake_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("Guest memory is read and written by guest-virtual address across pages that lie apart") {
    FakeMachine machine;
    machine.turn_paging_on();
    machine.poke(0x2000 + 4 * 0x10, 0x9000 | pte::P);
    machine.poke(0x2000 + 4 * 0x11, 0x5000 | pte::P);
    GuestAccess& guest = machine.guest();
    std::vector<std::uint32_t> written;
    guest.on_write([&](gpa page) { written.push_back(page.value); });

    CHECK(guest.write(gva(0x10FFE), "abcd", 4) == 4);
    CHECK(std::memcmp(&machine.ram[0x9FFE], "ab", 2) == 0);
    CHECK(std::memcmp(&machine.ram[0x5000], "cd", 2) == 0);
    CHECK(written == std::vector<std::uint32_t>{0x9000, 0x5000});
    char back[4] = {};
    CHECK(guest.read(gva(0x10FFE), back, 4) == 4);
    CHECK(std::memcmp(back, "abcd", 4) == 0);
}

TEST_CASE("Looking at guest memory sets no Accessed bit and stops before what is absent") {
    FakeMachine machine;
    machine.turn_paging_on();
    machine.poke(0x2000 + 4 * 3, 0x3000 | pte::P);
    const std::vector<std::uint8_t> before = machine.ram;
    std::uint8_t bytes[0x2000];
    CHECK(machine.guest().read(gva(0x3800), bytes, sizeof bytes) == 0x800);
    CHECK(machine.guest().read(gva(0x4000), bytes, 1) == 0);
    CHECK(machine.guest().read(gpa(FakeMachine::kRam - 2), bytes, 8) == 2);
    CHECK(machine.guest().read(gpa(FakeMachine::kRam), bytes, 8) == 0);
    CHECK(machine.guest().write(gpa(0xFFFFFFFF), bytes, 1) == 0);
    CHECK(machine.ram == before);
}

TEST_CASE("Page tables of random bits are walked without leaving RAM") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    FakeMachine machine;
    for (std::uint32_t at = 0; at < FakeMachine::kRam; at += 4) machine.poke(at, random());
    for (unsigned i = 0; i < 20000; ++i) {
        machine.cpu().cr0 = cr0::PE | cr0::PG;
        machine.cpu().cr3 = random();
        machine.cpu().cr4 = random();
        machine.cpu().cpl = static_cast<std::uint8_t>(random());
        std::uint8_t bytes[64];
        const std::size_t n = machine.guest().read(gva(random()), bytes, sizeof bytes);
        CHECK(n <= sizeof bytes);
    }
    CHECK(machine.guest().cpu().cpl <= 3);
}
