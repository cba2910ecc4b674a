#include "shadow/code_view.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

struct Views {
    std::unique_ptr<ShadowState, FreeDelete> state = zeroed<ShadowState>();
    std::vector<std::uint8_t> pages = std::vector<std::uint8_t>(8 * kPageSize);
    CodeViews views{*state, pages.data()};

    bool all_int3(unsigned slot, unsigned from = 0, unsigned to = kPageSize) {
        const std::uint8_t* b = views.bytes(slot);
        return std::all_of(b + from, b + to, [](std::uint8_t x) { return x == kInt3; });
    }
    void copy(unsigned slot, unsigned offset, unsigned length) {
        views.set_proven(slot, offset);
        views.set_copied(slot, offset);
        std::memset(views.bytes(slot) + offset, 0x90, std::min(length, kPageSize - offset));
    }
};

}  // namespace

TEST_CASE("a fresh view is int3 throughout, with nothing proven, whatever the slot held before") {
    Views v;
    v.views.assign(2, 77);
    CHECK(v.views.slot_of(77) == 2);
    CHECK(v.views.slot_of(78) == -1);
    CHECK(v.all_int3(2));
    v.copy(2, 0, 4);
    v.copy(2, kPageSize - 1, 1);
    v.views.set_covered(2, 9);
    v.views.release(2);
    CHECK(v.views.slot_of(77) == -1);
    v.views.assign(2, 78);
    CHECK(v.views.slot_of(78) == 2);
    CHECK(v.all_int3(2));
    for (const unsigned o : {0u, 9u, kPageSize - 1}) {
        CHECK_FALSE(v.views.proven(2, o));
        CHECK_FALSE(v.views.copied(2, o));
        CHECK_FALSE(v.views.covered(2, o));
    }
    CHECK(v.state->counters.view_pages == 2);
}

TEST_CASE("frame 0 and the last frame have views like others") {
    Views v;
    v.views.assign(0, 0);
    v.views.assign(1, kMaxRamPages - 1);
    CHECK(v.views.slot_of(0) == 0);
    CHECK(v.views.slot_of(kMaxRamPages - 1) == 1);
}

TEST_CASE("what is noted of one byte is not noted of its neighbours") {
    Views v;
    v.views.assign(0, 5);
    for (const unsigned o : {0u, 63u, 64u, 4095u}) {
        v.views.set_proven(0, o);
        v.views.set_copied(0, o);
        v.views.set_covered(0, o);
    }
    unsigned proven = 0, copied = 0, covered = 0;
    for (unsigned o = 0; o < kPageSize; ++o)
        proven += v.views.proven(0, o), copied += v.views.copied(0, o), covered += v.views.covered(0, o);
    CHECK(proven == 4);
    CHECK(copied == 4);
    CHECK(covered == 4);
    v.views.clear_proven(0, 64);
    v.views.clear_copied(0, 64);
    v.views.clear_covered(0, 64);
    CHECK_FALSE(v.views.proven(0, 64));
    CHECK(v.views.proven(0, 63));
    CHECK_FALSE(v.views.copied(0, 64));
    CHECK_FALSE(v.views.covered(0, 64));
}

TEST_CASE("cutting takes the instructions that run on and leaves what ends before them") {
    Views v;
    v.views.assign(0, 5);
    v.views.assign(1, 6);
    v.copy(0, kPageSize - 12, 6);
    v.copy(0, kPageSize - 6, 15);
    v.copy(0, kPageSize - 4, 15);
    v.views.join(0, kPageSize - 4, 1);
    v.views.join(0, kPageSize - 6, 1);
    CHECK(v.state->slot[0].next_frame == 7);
    CHECK(v.state->slot[1].previous_frame == 6);

    v.views.cut_straddler(0);
    CHECK(v.all_int3(0, kPageSize - 6));
    CHECK_FALSE(v.views.copied(0, kPageSize - 6));
    CHECK_FALSE(v.views.copied(0, kPageSize - 4));
    CHECK(v.views.proven(0, kPageSize - 6));
    CHECK(v.views.copied(0, kPageSize - 12));
    CHECK(v.views.bytes(0)[kPageSize - 7] == 0x90);
    CHECK(v.state->slot[0].next_frame == 0);
    CHECK(v.state->slot[1].previous_frame == 0);
}

TEST_CASE("an instruction that runs on is cut although the view behind is gone already") {
    Views v;
    v.views.assign(0, 5);
    v.views.assign(1, 6);
    v.copy(0, kPageSize - 2, 5);
    v.views.join(0, kPageSize - 2, 1);
    v.views.release(1);
    v.views.cut_straddler(0);
    CHECK(v.all_int3(0));
}
