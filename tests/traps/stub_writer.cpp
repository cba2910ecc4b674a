// Native stubs against the emulators: random states, every stub executed step by step by a model of the
// processor at ring 3, and interrupted at every step.
#include "traps/stub_writer.hpp"

#include <random>

#include "shadow/stubs.hpp"
#include "tests/traps/test_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t kStubData = 0x100000, kCell = 0x300000, kLanding = 0x7000, kBytes = 4u << 20;
constexpr std::uint32_t kHardwareFlags = eflags::IF | eflags::FIXED1;
constexpr std::uint32_t kNativeFlags = eflags::kArithmetic | eflags::DF;
constexpr std::uint16_t kSelectors[] = {0, 3, kData0, kData3, kReadOnly, kCode0, kTss};
constexpr std::uint16_t kHostBit = 0x8000;  ///< what loads the shadow of a selector, in this model

/// What the registers hold in this model: shadows carry a bit.
HostSelectors hardware_selectors(const VCpu& cpu) {
    HostSelectors h;
    for (unsigned i = 0; i < 6; ++i)
        h.selector[i] =
            (cpu.seg[i].selector & ~3u) ? static_cast<std::uint16_t>(cpu.seg[i].selector | kHostBit) : 0;
    return h;
}

/// A guest at CPL 0 whose code holds one site, and what the hardware runs in its place.
struct StubWorld : TestMachine {
    Stubs stubs;
    Stub stub;
    std::vector<Instruction> insns;
    StubAddresses where{kCell, kCodeAt, kStubData, kLanding};
    bool pending = false;

    StubWorld() : TestMachine(kBytes) { stubs.open(data()); }
    StubData* data() { return reinterpret_cast<StubData*>(storage.get() + kStubData); }

    void write(std::initializer_list<std::initializer_list<unsigned>> code) {
        std::uint32_t at = kCodeAt;
        insns.clear();
        for (const auto& bytes : code) {
            insns.push_back(decode(bytes));
            REQUIRE(insns.back().length == bytes.size());
            for (const unsigned b : bytes) storage[at++] = static_cast<std::uint8_t>(b);
        }
        write_stub(where, insns.data(), static_cast<unsigned>(insns.size()), ~0u, stub);
        REQUIRE(stub.length != 0);
        std::memcpy(storage.get() + kCell, stub.code, stub.length);
    }
    void learn(std::uint16_t selector) {
        Descriptor d;
        if ((selector & ~3u) == 0) return stubs.remember_null(selector, 0);
        const auto segment = check_segment(m, Seg::ds, selector, 0);
        if (!segment) return;
        REQUIRE(find_descriptor(m, selector, d).value());
        d.high |= 1u << 8;
        put32(kGdtAt + (selector & 0xFFF8u) + 4, d.high);
        stubs.remember(segment.value(), gva(kGdtAt + (selector & 0xFFF8u)), d.low, d.high,
                       static_cast<std::uint16_t>(selector | kHostBit));
    }
    /// What the emulators make of it: the state before each instruction, and behind the last.
    std::vector<VCpu> reference() {
        std::vector<VCpu> states;
        const VCpu before = cpu;
        const std::vector<std::uint8_t> stack(storage.get() + kKernelStack - 64,
                                              storage.get() + kKernelStack + 64);
        for (unsigned n = 0; n < 24 && cpu.eip - kCodeAt < 64; ++n) {
            states.push_back(cpu);
            const Instruction* insn = at_eip();
            if (!insn) break;
            cpu.shadow = InterruptShadow::none;
            const Emulated r = insn->sensitive() ? emulate(m, *insn) : interpret(m, *insn).result;
            if (!r) break;
            if (r.value() == Next::advance) cpu.eip += insn->length;
        }
        states.push_back(cpu);
        cpu = before;
        std::memcpy(storage.get() + kKernelStack - 64, stack.data(), stack.size());
        return states;
    }
    const Instruction* at_eip() const {
        std::uint32_t at = kCodeAt;
        for (const Instruction& insn : insns) {
            if (at == cpu.eip) return &insn;
            at += insn.length;
        }
        return nullptr;
    }
};

