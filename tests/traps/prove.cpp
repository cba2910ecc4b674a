#include "traps/prove.hpp"

#include <catch2/catch.hpp>
#include <initializer_list>
#include <random>

#include "shadow/gate_sites.hpp"
#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

/// Linear pages of code; the page behind the first, and behind its second address, changes.
constexpr std::uint32_t kCode = 0xC0100000, kBehind = kCode + kPageSize, kAlias = 0xD0000000,
                        kEnd = kBehind + kPageSize;
constexpr std::uint32_t kFirstFrame = 40, kCodeFrames = 4;
constexpr unsigned kLongest = 15;

/// Guest code whose addresses are executed by hand: what the trap handler does at a first execution, and what
/// the processor would fetch from the host's mappings.
struct CodeGuest : ShadowWorld {
    GuestMemory memory{cpu, ram.get(), kRam, nullptr, &shadow};
    Decoder decoder;
    Policy policy;
    Statistics statistics;
    Prover prover{cpu, memory, shadow, views, decoder, policy, statistics};
    /// Bytes of a frame that some proven instruction covers.
    std::vector<std::uint8_t> reached[kCodeFrames];
    std::vector<std::uint8_t> original;

    CodeGuest() {
        cpu.segment(Seg::cs) = {8, 0xC09B, 0, 0xFFFFFFFF};
        map(kCode, kFirstFrame, 0);
        map(kBehind, kFirstFrame + 1, 0);
        map(kEnd, kFirstFrame + 3, 0);
        map(kAlias, kFirstFrame, 0);
        map(kAlias + kPageSize, kFirstFrame + 2, 0);
        for (const std::uint32_t last : {kEnd + kPageSize, kAlias + 2 * kPageSize})
            map(last, kFirstFrame + 3, 0);
        for (auto& r : reached) r.resize(kPageSize);
        remember();
    }
    std::uint8_t* guest(unsigned n) { return ram.get() + ((kFirstFrame + n) << kPageShift); }
    void remember() { original.assign(guest(0), guest(kCodeFrames)); }
    bool ram_unchanged() { return std::equal(original.begin(), original.end(), guest(0)); }
    void put(std::uint32_t offset, std::initializer_list<unsigned> bytes, unsigned frame = 0) {
        for (const unsigned b : bytes) guest(frame)[offset++] = static_cast<std::uint8_t>(b);
        remember();
    }
    unsigned slot(unsigned n = 0) const { return static_cast<unsigned>(views.slot_of(kFirstFrame + n)); }
    std::uint8_t view(unsigned offset, unsigned n = 0) { return views.bytes(slot(n))[offset]; }

    /// The guest's instruction at an offset of a frame, continued in another.
    Instruction instruction(unsigned n, unsigned offset, int next) {
        std::uint8_t bytes[kLongest];
        const unsigned head = std::min(kLongest, kPageSize - offset);
        std::memcpy(bytes, guest(n) + offset, head);
        if (next < 0) return decoder.decode(bytes, head);
        std::memcpy(bytes + head, guest(static_cast<unsigned>(next)), kLongest - head);
        return decoder.decode(bytes, kLongest);
    }

    bool prove_at(std::uint32_t at);
    bool run(std::uint32_t at, std::string& wrong);
    void note_reached();
    std::string broken_promise();
    std::string view_fault(unsigned n);
};

/// The trap at an address that is executed; false if it cannot be fetched.
bool CodeGuest::prove_at(std::uint32_t at) {
    const auto t = walk(at, Access::execute(false));
    if (!t) return false;
    const int now = views.slot_of(t.value().physical.page());
    const MappedPage& mapped = shadow.code_page(gva(at));
    if (now < 0 || !mapped.present() || mapped.target() != static_cast<unsigned>(now))
        if (!shadow.map_code(gva(at), t.value())) return false;
    const auto s = static_cast<unsigned>(views.slot_of(t.value().physical.page()));
    if (!views.proven(s, at & kPageMask)) prover.prove(gva(at), s);
    note_reached();
    return true;
}

