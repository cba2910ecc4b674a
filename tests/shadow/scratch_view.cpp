#include <random>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
constexpr std::uint8_t kMovups[] = {0x65, 0x0F, 0x11, 0x03};
constexpr std::uint32_t RW = pte::RW | pte::US;
}  // namespace

TEST_CASE("one instruction is shown at its own address, and its bounce where nothing else is") {
    ShadowWorld w;
    w.map(0x40000000, 40, RW);
    REQUIRE(w.touch(0x40000000, true));
    REQUIRE(w.execute(0x40000000));
    const ScratchPlace place = w.shadow.map_scratch(gva(0x40000123), kMovups, sizeof kMovups, true);
    w.shadow.finish_calls();
    CHECK(place.code == gva(0x40000123));
    const HostPage& code = w.host.at(place.code);
    CHECK((code.executable && !code.writable));
    CHECK(std::memcmp(w.views.bytes(code.index) + 0x123, kMovups, sizeof kMovups) == 0);
    CHECK(w.views.bytes(code.index)[0x123 + sizeof kMovups] == kInt3);
    CHECK(w.host.at(place.bounce) == HostPage{HostPage::view, true, false, kBounceSlot});
    CHECK(w.inconsistency() == "");
    w.shadow.unmap_scratch();
    w.shadow.finish_calls();
    CHECK(w.host.at(place.code).kind == HostPage::none);
    CHECK(w.host.at(place.bounce).kind == HostPage::none);
    CHECK(w.data_at(0x40000000).kind == HostPage::ram);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("without a bounce none is mapped") {
    ShadowWorld w;
    w.shadow.map_scratch(gva(0x40000FFE), kMovups, sizeof kMovups, false);
    w.shadow.finish_calls();
    CHECK(w.host.mapped() == 2);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("a guest that has data and code everywhere has to map it again after a bounce") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    ShadowWorld w(true, {65536, 60000, false});
    // One table serves every region: 1024 aliases of the same pages.
    constexpr std::uint32_t kTable = 0x3000;
    for (std::uint32_t i = 0; i < 1024; ++i) {
        w.word(ShadowWorld::kDirectory + i * 4) = kTable | RW | pte::P | pte::A;
        w.word(kTable + i * 4) = (100 + i) << kPageShift | RW | pte::P | pte::A | pte::D;
    }
    for (unsigned round = 0; round < 40; ++round) {
        for (std::uint32_t region = 0; region < kRegions; ++region) {
            const std::uint32_t at = region << kRegionShift | (random() % 1024) << kPageShift;
            if (at >= 65536) w.touch(at, true);
            if (at >= 65536 && random() % 4 == 0) w.execute(at);
        }
        const gva at(static_cast<std::uint32_t>(random() % 3 ? random() : random() % 65536));
        const ScratchPlace place = w.shadow.map_scratch(at, kMovups, sizeof kMovups, true);
        w.shadow.finish_calls();
        CHECK(place.code.offset() == at.offset());
        CHECK((place.code == at || at.value < 65536));
        CHECK(w.host.at(place.code).executable);
        CHECK(w.host.at(place.code + (sizeof kMovups - 1)).executable);
        CHECK(w.host.at(place.bounce) == HostPage{HostPage::view, true, false, kBounceSlot});
        REQUIRE(w.inconsistency() == "");
        w.cpu.cpl = 3;
        w.shadow.enter_user();  // the way to the instruction
        CHECK(w.host.at(place.code).executable);
        CHECK(w.host.at(place.bounce).writable);
        w.cpu.cpl = 0;
        w.shadow.unmap_scratch();
        REQUIRE(w.inconsistency() == "");
    }
}