/// The processor at ring 3: `cpu` holds what the hardware does.
struct Native {
    StubWorld& w;
    VCpu hardware;
    std::uint16_t loaded[6] = {};
    bool gave_up = false;

    explicit Native(StubWorld& world) : w(world), hardware(world.cpu) {
        hardware.eflags = (hardware.eflags & kNativeFlags) | kHardwareFlags;
        hardware.eip = kCell;
    }
    bool inside() const { return !gave_up && hardware.eip - kCell < w.stub.length; }
    void step() {
        const std::uint8_t* at = w.storage.get() + hardware.eip;
        if (at[0] == 0xEA) {
            std::uint32_t to;
            std::memcpy(&to, at + 1, 4);
            REQUIRE(to == kLanding);
            gave_up = true;
            return;
        }
        if (at[0] == 0x8E) {  // a move to a segment register: the host's selector
            const unsigned segment = at[1] >> 3 & 7u;
            loaded[segment] = static_cast<std::uint16_t>(hardware.gpr[at[1] & 7u]);
            hardware.eip += 2;
            return;
        }
        std::swap(w.cpu, hardware);
        const Instruction insn = w.decoder.decode(at, 15, 4);
        REQUIRE(insn.length != 0);
        Emulated r = Next::advance;
        if (insn.sensitive()) {
            REQUIRE((insn.id == InsnId::pushf || insn.id == InsnId::popf));
            w.cpu.cpl = 3;  // IF and IOPL are out of reach
            for (auto& s : w.cpu.seg) s.attributes |= 3u << 5;
            r = emulate(w.m, insn);
            w.cpu.cpl = 0;
            for (auto& s : w.cpu.seg) s.attributes &= static_cast<std::uint16_t>(~(3u << 5));
        } else {
            const Interpreted i = interpret(w.m, insn);
            REQUIRE(i.handled);
            r = i.result;
        }
        REQUIRE(r);
        if (r.value() == Next::advance) w.cpu.eip += insn.length;
        std::swap(w.cpu, hardware);
    }
};

/// What the monitor finds when the guest is interrupted here: the dispatcher's part, on a copy.
VCpu found(StubWorld& w, const Native& native, bool& flags_lost) {
    VCpu cpu = w.cpu;
    std::copy_n(native.hardware.gpr, 8, cpu.gpr);
    cpu.eip = native.hardware.eip;
    cpu.eflags = (cpu.eflags & ~kNativeFlags) | (native.hardware.eflags & kNativeFlags);
    Stubs copy = w.stubs;
    copy.collect(cpu);
    flags_lost = false;
    if (native.gave_up) {
        // The instruction is emulated at once.
        flags_lost = w.stub.point(cpu.eip - kCell)->flags_lost;
        cpu.eip = kCodeAt + w.data()->state.slow_at;
        return cpu;
    }
    if (const StubPoint* p = w.stub.point(cpu.eip - kCell)) {
        resume_at(*p, w.stubs, cpu);
        flags_lost = p->flags_lost;
    }
    return cpu;
}

bool same_guest(const VCpu& a, const VCpu& b, bool flags_lost) {
    constexpr std::uint32_t all = ~eflags::RF;
    const std::uint32_t compared = flags_lost ? all & ~(eflags::kArithmetic | eflags::IF) : all;
    for (unsigned i = 0; i < 8; ++i)
        if (a.gpr[i] != b.gpr[i]) return false;
    for (unsigned i = 0; i < 6; ++i)
        if (!(a.seg[i] == b.seg[i])) return false;
    return a.eip == b.eip && ((a.eflags ^ b.eflags) & compared) == 0;
}