/// Executes at an address.  What runs natively must be the guest's own instruction to its last byte.  True if
/// it ran and falls through.
bool CodeGuest::run(std::uint32_t at, std::string& wrong) {
    const unsigned offset = at & kPageMask;
    for (unsigned tries = 0; tries < 4; ++tries) {
        if (!prove_at(at)) return false;
        const HostPage& first = code_at(at);
        if (first.kind != HostPage::view || state->slot[first.index].frame == 0) continue;
        if (!views.copied(first.index, offset)) return false;
        std::uint8_t genuine[kLongest];
        const unsigned in_page = std::min(kLongest, kPageSize - offset);
        if (!memory.read_bytes(gva(at), genuine, in_page, Access::execute(false))) return false;
        Instruction insn = decoder.decode(genuine, in_page);
        if (insn.length == 0) {
            const std::uint32_t next = at + in_page;
            // The second page's fault.
            const auto t = walk(next, Access::execute(false));
            if (!t) return false;
            if (code_at(next).kind == HostPage::none) {
                shadow.map_code(gva(next), t.value());
                continue;
            }
            if (!memory.read_bytes(gva(at), genuine, kLongest, Access::execute(false))) return false;
            insn = decoder.decode(genuine, kLongest);
        }
        for (unsigned i = 0; i < insn.length; ++i) {
            const HostPage& h = code_at(at + i);
            if (h.kind != HostPage::view || views.bytes(h.index)[(at + i) & kPageMask] != genuine[i])
                wrong = "other bytes than the guest's would run";
        }
        if (may_run_natively(insn, cpu, policy) != Native::yes) wrong = "would run unseen";
        return insn.length && (insn.flow == Flow::next || insn.flow == Flow::jcc);
    }
    wrong = "faults for ever";
    return false;
}

void CodeGuest::note_reached() {
    for (unsigned n = 0; n < kCodeFrames; ++n) {
        const int s = views.slot_of(kFirstFrame + n);
        if (s < 0) {
            std::fill(reached[n].begin(), reached[n].end(), std::uint8_t{0});
            continue;
        }
        for (unsigned o = 0; o < kPageSize; ++o) {
            if (!views.proven(static_cast<unsigned>(s), o) || reached[n][o] == 2) continue;
            const Instruction insn = instruction(n, o, -1);
            for (unsigned i = 0; i < insn.length; ++i) reached[n][o + i] |= 1;
            if (insn.length == 0)
                for (unsigned next = 0; next < kCodeFrames; ++next) {
                    const unsigned length = instruction(n, o, static_cast<int>(next)).length;
                    for (unsigned i = 0; i < length; ++i)
                        (o + i < kPageSize ? reached[n][o + i] : reached[next][o + i - kPageSize]) |= 1;
                }
            reached[n][o] = 2;
        }
    }
}

