#include "shadow/shadow_descriptors.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint16_t kData = 0xC093, kReadOnly = 0xC091, kExpandDown = 0xC097, kCode = 0xC09B,
                        k16Bit = 0x8093;
constexpr std::uint32_t kShift = 0xFFC00000;
constexpr SegmentContext kKernel{kShift, 0, 1ull << 32}, kUser{kShift, 0, 0xC0000000};

SegmentRegister segment(std::uint32_t base, std::uint32_t limit, std::uint16_t attributes = kData) {
    return {0x10, attributes, base, limit};
}

/// Whether the processor lets an access of one byte at `offset` through, SDM Vol. 3A, section 5.3.
bool reaches(const HostDescriptor& d, std::uint32_t offset) {
    const std::uint32_t limit = d.in_pages ? d.limit << 12 | 0xFFF : d.limit;
    if (!d.expand_down) return offset <= limit;
    return offset > limit && (d.big || offset <= 0xFFFF);
}
bool reaches(const SegmentRegister& s, std::uint32_t offset) {
    if (!s.is_expand_down()) return offset <= s.limit;
    return offset > s.limit && (s.is_big() || offset <= 0xFFFF);
}

struct Descriptors {
    std::unique_ptr<ShadowState, FreeDelete> state = zeroed<ShadowState>();
    RecordedHost host;
    ShadowDescriptors shadow{*state, host};
    VCpu cpu;
    Descriptors() {
        for (auto& s : cpu.seg) s = segment(0, 0xFFFFFFFF);
        cpu.segment(Seg::cs) = segment(0, 0xFFFFFFFF, kCode);
    }
    HostDescriptor of(std::uint16_t selector) { return host.ldt.at(selector >> 3); }
};

}  // namespace

TEST_CASE("data segments are shifted, code is not and cannot be read") {
    HostDescriptor d;
    REQUIRE(host_descriptor(segment(0x1000, 0xFFFF), Seg::ds, 0, kKernel, d));
    CHECK(d.base == 0x1000 + kShift);
    CHECK(d.limit == 0xFFFF);
    CHECK_FALSE(d.in_pages);
    CHECK_FALSE(d.code);
    CHECK_FALSE(d.read_only);
    REQUIRE(host_descriptor(segment(0x1000, 0xFFFFFFFF, kCode), Seg::cs, 0, kKernel, d));
    CHECK(d.base == 0x1000);
    CHECK(d.code);
    CHECK(d.read_only);
    CHECK(reaches(d, 0xFFFFFFFF));
}

TEST_CASE("the type and the size of a segment are the guest's") {
    HostDescriptor d;
    REQUIRE(host_descriptor(segment(0, 0xFFFF, kReadOnly), Seg::es, 0, kKernel, d));
    CHECK(d.read_only);
    REQUIRE(host_descriptor(segment(0, 0xFFFF, kCode), Seg::ds, 0, kKernel, d));
    CHECK(d.read_only);
    CHECK_FALSE(d.code);
    REQUIRE(host_descriptor(segment(0, 0xFFFF, k16Bit), Seg::ss, 0, kKernel, d));
    CHECK_FALSE(d.big);
    REQUIRE(host_descriptor(segment(0, 0x0FFF, kExpandDown), Seg::ds, 0, kKernel, d));
    CHECK(d.expand_down);
    CHECK(d.limit == 0x0FFF);
}

TEST_CASE("a null segment is shadowed by one without a valid offset") {
    HostDescriptor d;
    CHECK_FALSE(host_descriptor(SegmentRegister{}, Seg::fs, 0, kKernel, d));
    Descriptors t;
    for (auto& s : t.cpu.seg) s = SegmentRegister{};
    const HostSelectors selectors = t.shadow.selectors(t.cpu, kKernel);
    for (const Seg s : {Seg::ss, Seg::ds, Seg::es, Seg::fs, Seg::gs}) {
        REQUIRE(selectors[s] != 0);
        for (const std::uint32_t offset : {0u, 0xFFFFu, 0x10000u, 0xFFFFFFFFu})
            CHECK_FALSE(reaches(t.of(selectors[s]), offset));
    }
}

