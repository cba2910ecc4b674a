#include "shadow/gathered_frames.hpp"

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
constexpr std::uint32_t RW = pte::RW, US = pte::US, D = pte::D, G = pte::G;
constexpr std::uint32_t kKernel = 0xC0000000, kHeap = 0x0810A000, kFirstFrame = 512, kEndFrame = 4096;

ShadowLimits gathering() {
    ShadowLimits limits;
    limits.gathers = true;
    return limits;
}

/// Address spaces with the same pages, whose frames lie apart; each frame begins with its own number.
struct Spaces {
    ShadowWorld w{true, gathering()};
    std::uint32_t pages, frames = 0;
    std::vector<std::uint32_t> cr3;

    Spaces(unsigned count, std::uint32_t pages_each) : pages(pages_each) {
        for (unsigned n = 0; n < count; ++n) {
            cr3.push_back((64 + n) * kPageSize);
            w.cpu.cr3 = cr3[n];
            w.pde(kKernel) = P_ | RW | pte::PS | pte::A | D | G;
            for (std::uint32_t i = 0; i < pages; ++i) w.map(kHeap + i * kPageSize, frame(n, i), RW | D | US);
        }
        for (std::uint32_t f = kFirstFrame; f < kEndFrame; ++f) w.word(f << kPageShift) = f;
        w.cpu.cpl = 0;
        REQUIRE(w.touch(kKernel, true));
    }
    std::uint32_t frame(unsigned space, std::uint32_t i) const {
        return kFirstFrame + (i * 7 + space * pages * 7) % (kEndFrame - kFirstFrame - 8);
    }
    void enter(unsigned n) {
        w.cpu.cpl = 0;
        w.cpu.cr3 = cr3[n];
        w.shadow.flush_changed();
        w.cpu.cpl = 3;
        w.shadow.enter_user();
    }
    /// The user goes through its pages.
    void use(unsigned n) {
        for (std::uint32_t i = 0; i < pages; ++i) {
            const std::uint32_t at = kHeap + i * kPageSize;
            if (w.data_at(at).kind == HostPage::none) REQUIRE(w.touch(at, true));
            REQUIRE(w.data_at(at).index == frame(n, i));
        }
    }
    void take_turns(unsigned times) {
        for (unsigned t = 0; t < times; ++t)
            for (unsigned n = 0; n < cr3.size(); ++n) {
                enter(n);
                use(n);
            }
    }
    bool every_frame_is_itself() {
        for (std::uint32_t f = kFirstFrame; f < kEndFrame; ++f)
            if (w.word(f << kPageShift) != f) return false;
        return true;
    }
    std::uint64_t gathered() const { return w.state->counters.frames_gathered; }
    static constexpr std::uint32_t P_ = pte::P;
};
}  // namespace

TEST_CASE("frames of neighbours that come and go together are mapped in one call") {
    Spaces s(2, 8);
    s.take_turns(20);
    CHECK(s.gathered() == 16);
    CHECK(s.every_frame_is_itself());
    s.enter(0);
    const unsigned calls = s.w.host.calls;
    s.enter(1);
    CHECK(s.w.host.calls == calls + 1);
    s.use(1);
    CHECK(s.w.inconsistency() == "");
    SECTION("and are the same by another address") {
        s.w.cpu.cpl = 0;
        const std::uint32_t at = kKernel + (s.frame(1, 3) << kPageShift);
        REQUIRE(s.w.touch(at, true));
        CHECK(s.w.data_at(at).index == s.frame(1, 3));
        CHECK(s.w.inconsistency() == "");
    }
    SECTION("and go home before others look") {
        s.w.word(s.frame(0, 2) << kPageShift) = 1234;
        s.w.shadow.send_frames_home();
        CHECK(s.w.word(s.frame(0, 2) << kPageShift) == 1234);
        s.w.word(s.frame(0, 2) << kPageShift) = s.frame(0, 2);
        CHECK(s.every_frame_is_itself());
        std::uint32_t in_file = 0;
        for (std::uint32_t f = kFirstFrame; f < kEndFrame; ++f) {
            REQUIRE(pread(s.w.ram.fd, &in_file, 4, static_cast<off_t>(f) << kPageShift) == 4);
            REQUIRE(in_file == f);
        }
        CHECK(s.w.inconsistency() == "");
        s.take_turns(20);
        CHECK(s.gathered() == 32);
        CHECK(s.every_frame_is_itself());
    }
    CHECK(s.w.host.error == "");
}

TEST_CASE("the pool of gathered frames begins anew when it is full") {
    Spaces s(44, 56);
    s.take_turns(14);
    CHECK(s.gathered() > kGatherPages);
    CHECK(s.every_frame_is_itself());
    CHECK(s.w.inconsistency() == "");
    CHECK(s.w.host.error == "");
}

TEST_CASE("frames that do not stay are not gathered, nor those that are neighbours already") {
    Spaces s(2, 8);
    const bool neighbours = GENERATE(false, true);
    if (neighbours) {
        for (unsigned n = 0; n < 2; ++n) {
            s.w.cpu.cr3 = s.cr3[n];
            for (std::uint32_t i = 0; i < s.pages; ++i)
                s.w.map(kHeap + i * kPageSize, kFirstFrame + n * s.pages + i, RW | D | US);
        }
    }
    for (unsigned t = 0; t < 40; ++t)
        for (unsigned n = 0; n < 2; ++n) {
            s.w.cpu.cr3 = s.cr3[n];
            for (std::uint32_t i = 0; !neighbours && i < s.pages; ++i)
                s.w.map(kHeap + i * kPageSize, kFirstFrame + t * 40 + n * 20 + i * 2, RW | D | US);
            s.enter(n);
            for (std::uint32_t i = 0; i < s.pages; ++i) REQUIRE(s.w.touch(kHeap + i * kPageSize, true));
        }
    CHECK(s.gathered() == 0);
    CHECK(s.w.inconsistency() == "");
}