std::string CodeGuest::view_fault(unsigned n) {
    const unsigned s = slot(n);
    const ViewSlot& v = state->slot[s];
    const std::uint8_t* bytes = views.bytes(s);
    const std::uint8_t* own = guest(n);
    const int next = v.next_frame ? static_cast<int>(v.next_frame - 1 - kFirstFrame) : -1;
    for (unsigned o = 0; o < kPageSize; ++o) {
        const std::string where = " at " + std::to_string(o);
        const bool site_here = o + 1 < kPageSize && !views.covered(s, o) && views.covered(s, o + 1);
        if (views.covered(s, o)) {
            if (views.proven(s, o) || views.copied(s, o)) return "a boundary behind a site's jump" + where;
            continue;
        }
        if (site_here) {
            if (!views.proven(s, o) || views.copied(s, o)) return "a site at no trapped boundary" + where;
            if (std::memcmp(bytes + o, kSiteJump, kSiteBytes)) return "a site without its jump" + where;
            continue;
        }
        if (views.copied(s, o)) {
            if (!views.proven(s, o)) return "copied, not proven" + where;
            Instruction insn = instruction(n, o, -1);
            const bool straddles = insn.length == 0;
            if (straddles) {
                if (next < 0) return "runs on into no page" + where;
                insn = instruction(n, o, next);
            }
            if (may_run_natively(insn, cpu, policy) != Native::yes)
                return "a trapped instruction is copied" + where;
            for (unsigned i = 0; i < insn.length; ++i) {
                const bool here = o + i < kPageSize;
                const std::uint8_t byte =
                    here ? bytes[o + i] : views.bytes(slot(static_cast<unsigned>(next)))[o + i - kPageSize];
                if (byte != insn.bytes[i]) return "a copy is not the guest's" + where;
            }
            const unsigned end = o + insn.length;
            const bool falls_through = insn.flow == Flow::next || insn.flow == Flow::jcc;
            if (falls_through && end < kPageSize && !views.proven(s, end) && !views.covered(s, end) &&
                bytes[end] != kInt3)
                return "falls through to what was not proven" + where;
        } else if (views.proven(s, o) && bytes[o] != kInt3) {
            return "a trapped boundary without int3" + where;
        }
        if (bytes[o] != kInt3 && (!reached[n][o] || bytes[o] != own[o])) return "garbage" + where;
    }
    if (!v.pad_slot) return {};
    std::vector<std::uint8_t> pads(kPageSize, kInt3);
    for (std::uint32_t site = v.first_site; site; site = state->site[site - 1].next) {
        const std::uint32_t landing = (state->landing_region << kRegionShift) + (site - 1) * kLandingBytes;
        std::uint8_t* pad = pads.data() + state->site[site - 1].offset;
        pad[0] = 0xEA;
        std::memcpy(pad + 1, &landing, 4);
        pad[5] = 0x33;
        pad[6] = 0;
    }
    if (std::memcmp(pads.data(), views.bytes(v.pad_slot - 1u), kPageSize)) return "pads";
    return {};
}

std::string CodeGuest::broken_promise() {
    if (!ram_unchanged()) return "guest RAM has changed";
    for (unsigned n = 0; n < kCodeFrames; ++n)
        if (views.slot_of(kFirstFrame + n) >= 0)
            if (const std::string fault = view_fault(n); !fault.empty())
                return "frame " + std::to_string(n) + ": " + fault;
    return inconsistency();
}

/// Bytes that are often short or sensitive instructions, so that many boundaries overlap.
void scatter(std::mt19937& random, std::uint8_t* bytes, unsigned count) {
    constexpr std::uint8_t kLikely[] = {0xFA, 0xFB, 0x9C, 0x9D, 0x8E, 0xD8, 0x0F, 0x20, 0xC0,
                                        0xCD, 0x80, 0xCC, 0xF4, 0xB8, 0x90, 0x40, 0x89, 0xC8,
                                        0x66, 0x2E, 0x81, 0xC7, 0x05, 0x74, 0x8B, 0xD9};
    for (unsigned i = 0; i < count; ++i)
        bytes[i] = random() % 2 ? static_cast<std::uint8_t>(random()) : kLikely[random() % sizeof kLikely];
}

}  // namespace

TEST_CASE("a straight line is copied up to where it leaves, and nothing behind that") {
    CodeGuest g;
    g.put(0x100, {0x40, 0x89, 0xC8, 0xC3, 0x41, 0x42});  // inc, mov, ret; inc, inc
    REQUIRE(g.prove_at(kCode + 0x100));
    for (const unsigned o : {0x100u, 0x101u, 0x103u}) CHECK(g.views.copied(g.slot(), o));
    CHECK(g.view(0x102) == 0xC8);
    CHECK(g.view(0x104) == kInt3);
    CHECK_FALSE(g.views.proven(g.slot(), 0x104));
    CHECK(g.view(0xFF) == kInt3);
}

