#include "shadow/gate_sites.hpp"

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t kAt = 0xC0100000, RW = pte::RW, US = pte::US;
constexpr std::uint64_t kContinuation = 0x5555'6666'7777ull;

struct Sites : ShadowWorld {
    unsigned slot = 0;
    explicit Sites(std::uint32_t at = kAt, std::uint32_t bits = 0, const ShadowLimits& limits = {})
        : ShadowWorld(true, limits) {
        shadow.enable_gates(kContinuation);
        map(at, 40, bits);
        REQUIRE(execute(at));
        slot = static_cast<unsigned>(views.slot_of(40));
    }
    bool make(unsigned offset, bool user = false) {
        views.set_proven(slot, offset);
        return shadow.make_site(slot, offset, user);
    }
    const std::uint8_t* view(unsigned offset) { return views.bytes(slot) + offset; }
    bool is_int3(unsigned offset, unsigned count) {
        return std::all_of(view(offset), view(offset) + count, [](std::uint8_t b) { return b == kInt3; });
    }
    std::uint32_t pads(std::uint32_t at = kAt) const { return at + kPadDistance; }
    const std::uint8_t* pad(unsigned offset, std::uint32_t at = kAt) {
        return views.bytes(code_at(pads(at)).index) + offset;
    }
};

}  // namespace

TEST_CASE("each byte behind a site's jump is a privileged instruction, and the jump leads whole pages away") {
    CHECK(kSiteJump[0] == 0xE9);
    CHECK(kSiteJump[1] == 0xFB);  // sti
    CHECK(kSiteJump[2] == 0xEF);  // out
    CHECK(kSiteJump[3] == 0xFA);  // cli
    CHECK(kSiteJump[4] == 0xFA);
    std::uint32_t distance;
    std::memcpy(&distance, kSiteJump + 1, 4);
    CHECK(distance + kSiteBytes == kPadDistance);
    CHECK(kPadDistance % kPageSize == 0);
}