/// Runs the stub, and compares with the emulators wherever it could be interrupted.
void compare(StubWorld& w) {
    const std::vector<VCpu> expected = w.reference();
    w.stubs.publish(w.cpu, (w.cpu.eflags & kNativeFlags) | kHardwareFlags, hardware_selectors(w.cpu),
                    w.pending);
    Native native(w);
    unsigned steps = 0;
    for (;; ++steps) {
        REQUIRE(steps < 400);
        bool flags_lost = false;
        const VCpu now = found(w, native, flags_lost);
        bool met = false, shadow_needed = false;
        for (std::size_t i = 0; i < expected.size() && !met; ++i) {
            met = same_guest(now, expected[i], flags_lost);
            shadow_needed = met && expected[i].shadow == InterruptShadow::sti;
        }
        INFO("step " << steps << " of the stub, at " << native.hardware.eip - kCell << ", eip " << std::hex
                     << now.eip << " eflags " << now.eflags);
        REQUIRE(met);
        if (shadow_needed) REQUIRE(now.shadow == InterruptShadow::sti);
        if (!native.inside()) break;
        native.step();
    }
    if (!native.gave_up) {
        bool ignored = false;
        REQUIRE(same_guest(found(w, native, ignored), expected.back(), false));
    }
}

void randomize(StubWorld& w, std::mt19937& random) {
    for (unsigned i = 0; i < 8; ++i)
        if (static_cast<Gpr>(i) != Gpr::esp) w.cpu.gpr[i] = random();
    w.cpu.cr2 = random();
    w.cpu.eflags = eflags::FIXED1 | (random() & kNativeFlags);
    if (random() & 1) w.cpu.eflags |= eflags::IF;
    if (random() % 8 == 0) w.cpu.eflags |= random() & (eflags::IOPL | eflags::NT | eflags::ID | eflags::AC);
    w.pending = !(w.cpu.eflags & eflags::IF) && random() % 4 == 0;
    std::uint32_t image = random() & kNativeFlags;
    if (random() & 1) image |= eflags::IF;
    if (random() % 8 == 0) image |= random() & kStubSlowFlags;
    w.put32(kKernelStack, image | eflags::FIXED1);
    w.stubs.forget_selectors();
    for (const std::uint16_t selector : kSelectors)
        if (random() % 3) w.learn(selector);
    for (const Seg s : {Seg::es, Seg::ds, Seg::fs, Seg::gs})
        if (random() & 1) w.cpu.segment(s) = {kData3, 0xC0F3, 0, 0xFFFFFFFF};
}

}  // namespace

TEST_CASE("a stub leaves what the emulators leave, whatever interrupts it and wherever") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const std::initializer_list<std::initializer_list<unsigned>> sites[] = {
        {{0xFA}, {0x89, 0xD8}, {0x40}, {0x43}},                    // cli; mov eax,ebx; inc; inc
        {{0xFB}, {0x89, 0xD8}, {0x01, 0xC8}},                      // sti; mov; add
        {{0x9C}, {0x58}, {0xFA}, {0x31, 0xD2}},                    // pushf; pop eax; cli; xor
        {{0x9D}, {0x89, 0xD8}, {0x89, 0xC1}},                      // popf; mov; mov
        {{0x80, 0xE5, 0x02}, {0x74, 0x01}, {0xFB}, {0x89, 0xC8}},  // and ch,2; je +1; sti; mov
        {{0x0F, 0xA0}, {0x06}, {0x1E}, {0x50}},                    // push fs; push es; push ds; push eax
        {{0x16}, {0x0E}, {0x8C, 0xD8}, {0x8C, 0xE3}},              // push ss; push cs; mov eax,ds; mov ebx,fs
        {{0x0F, 0x20, 0xD0}, {0x89, 0xC1}},                        // mov eax,cr2; mov ecx,eax
        {{0x0F, 0x20, 0xC4}, {0x0F, 0x20, 0xDA}},                  // mov esp,cr0; mov edx,cr3
        {{0x0F, 0x20, 0x20}, {0xFA}, {0x40}},                      // mov eax,cr4, its mod 0; cli; inc
        {{0x8E, 0xDA}, {0x8E, 0xC2}, {0x89, 0xD0}},                // mov ds,edx; mov es,edx
        {{0x8E, 0xE0}, {0x8E, 0xE9}, {0x31, 0xC0}},                // mov fs,eax; mov gs,ecx; xor
        {{0x1F}, {0x07}, {0x0F, 0xA1}, {0x83, 0xC4, 0x08}},        // pop ds; pop es; pop fs; add esp,8
        {{0x0F, 0xA9}, {0xFB}, {0x9C}, {0x59}},                    // pop gs; sti; pushf; pop ecx
    };
    const auto chosen = [&] { return kSelectors[random() % std::size(kSelectors)]; };
    for (const auto& site : sites) {
        StubWorld w;
        w.write(site);
        for (unsigned round = 0; round < 60; ++round) {
            w.become(0);
            w.cpu.eip = kCodeAt;
            randomize(w, random);
            const unsigned first = site.begin()->begin()[0];
            const bool pops = first == 0x1F || (first == 0x0F && site.begin()->begin()[1] == 0xA9);
            if (pops)
                for (unsigned i = 0; i < 5; ++i) w.put32(kKernelStack + 4 * i, chosen() | random() << 16);
            for (const Gpr r : {Gpr::eax, Gpr::ecx, Gpr::edx})
                w.cpu.reg(r) = (w.cpu.reg(r) & 0xFFFF0000u) | chosen();
            INFO("site " << std::hex << static_cast<unsigned>(site.begin()->begin()[0]) << " round "
                         << std::dec << round);
            compare(w);
        }
    }
}