TEST_CASE("sensitive instructions stay int3, and what follows them is proven") {
    CodeGuest g;
    g.put(0x100, {0x40, 0xFA, 0x9C, 0x41, 0xC3});  // inc, cli, pushf, inc, ret
    REQUIRE(g.prove_at(kCode + 0x100));
    for (const unsigned o : {0x101u, 0x102u}) {
        CHECK(g.views.proven(g.slot(), o));
        CHECK_FALSE(g.views.copied(g.slot(), o));
        CHECK(g.view(o) == kInt3);
    }
    CHECK(g.view(0x103) == 0x41);
}

TEST_CASE("an instruction that would hide a trapped boundary is not copied, whichever came first") {
    CodeGuest g;
    g.put(0x100, {0xB8, 0xFA, 0x40, 0x40, 0xC3, 0xC3});  // mov $0xC34040FA,%eax over cli
    const unsigned orders[2][2] = {{0x100, 0x101}, {0x101, 0x100}};
    const unsigned order = GENERATE(0u, 1u);
    for (const unsigned o : orders[order]) REQUIRE(g.prove_at(kCode + o));
    CHECK_FALSE(g.views.copied(g.slot(), 0x100));
    CHECK(g.view(0x100) == kInt3);
    CHECK(g.view(0x101) == kInt3);
    CHECK(g.broken_promise() == "");
}

TEST_CASE("a copy that goes takes the copies along that cover its beginning") {
    CodeGuest g;
    // mov at 0x100 covers the mov at 0x103, which covers the cli at 0x106.
    g.put(0x100, {0xB8, 0x90, 0x90, 0xB8, 0x90, 0xC3, 0xFA, 0x90, 0xC3});
    for (const unsigned o : {0x100u, 0x103u}) {
        REQUIRE(g.prove_at(kCode + o));
        REQUIRE(g.views.copied(g.slot(), o));
    }
    REQUIRE(g.prove_at(kCode + 0x106));
    CHECK_FALSE(g.views.copied(g.slot(), 0x103));
    CHECK_FALSE(g.views.copied(g.slot(), 0x100));
    CHECK(g.broken_promise() == "");
}

TEST_CASE("reads through CS and the FPU while it is off are not copied") {
    CodeGuest g;
    g.put(0x100, {0x2E, 0x8B, 0x00, 0xD9, 0xE8, 0xC3});  // mov %cs:(%eax),%eax; fld1
    g.cpu.cr0 |= cr0::TS;
    REQUIRE(g.prove_at(kCode + 0x100));
    CHECK_FALSE(g.views.copied(g.slot(), 0x100));
    CHECK_FALSE(g.views.copied(g.slot(), 0x103));
    g.cpu.cr0 &= ~cr0::TS;
    g.shadow.drop_fpu_views();
    CHECK(g.views.slot_of(kFirstFrame) == -1);
    REQUIRE(g.prove_at(kCode + 0x100));
    CHECK(g.views.copied(g.slot(), 0x103));
}

TEST_CASE("an instruction that spans two pages is copied into both, and cut when the second is written") {
    CodeGuest g;
    g.put(kPageSize - 2, {0xB8, 0x11});
    g.put(0, {0x22, 0x33, 0x44, 0xC3}, 1);
    std::string wrong;
    CHECK(g.run(kCode + kPageSize - 2, wrong));
    CHECK(wrong == "");
    CHECK(g.view(kPageSize - 2) == 0xB8);
    CHECK(g.view(0, 1) == 0x22);
    CHECK(g.view(3, 1) == kInt3);
    REQUIRE(g.broken_promise() == "");

    SECTION("written") {
        g.put(0, {0x55}, 1);
        g.shadow.ram_written(gpa((kFirstFrame + 1) << kPageShift));
    }
    SECTION("replaced by another page") {
        g.map(kBehind, kFirstFrame + 2, 0);
        g.shadow.invalidate(gva(kBehind));
        REQUIRE(g.prove_at(kBehind));
    }
    SECTION("entered at a sensitive instruction that it covers") {
        g.put(1, {0xFA}, 1);
        g.shadow.ram_written(gpa((kFirstFrame + 1) << kPageShift));
        g.run(kCode + kPageSize - 2, wrong);
        REQUIRE(g.prove_at(kBehind + 1));
    }
    CHECK_FALSE(g.views.copied(g.slot(), kPageSize - 2));
    CHECK(g.view(kPageSize - 2) == kInt3);
    g.run(kCode + kPageSize - 2, wrong);
    CHECK(wrong == "");
    CHECK(g.broken_promise() == "");
}