TEST_CASE(
    "at CPL 3 no segment that does not wrap around reaches the boundary, and none reaches more than the "
    "guest's") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto some = [&]() -> std::uint32_t {
        switch (random() % 5) {
            case 0: return random();
            case 1: return random() & 0xFFFFF;
            case 2: return 0xC0000000 + random() % 0x2000 - 0x1000;
            case 3: return 0u - random() % 0x2000;
            default: return random() % 0x2000;
        }
    };
    for (unsigned n = 0; n < 50000; ++n) {
        constexpr std::uint16_t kTypes[] = {kData, kReadOnly, kExpandDown, kCode, k16Bit};
        std::uint32_t limit = some();
        if (limit > 0xFFFFF) limit |= 0xFFF;  // page granular, as a guest's descriptor must be
        SegmentRegister s = segment(some(), limit, kTypes[random() % 5]);
        const Seg which = random() % 4 ? Seg::ds : Seg::cs;
        if (which == Seg::cs) s.attributes = kCode;
        SegmentContext context{kShift, 0, std::uint64_t{random() % 1024} << 22};
        const unsigned cpl = random() % 2 ? 3 : 0;
        if (cpl == 0) context.user_boundary = 1ull << 32;
        HostDescriptor d;
        REQUIRE(host_descriptor(s, which, cpl, context, d));
        const bool wraps =
            !s.is_expand_down() && std::uint64_t{s.base} + s.limit >= (1ull << 32) && s.base != 0;
        const std::uint32_t probes[] = {0,
                                        1,
                                        some(),
                                        s.limit,
                                        s.limit + 1,
                                        0xFFFF,
                                        0x10000,
                                        0xFFFFFFFF,
                                        static_cast<std::uint32_t>(context.user_boundary - s.base),
                                        static_cast<std::uint32_t>(context.user_boundary - s.base - 1)};
        for (const std::uint32_t offset : probes) {
            const bool reached = reaches(d, offset);
            const std::uint64_t linear = std::uint64_t{s.base} + offset;
            INFO("base " << s.base << " limit " << s.limit << " attributes " << s.attributes << " offset "
                         << offset << " boundary " << context.user_boundary << " cpl " << cpl);
            // CS keeps one byte, because its limit cannot be below zero: EIP is checked before user code
            // resumes.
            const bool least = which == Seg::cs && offset == 0;
            if (reached && !least && !reaches(s, offset)) FAIL("more than the guest's");
            if (cpl == 3 && reached && !least && !(wraps && which != Seg::cs) &&
                linear >= context.user_boundary)
                FAIL("beyond the boundary");
            // What is denied is denied by the boundary, up to its last partial page, or as it was by the
            // guest.
            const bool clipped =
                cpl == 3 && (s.is_expand_down() || linear + kPageSize >= context.user_boundary);
            if (!reached && reaches(s, offset) && !clipped) FAIL("less than the guest's");
        }
    }
}

TEST_CASE("a segment with a base that wraps around keeps its limit") {
    HostDescriptor d;
    REQUIRE(host_descriptor(segment(0x08048000, 0xFFFFFFFF), Seg::gs, 3, kUser, d));
    CHECK(d.base == 0x08048000 + kShift);
    CHECK(reaches(d, 0xFFFFFFFF));
    REQUIRE(host_descriptor(segment(0, 0xFFFFFFFF), Seg::ds, 3, kUser, d));
    CHECK(reaches(d, 0xBFFFFFFF));
    CHECK_FALSE(reaches(d, 0xC0000000));
}