TEST_CASE("a stub takes its jumps and calls to where the instructions would") {
    StubWorld w;
    w.write({{0xFA}, {0x75, 0x10}, {0xE8, 0x34, 0x12, 0x00, 0x00}});  // cli; jne; call
    w.stubs.publish(w.cpu, kHardwareFlags, hardware_selectors(w.cpu), false);
    Native falls(w);
    falls.hardware.eflags |= eflags::ZF;
    while (falls.inside()) falls.step();
    CHECK(falls.hardware.eip == kCodeAt + 8 + 0x1234);
    CHECK(w.get32(falls.hardware.reg(Gpr::esp)) == kCodeAt + 8);
    Native jumps(w);
    while (jumps.inside()) jumps.step();
    CHECK(jumps.hardware.eip == kCodeAt + 3 + 0x10);
}

TEST_CASE("a stub gives up where an interrupt waits, at the very instruction") {
    StubWorld w;
    w.write({{0x89, 0xC8}, {0xFB}, {0x89, 0xD8}});  // mov; sti; mov
    w.stubs.publish(w.cpu, kHardwareFlags, hardware_selectors(w.cpu), true);
    const VCpu before = w.cpu;
    Native native(w);
    while (native.inside()) native.step();
    CHECK(native.gave_up);
    CHECK(w.stubs.take_slow_at() == 2);
    CHECK(w.stubs.take_slow_at() == 0);
    CHECK(native.hardware.reg(Gpr::ecx) == before.reg(Gpr::ecx));
    CHECK(w.data()->state.if_delta != 0);
}

TEST_CASE("a stub gives up at a selector whose descriptor has changed since") {
    StubWorld w;
    w.write({{0x8E, 0xDA}, {0x89, 0xC8}, {0x40}});
    w.learn(kData3);
    w.cpu.reg(Gpr::edx) = kData3;
    w.stubs.publish(w.cpu, kHardwareFlags, hardware_selectors(w.cpu), false);
    Native good(w);
    while (good.inside()) good.step();
    CHECK_FALSE(good.gave_up);
    CHECK(good.loaded[static_cast<unsigned>(Seg::ds)] == (kData3 | kHostBit));
    for (const unsigned half : {0u, 4u}) {
        const std::uint32_t at = kGdtAt + (kData3 & 0xFFF8u) + half, was = w.get32(at);
        w.put32(at, was ^ 0x100);
        Native changed(w);
        while (changed.inside()) changed.step();
        CHECK(changed.gave_up);
        w.put32(at, was);
    }
}