TEST_CASE("the same page before two others never runs with the wrong one behind it") {
    CodeGuest g;
    g.put(kPageSize - 2, {0xB8, 0x11});
    g.put(0, {0x22, 0x33, 0x44, 0xC3}, 1);
    g.put(0, {0xFA, 0x33, 0x44, 0xC3}, 2);
    std::string wrong;
    const bool both_mapped = GENERATE(false, true);
    if (both_mapped) {
        REQUIRE(g.prove_at(kAlias + 0x10));
        REQUIRE(g.prove_at(kAlias + kPageSize + 0x10));
    }
    for (unsigned n = 0; n < 3; ++n)
        for (const std::uint32_t at : {kCode, kAlias}) {
            g.run(at + kPageSize - 2, wrong);
            CHECK(wrong == "");
            CHECK(g.broken_promise() == "");
        }
}

TEST_CASE("a page whose successor cannot be fetched keeps the instruction that spans them trapped") {
    CodeGuest g;
    g.put(kPageSize - 2, {0xB8, 0x11});
    g.pte_of(kBehind) = 0;
    REQUIRE(g.prove_at(kCode + kPageSize - 2));
    CHECK(g.views.proven(g.slot(), kPageSize - 2));
    CHECK(g.view(kPageSize - 2) == kInt3);
}

TEST_CASE("cutting an instruction that spans two pages leaves no hole in one that overlaps it") {
    CodeGuest g;
    g.put(kPageSize - 3, {0xB0, 0xB8, 0xC3});  // mov $0xB8,%al; ret; one byte further on a mov to %eax
    g.put(0, {0x22, 0x33, 0x44, 0xC3}, 1);
    const bool spanning_first = GENERATE(true, false);
    for (const unsigned back : {spanning_first ? 2u : 3u, spanning_first ? 3u : 2u})
        REQUIRE(g.prove_at(kCode + kPageSize - back));
    CHECK(g.broken_promise() == "");
    g.put(0, {0x55}, 1);
    g.shadow.ram_written(gpa((kFirstFrame + 1) << kPageShift));
    CHECK(g.broken_promise() == "");
}

TEST_CASE(
    "what falls through to an instruction that cannot be fetched yet does not end inside another copy") {
    CodeGuest g;
    // mov $0xB0,%cl and then mov to %eax, cut short; one byte further on mov $0xB8,%al, which covers its
    // beginning.
    g.put(kPageSize - 4, {0xB1, 0xB0, 0xB8, 0x11});
    g.pte_of(kBehind) = 0;
    REQUIRE(g.prove_at(kCode + kPageSize - 3));
    CHECK(g.views.copied(g.slot(), kPageSize - 3));
    REQUIRE(g.prove_at(kCode + kPageSize - 4));
    for (unsigned o = kPageSize - 4; o < kPageSize; ++o) CHECK(g.view(o) == kInt3);
    CHECK(g.broken_promise() == "");
}