TEST_CASE("below CPL 3 no data segment reaches below the floor, and those that are flat lose nothing else") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    for (unsigned n = 0; n < 50000; ++n) {
        constexpr std::uint16_t kTypes[] = {kData, kReadOnly, kExpandDown, kCode, k16Bit};
        constexpr std::uint32_t kBases[] = {0, 0, 0x1000, 0xC0001000, 0xFFFF0000};
        constexpr std::uint32_t kLimits[] = {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFF, 0x1FFF, 8};
        const SegmentRegister s = segment(kBases[random() % 5], kLimits[random() % 5], kTypes[random() % 5]);
        const Seg which = random() % 2 ? Seg::ds : Seg::ss;
        SegmentContext context = kKernel;
        context.kernel_floor = (1 + random() % 1023) << 22;
        HostDescriptor d;
        REQUIRE(host_descriptor(s, which, 0, context, d));
        VCpu cpu;
        for (auto& other : cpu.seg) other = SegmentRegister{};
        cpu.segment(which) = s;
        const bool exact = floor_is_exact(cpu, context.kernel_floor);
        const auto beginning = static_cast<std::uint32_t>(context.kernel_floor - s.base);
        const std::uint32_t some = random();
        for (const std::uint32_t offset : {0u, 8u, some, 0xFFFFu, 0x10000u, beginning, beginning - 1, ~0u}) {
            INFO("base " << s.base << " limit " << s.limit << " attributes " << s.attributes << " offset "
                         << offset << " floor " << context.kernel_floor);
            const std::uint32_t at = s.base + offset;
            if (reaches(d, offset) && at < context.kernel_floor) FAIL("below the floor");
            if (reaches(d, offset) && !reaches(s, offset)) FAIL("more than the guest's");
            if (exact && !reaches(d, offset) && reaches(s, offset) && at >= context.kernel_floor)
                FAIL("less than the guest's");
        }
        if (s.base == 0 && s.limit == 0xFFFFFFFF && s.attributes == kData) CHECK(exact);
    }
}

TEST_CASE("the same content finds the same slot, and loads nothing again") {
    Descriptors t;
    const HostSelectors first = t.shadow.selectors(t.cpu, kKernel);
    const unsigned calls = t.host.calls;
    CHECK(calls == 2);
    for (const Seg s : {Seg::es, Seg::cs, Seg::ss, Seg::ds}) CHECK((first[s] & 7) == 7);
    CHECK(first[Seg::es] == first[Seg::ds]);
    t.cpu.cpl = 3;
    const HostSelectors user = t.shadow.selectors(t.cpu, kUser);
    CHECK(user[Seg::ds] != first[Seg::ds]);
    t.cpu.cpl = 0;
    const unsigned before = t.host.calls;
    const HostSelectors again = t.shadow.selectors(t.cpu, kKernel);
    CHECK(std::equal(again.selector, again.selector + 6, first.selector));
    CHECK(t.host.calls == before);

    ShadowDescriptors attached(*t.state, t.host);  // another engine over the same arena
    const HostSelectors found = attached.selectors(t.cpu, kKernel);
    CHECK(std::equal(found.selector, found.selector + 6, first.selector));
    CHECK(t.host.calls == before);
}

TEST_CASE("more descriptors than there are slots recycle them, and each selector names what it should") {
    Descriptors t;
    std::mt19937 random(7);
    std::set<std::uint32_t> bases;
    for (unsigned n = 0; n < 3 * kDescriptorSlots; ++n) {
        if (n % 3 == 0) t.cpu.segment(Seg::fs) = segment(random() & 0xFFFFF000, 0xFFFF);
        t.cpu.segment(Seg::gs) = segment(n << 12, 0xFFFFF + (n % 5 << 12));
        t.cpu.cpl = n % 7 == 0 ? 3 : 0;
        const SegmentContext context = t.cpu.cpl ? kUser : kKernel;
        const HostSelectors selectors = t.shadow.selectors(t.cpu, context);
        for (unsigned i = 0; i < 6; ++i) {
            HostDescriptor expected;
            REQUIRE(host_descriptor(t.cpu.seg[i], static_cast<Seg>(i), t.cpu.cpl, context, expected));
            REQUIRE(t.of(selectors.selector[i]) == expected);
        }
        bases.insert(t.cpu.segment(Seg::gs).base);
    }
    CHECK(bases.size() > kDescriptorSlots);
    CHECK(t.host.error == "");
    CHECK(t.state->descriptor_count <= kDescriptorSlots);
}