TEST_CASE("a site jumps to its pad, the pad to its landing, and the landing names the site") {
    Sites w;
    REQUIRE(w.make(0x123));
    CHECK(std::memcmp(w.view(0x123), kSiteJump, kSiteBytes) == 0);
    REQUIRE(w.code_at(w.pads()).kind == HostPage::view);
    const std::uint8_t* pad = w.pad(0x123);
    CHECK(pad[0] == 0xEA);
    CHECK(pad[5] == 0x33);
    CHECK(pad[6] == 0x00);
    std::uint32_t landing;
    std::memcpy(&landing, pad + 1, 4);
    const HostPage& page = w.code_at(landing);
    REQUIRE(page.kind == HostPage::view);
    const std::uint8_t* code = w.views.bytes(page.index) + (landing & kPageMask);
    CHECK(code[0] == 0x41);  // mov $site,%r15d
    CHECK(code[1] == 0xBF);
    std::uint32_t site, distance;
    std::memcpy(&site, code + 2, 4);
    CHECK(code[6] == 0xFF);  // jmp *continuation(%rip)
    CHECK(code[7] == 0x25);
    std::memcpy(&distance, code + 8, 4);
    const std::uint32_t pointer = landing + 12 + distance;
    std::uint64_t to;
    std::memcpy(&to, w.views.bytes(w.code_at(pointer).index) + (pointer & kPageMask), 8);
    CHECK(to == kContinuation);

    gva address;
    REQUIRE(w.shadow.site_address(site, false, address));
    CHECK(address == gva(kAt + 0x123));
    CHECK_FALSE(w.shadow.site_address(site, true, address));  // the kernel's
    CHECK_FALSE(w.shadow.site_address(site + 1, false, address));
    CHECK_FALSE(w.shadow.site_address(kGateSites, false, address));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("what decoding had found behind a site's first byte is no boundary any more") {
    Sites w;
    w.views.set_proven(w.slot, 0x125);
    w.views.set_copied(w.slot, 0x125);
    REQUIRE(w.make(0x123));
    CHECK(w.views.proven(w.slot, 0x123));
    CHECK_FALSE(w.views.covered(w.slot, 0x123));
    for (unsigned o = 0x124; o < 0x128; ++o) {
        CHECK(w.views.covered(w.slot, o));
        CHECK_FALSE(w.views.proven(w.slot, o));
        CHECK_FALSE(w.views.copied(w.slot, o));
    }
    CHECK_FALSE(w.views.covered(w.slot, 0x128));
    gva site;
    CHECK(w.shadow.site_behind_pad(gva(w.pads() + 0x123), site));
    CHECK(site == gva(kAt + 0x123));
    CHECK_FALSE(w.shadow.site_behind_pad(gva(w.pads() + 0x128), site));
}

TEST_CASE("sites keep off one another, the end of the page, and pads that overlap") {
    Sites w;
    REQUIRE(w.make(0x100));
    CHECK_FALSE(w.make(0x104));  // inside the jump
    CHECK_FALSE(w.make(0xFC));   // its jump would cover the other
    CHECK_FALSE(w.make(0x105));  // the pad of the first is seven bytes long
    CHECK(w.make(0x107));
    CHECK_FALSE(w.make(kPageSize - kSiteBytes - 14));
    CHECK(w.make(kPageSize - kSiteBytes - 15));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("without gates, without a mapping, or over the guest's own code there are no sites") {
    SECTION("no gates") {
        ShadowWorld w;
        w.map(kAt, 40, 0);
        REQUIRE(w.execute(kAt));
        CHECK_FALSE(w.shadow.make_site(static_cast<unsigned>(w.views.slot_of(40)), 0x100, false));
    }
    SECTION("not mapped") {
        Sites w;
        w.shadow.flush_all();
        CHECK_FALSE(w.make(0x100));
    }
    SECTION("the guest has code where the pads would be") {
        Sites w;
        w.map(w.pads(), 50, 0);
        REQUIRE(w.execute(w.pads()));
        CHECK_FALSE(w.make(0x100));
    }
    SECTION("user code could not reach its pads, which wrap around") {
        Sites w(0x01000000, US);
        CHECK(w.pads(0x01000000) > 0x01000000);
        CHECK_FALSE(w.make(0x100, true));
        CHECK(w.make(0x100, false));
    }
    SECTION("the pads would lie below the host's floor") {
        ShadowLimits limits;
        limits.low_floor = 65536;
        const std::uint32_t at = 0u - kPadDistance + 0x8000;
        Sites w(at, 0, limits);
        CHECK_FALSE(w.make(0x100));
        CHECK(w.inconsistency() == "");
    }
}

TEST_CASE("stripping turns sites back into int3 and frees all that they held") {
    Sites w;
    for (unsigned n = 0; n < 20; ++n) {
        for (unsigned o = 0x100; o < 0x200; o += 16) REQUIRE(w.make(o));
        CHECK(w.shadow.counters().sites_made == (n + 1) * 16);
        REQUIRE(w.inconsistency() == "");
        w.shadow.strip_sites(w.slot);
        CHECK(w.is_int3(0, kPageSize));
        CHECK(w.code_at(w.pads()).kind == HostPage::none);
        CHECK(w.code_at(kAt).kind == HostPage::view);
        CHECK(w.views.proven(w.slot, 0x100));
        REQUIRE(w.inconsistency() == "");
    }
    CHECK(w.state->sites_used == 16);
    CHECK(w.state->slots_used <= 16);  // what views of neighbours are kept together in
}

TEST_CASE("a guest that runs code where pads lie gets its own, and the sites are given up") {
    Sites w;
    REQUIRE(w.make(0x100));
    w.map(w.pads(), 50, 0);
    REQUIRE(w.execute(w.pads()));
    CHECK(w.state->slot[w.code_at(w.pads()).index].frame == 51);
    CHECK(w.is_int3(0x100, kSiteBytes));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("pads follow the address that a view was mapped at last") {
    Sites w;
    REQUIRE(w.make(0x100));
    w.map(0xD0100000, 40, 0);
    REQUIRE(w.execute(0xD0100000));
    CHECK(w.code_at(w.pads(kAt)).kind == HostPage::none);
    CHECK(w.code_at(w.pads(0xD0100000)).kind == HostPage::view);
    gva site;
    CHECK(w.shadow.site_behind_pad(gva(w.pads(kAt) + 0x100), site));  // jumped to from the first address
    CHECK(site == gva(kAt + 0x100));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("a page that takes the place of one with sites does not inherit its pads") {
    Sites w;
    REQUIRE(w.make(0x100));
    w.map(kAt, 41, 0);
    w.shadow.invalidate(gva(kAt));
    REQUIRE(w.execute(kAt));
    CHECK(w.code_at(w.pads()).kind == HostPage::none);
    gva site;
    CHECK_FALSE(w.shadow.site_behind_pad(gva(w.pads() + 0x100), site));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("dropping a view leaves no mapping of it, nor of its pads") {
    Sites w;
    w.map(0xD0100000, 40, 0);
    REQUIRE(w.execute(0xD0100000));
    REQUIRE(w.make(0x100));
    w.shadow.drop_view(40);
    w.shadow.finish_calls();
    const std::uint32_t landings = kGateRange / kPageSize;
    CHECK(w.host.mapped() == landings);
    w.shadow.flush_all();
    w.shadow.finish_calls();
    CHECK(w.host.mapped() == landings);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("an instruction does not run on into pads") {
    Sites w;
    // The page before the pads ends in an instruction that runs on into a page that is not mapped yet.
    const std::uint32_t before = w.pads() - kPageSize;
    w.map(before, 60, 0);
    w.map(w.pads(), 61, 0);
    REQUIRE(w.execute(w.pads()));
    REQUIRE(w.execute(before));
    const auto slot = static_cast<unsigned>(w.views.slot_of(60)),
               next = static_cast<unsigned>(w.views.slot_of(61));
    w.views.set_proven(slot, kPageSize - 2);
    w.views.set_copied(slot, kPageSize - 2);
    w.views.join(slot, kPageSize - 2, next);
    w.pte_of(w.pads()) = 0;
    w.shadow.invalidate(gva(w.pads()));
    REQUIRE(w.views.copied(slot, kPageSize - 2));
    REQUIRE(w.make(0x100));
    CHECK_FALSE(w.views.copied(slot, kPageSize - 2));
    CHECK(w.inconsistency() == "");
}

TEST_CASE("views are recycled when all slots are in use, sites and pads with them") {
    Sites w;
    for (std::uint32_t n = 0; n < kViewSlots + 500; ++n) {
        const std::uint32_t at = 0x40000000 + n * kPageSize, frame = 200 + n;
        w.map(at, frame, RW);
        REQUIRE(w.execute(at));
        w.slot = static_cast<unsigned>(w.views.slot_of(frame));
        if (n % 8 == 0) w.make(0x100);
        REQUIRE(w.views.slot_of(frame) >= 0);
        if (n % 256 == 0) REQUIRE(w.inconsistency() == "");
    }
    CHECK(w.state->slots_used == kBounceSlot);
    CHECK(w.shadow.counters().views_dropped > 0);
    CHECK(w.inconsistency() == "");
}

TEST_CASE("tails: they lie where no pad can come, are found by any of their bytes, and go with their site",
          "[gate_sites]") {
    Sites w;
    REQUIRE(w.make(0x100));
    const std::uint32_t site = w.shadow.site_covering(w.slot, 0x102);
    REQUIRE(site != 0);
    CHECK(w.shadow.site_covering(w.slot, 0x104) == site);
    CHECK(w.shadow.site_covering(w.slot, 0x100) == 0);
    CHECK(w.shadow.site_covering(w.slot, 0x105) == 0);
    const std::uint8_t code[9] = {0x83, 0xEB, 0x01, 0x90, 0xE9, 1, 2, 3, 4};
    const unsigned at = w.shadow.tail_room(w.slot, sizeof code);
    CHECK(at == kPageSize - sizeof code);
    w.shadow.install_tail(site, 0x102, at, code, sizeof code);
    const unsigned pads = w.views.slot(w.slot).pad_slot - 1u;
    CHECK(std::memcmp(w.views.bytes(pads) + at, code, sizeof code) == 0);
    const gva pad_page(kAt + kPadDistance);
    CHECK(w.shadow.tail_site(pad_page + at) == site);
    CHECK(w.shadow.tail_site(pad_page + (kPageSize - 1)) == site);
    CHECK(w.shadow.tail_site(pad_page + (at - 1)) == 0);
    CHECK(w.shadow.tail_site(gva(kAt + at)) == 0);
    // An instruction that traps keeps room for its pad, below the first tail.
    const unsigned trapped = at - 12;
    w.views.set_proven(w.slot, trapped);
    const unsigned second = w.shadow.tail_room(w.slot, sizeof code);
    CHECK(second + sizeof code <= trapped);
    CHECK(w.make(trapped));
    CHECK(std::memcmp(w.views.bytes(pads) + at, code, sizeof code) == 0);
    w.shadow.strip_sites(w.slot);
    CHECK(w.shadow.tail_site(pad_page + at) == 0);
}