TEST_CASE(
    "whatever is executed of random bytes, only proven instructions of the guest run, and no sensitive "
    "ones") {
    const unsigned seeds = 12, first = std::random_device{}();
    for (unsigned seed = first; seed != first + seeds; ++seed) {
        std::mt19937 random(seed);
        CodeGuest g;
        if (seed % 3) g.shadow.enable_gates(0x1234'5678'9ABCull);
        if (seed % 4 == 0) g.policy.level = SensitiveLevel::trap;
        scatter(random, g.guest(0), kCodeFrames * kPageSize);
        // Few places, so that what is executed overlaps; among them the ends of pages.
        const auto place = [&]() -> std::uint32_t {
            const std::uint32_t page = (random() % 5 ? kCode : kAlias) + random() % 2 * kPageSize;
            switch (random() % 4) {
                case 0: return page + kPageSize - 1 - random() % 24;
                case 1: return page + random() % 24;
                default: return page + 0x200 + random() % 200;
            }
        };
        g.remember();
        for (unsigned step = 0; step < 250; ++step) {
            std::string wrong;
            const unsigned n = random() % kCodeFrames;
            switch (random() % 12) {
                case 0: {  // the guest writes code
                    const std::uint32_t at = place() & kPageMask;
                    scatter(random, g.guest(n) + at, 1);
                    g.remember();
                    g.shadow.ram_written(gpa((kFirstFrame + n) << kPageShift));
                    REQUIRE(g.views.slot_of(kFirstFrame + n) < 0);
                    break;
                }
                case 1:  // the page behind becomes another
                    g.map(kBehind, kFirstFrame + 1 + random() % 3, 0);
                    g.shadow.invalidate(gva(kBehind));
                    break;
                case 2:
                    g.cpu.cr0 ^= cr0::TS;
                    g.shadow.drop_fpu_views();
                    break;
                case 3:
                    if (random() % 4 == 0) g.shadow.flush_all();
                    break;
                case 4:
                case 5: {  // sites come
                    if (g.views.slot_of(kFirstFrame + n) < 0) break;
                    const unsigned at = place() & kPageMask, s = g.slot(n);
                    for (unsigned o = at; o < std::min(at + 32, kPageSize); ++o)
                        if (g.views.proven(s, o) && !g.views.copied(s, o) &&
                            g.instruction(n, o, -1).sensitive() &&
                            !g.views.covered(s, o + 1 < kPageSize ? o + 1 : o))
                            g.shadow.make_site(s, o, false);
                    break;
                }
                case 6:  // and go
                    if (g.views.slot_of(kFirstFrame + n) >= 0 && g.state->slot[g.slot(n)].pad_slot)
                        g.shadow.strip_sites(g.slot(n));
                    break;
                default: {
                    std::uint32_t at = place();
                    for (unsigned i = 0; i < 6 && g.run(at, wrong); ++i) {
                        std::uint8_t bytes[kLongest];
                        if (!g.memory.read_bytes(gva(at), bytes, kLongest, Access::execute(false))) break;
                        at += g.decoder.decode(bytes, kLongest).length;
                    }
                }
            }
            g.note_reached();
            const std::string broken = g.broken_promise();
            INFO("seed " << seed << ", step " << step);
            REQUIRE(wrong == "");
            REQUIRE(broken == "");
        }
    }
}

TEST_CASE("a hole that is left open runs natively, at the addresses named and nowhere else") {
    Decoder decoder;
    const std::uint8_t bytes[] = {0x9D};  // popf
    const Instruction popf = decoder.decode(bytes, sizeof bytes);
    VCpu cpu;
    Policy policy;
    policy.level = SensitiveLevel::trap;
    CHECK(may_run_natively(popf, cpu, policy) == Native::sensitive);
    policy.open = 1ull << static_cast<unsigned>(InsnId::popf);
    CHECK(may_run_natively(popf, cpu, policy, gva(kCode)) == Native::yes);
    policy.open_first = policy.open_last = kCode;
    CHECK(may_run_natively(popf, cpu, policy, gva(kCode)) == Native::yes);
    CHECK(may_run_natively(popf, cpu, policy, gva(kCode + 1)) == Native::sensitive);
    policy.open = ~0ull;
    const std::uint8_t int3[] = {0xCC};
    CHECK(may_run_natively(decoder.decode(int3, 1), cpu, policy, gva(kCode)) == Native::sensitive);
}
