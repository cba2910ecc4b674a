#include <cstring>

#include "tests/traps/trap_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("a single-step trap waits behind mov ss for the next instruction") {
    TrapMachine t;
    t.code({0x8E, 0xD0, 0x40});  // mov ss, ax; inc eax
    t.cpu.reg(Gpr::eax) = kData0;
    t.cpu.eflags |= eflags::TF;
    t.breakpoint();
    t.dispatcher.settle();
    CHECK(t.cpu.eip == kCodeAt + 2);
    CHECK(t.dispatcher.entry().eflags & eflags::TF);
    t.cpu.eip = kCodeAt + 3;  // the processor has stepped over inc
    t.dispatcher.handle({static_cast<std::uint8_t>(Vector::DB), 0, 0});
    CHECK(t.cpu.eip == kHandler + 1);
    CHECK(t.stack(0) == kCodeAt + 3);
}

TEST_CASE("a single-step trap follows other sensitive instructions at once") {
    TrapMachine t;
    t.code({0x8E, 0xD8, 0x40});  // mov ds, ax
    t.cpu.reg(Gpr::eax) = kData0;
    t.cpu.eflags |= eflags::TF;
    t.breakpoint();
    CHECK(t.cpu.eip == kHandler + 1);
    CHECK(t.stack(0) == kCodeAt + 2);
}

TEST_CASE("sixteen bytes are #GP(0), bytes without a meaning are #UD") {
    for (const bool overlong : {true, false}) {
        TrapMachine t;
        if (overlong)
            std::memset(t.storage.get() + kCodeAt, 0x66, 16);
        else
            t.code({0x0F, 0x0B});
        t.breakpoint();
        CHECK(t.cpu.eip == kHandler + (overlong ? 13u : 6u));
        CHECK(t.stack(overlong ? 1 : 0) == kCodeAt);
        if (overlong) CHECK(t.stack(0) == 0);
    }
}

TEST_CASE("a repeated store to a device takes one trap, up to a point") {
    TrapMachine t;
    t.code({0xF3, 0xAA, 0xEB, 0xFE});  // rep stosb; 1: jmp 1b
    const auto start = [&](std::uint32_t count) {
        t.devices.mmio.clear();
        t.cpu.eip = kCodeAt;
        t.cpu.reg(Gpr::ecx) = count;
        t.cpu.reg(Gpr::edi) = TrapMachine::kDevice;
        t.store_to_device();
    };
    start(1000);
    CHECK(t.cpu.reg(Gpr::ecx) == 0);
    CHECK(t.cpu.eip == kCodeAt + 2);
    CHECK(t.devices.mmio.size() == 1000);
    CHECK(t.traps(TrapCause::mmio) == 1);

    SECTION("signals are not held up for the whole of a long one") {
        start(3000);
        CHECK(t.cpu.reg(Gpr::ecx) > 1000);
        CHECK(t.cpu.reg(Gpr::ecx) + t.devices.mmio.size() == 3000);
        CHECK(t.cpu.eip == kCodeAt);
    }
    SECTION("an interrupt is taken between iterations") {
        t.cpu.eflags |= eflags::IF;
        t.devices.pending_after = 10;
        start(1000);
        CHECK(t.devices.mmio.size() == 10);
        CHECK(t.cpu.reg(Gpr::ecx) == 990);
        CHECK(t.cpu.eip == kCodeAt);
    }
    SECTION("single-stepping sees every iteration") {
        t.cpu.eflags |= eflags::TF;
        start(1000);
        CHECK(t.devices.mmio.size() == 1);
        CHECK(t.cpu.eip == kHandler + 1);
        CHECK(t.stack(0) == kCodeAt);
    }
}

TEST_CASE(
    "user code has a limit at the kernel, but for a program that computes from interrupt to interrupt") {
    TrapMachine t;
    // Page tables of its own: user code at 0, the kernel from 2 GiB.
    constexpr std::uint32_t kDirectory = 0x30000, kTable = 0x31000;
    *reinterpret_cast<std::uint32_t*>(t.storage.get() + kDirectory) = kTable | pte::P | pte::RW | pte::US;
    *reinterpret_cast<std::uint32_t*>(t.storage.get() + kDirectory + 0x800) = pte::P | pte::RW | pte::PS;
    for (std::uint32_t page = 0; page < 64; ++page)
        *reinterpret_cast<std::uint32_t*>(t.storage.get() + kTable + page * 4) =
            page << 12 | pte::P | pte::RW | pte::US;
    t.cpu.cr4 |= cr4::PSE;
    t.cpu.cr3 = kDirectory;
    t.cpu.cr0 |= cr0::PG;
    t.pages.flush_all();
    t.dispatcher.handle({static_cast<std::uint8_t>(Vector::PF), 0, 0x80000000 + t.pages.data_shift()});
    t.become(3);
    t.cpu.eip = kCodeAt;
    t.code({0x0F, 0xA2, 0xEB, 0xFC});  // 1: cpuid; jmp 1b
    const auto limited = [&] {
        t.dispatcher.settle();
        const std::uint16_t cs = t.dispatcher.entry().selectors[Seg::cs];
        const HostDescriptor& d = t.host.descriptors[cs >> 3];
        REQUIRE(d.code);
        return !(d.in_pages && d.limit == 0xFFFFF);
    };
    const auto trap = [&](unsigned times) {
        for (unsigned i = 0; i < times; ++i) {
            t.cpu.eip = kCodeAt;
            t.breakpoint();
        }
    };
    CHECK(limited());
    t.dispatcher.handle_interrupt();
    CHECK_FALSE(limited());
    trap(t.policy.tuning.calm - 1);
    CHECK_FALSE(limited());
    trap(1);
    CHECK(limited());
    t.dispatcher.handle_interrupt();  // the interval before was not calm
    CHECK(limited());
    t.dispatcher.handle_interrupt();
    CHECK_FALSE(limited());

    t.policy.tuning.calm = 0;
    CHECK(limited());
    t.dispatcher.handle_interrupt();
    CHECK(limited());
}

TEST_CASE("a guest that is interrupted between a gate site and its pad goes on at the site") {
    TrapMachine t;
    t.policy.level = SensitiveLevel::inline_;
    t.pages.enable_gates(0x1234'5678'9ABCull);
    t.code({0xFA, 0x90, 0x90, 0x90, 0x90, 0x90, 0xC3});
    for (unsigned n = 0; n < t.policy.tuning.hot; ++n) {
        t.cpu.eip = kCodeAt;
        t.breakpoint();
    }
    REQUIRE(t.statistics.inlined_sites == 1);
    for (const unsigned cpl : {0u, 3u}) {
        t.become(cpl);
        t.cpu.eip = kCodeAt + kPadDistance;
        t.dispatcher.handle_interrupt();
        CHECK(t.cpu.eip == kCodeAt);
    }
}

TEST_CASE("the site of what a short jump skips ends at the jump's target, or begins at the jump") {
    TrapMachine t;
    t.policy.level = SensitiveLevel::inline_;
    t.policy.tuning.gate_burst = 0;
    t.pages.enable_gates(0x1234'5678'9ABCull);
    t.code({0x90, 0x85, 0xC0, 0x74, 0x01, 0xFB});  // nop; test eax, eax; je +1; sti
    for (unsigned at = 6; at < 20; ++at) t.storage[kCodeAt + at] = 0x90;
    t.storage[kCodeAt + 20] = 0xC3;
    const auto execute = [&](unsigned at) {
        t.cpu.eip = kCodeAt + at;
        t.breakpoint();
    };
    execute(0);
    const auto slot = static_cast<unsigned>(t.views.slot_of(kCodeAt >> kPageShift));
    const std::uint8_t* view = t.views.bytes(slot) + (kCodeAt & kPageMask);
    const auto site_at = [&](unsigned at) { return std::memcmp(view + at, kSiteJump, kSiteBytes) == 0; };
    const auto heat_up = [&] {
        for (unsigned n = 0; n < t.policy.tuning.hot; ++n) execute(5);
    };
    CHECK(view[3] == 0x74);
    CHECK(view[5] == kInt3);
    heat_up();
    CHECK(site_at(1));
    CHECK(t.statistics.inlined_sites == 1);
    t.dispatcher.handle_gate(0);
    CHECK(t.cpu.eip == kCodeAt + 3);

    // Something jumps to the conditional jump: the next site begins there, and takes both ways.
    const auto jump_into = [&](unsigned at) {
        t.cpu.eip = kCodeAt + at;
        t.dispatcher.handle({static_cast<std::uint8_t>(Vector::GP), 0, 0});
    };
    jump_into(3);
    CHECK(view[1] == kInt3);
    execute(1);
    CHECK(t.dispatcher.last_cause() == TrapCause::prove);
    CHECK(view[1] == 0x85);  // natively again
    CHECK(view[3] == 0x74);
    heat_up();
    CHECK(site_at(3));
    for (const bool skip : {false, true}) {
        t.cpu.eflags = eflags::FIXED1 | (skip ? eflags::ZF : 0u);
        t.dispatcher.handle_gate(0);
        CHECK(t.cpu.eip == kCodeAt + (skip ? 6 : 5));
    }
    // To the sti: it gets a site of its own.
    jump_into(5);
    execute(3);
    CHECK(view[3] == 0x74);
    heat_up();
    CHECK(view[3] == 0x74);
    CHECK(site_at(5));
}

TEST_CASE("a site takes the place of one that begins where its pad would end") {
    for (const unsigned apart : {kSiteBytes, kSiteBytes + 1, kPadBytes}) {
        CAPTURE(apart);
        TrapMachine t;
        t.policy.level = SensitiveLevel::inline_;
        t.pages.enable_gates(0x1234'5678'9ABCull);
        t.code({0x9C, 0x58});  // pushf; pop eax; nops; cli
        for (unsigned at = 2; at < 30; ++at) t.storage[kCodeAt + at] = 0x90;
        t.storage[kCodeAt + apart] = 0xFA;
        t.storage[kCodeAt + 30] = 0xC3;
        const auto execute_often = [&](unsigned at) {
            for (unsigned n = 0; n < t.policy.tuning.hot; ++n) {
                t.cpu.eip = kCodeAt + at;
                t.cpu.reg(Gpr::esp) = 0x8000;
                t.breakpoint();
            }
        };
        execute_often(apart);
        const auto slot = static_cast<unsigned>(t.views.slot_of(kCodeAt >> kPageShift));
        const std::uint8_t* view = t.views.bytes(slot) + (kCodeAt & kPageMask);
        const auto site_at = [&](unsigned at) { return std::memcmp(view + at, kSiteJump, kSiteBytes) == 0; };
        REQUIRE(site_at(apart));
        execute_often(0);
        CHECK(site_at(0));
        CHECK(site_at(apart) == (apart >= kPadBytes));
    }
}

TEST_CASE("software does not carry on through a hole that is left open") {
    TrapMachine t;
    t.code({0xFA, 0x40, 0x9C, 0x40, 0xEB, 0xFE});  // cli; inc eax; pushf; inc eax; 1: jmp 1b
    t.policy.tuning.burst = 16;
    SECTION("with level ignore") {
        t.policy.level = SensitiveLevel::ignore;
    }
    SECTION("or by name") {
        t.policy.open = 1ull << static_cast<unsigned>(InsnId::pushf);
    }
    t.dispatcher.handle({static_cast<std::uint8_t>(Vector::GP), 0, 0});
    CHECK(t.cpu.eip == kCodeAt + 2);
}

TEST_CASE("an instruction that software does not know works on a device through a page of its own") {
    TrapMachine t;
    t.code({0x0F, 0x11, 0x43, 0x01});  // movups [ebx + 1], xmm0
    t.cpu.cr4 |= cr4::OSFXSR;
    t.cpu.reg(Gpr::ebx) = TrapMachine::kDevice + 6;
    t.cpu.eip = kCodeAt;
    t.store_to_device();  // from the view
    t.store_to_device();  // by itself
    CHECK(t.devices.mmio.empty());
    t.devices.pending_after = 0;  // an interrupt waits until it is over
    t.cpu.eflags |= eflags::IF;
    t.dispatcher.settle();
    REQUIRE(t.cpu.eip == kCodeAt);
    const Entry entry = t.dispatcher.entry();
    CHECK(entry.eflags & eflags::TF);
    const HostDescriptor& gs = t.host.descriptors[entry.selectors[Seg::gs] >> 3];
    CHECK((!gs.code && !gs.read_only && !gs.expand_down && gs.in_pages && gs.limit == 0xFFFFF));
    const std::uint32_t at = gs.base + t.cpu.reg(Gpr::ebx) + 1;
    CHECK(at % 64 == 7);

    SECTION("whose contents are written on") {
        std::uint8_t* bounce = t.pages.bounce_bytes() + at % kPageSize;
        for (unsigned i = 0; i < 16; ++i) bounce[i] = static_cast<std::uint8_t>(i + 1);
        t.cpu.eip += 5;  // with its prefix it is longer
        t.dispatcher.handle({static_cast<std::uint8_t>(Vector::DB), 0, 0});
        CHECK(t.cpu.eip == kCodeAt + 4);
        CHECK(t.devices.mmio == std::vector<RecordedBus::Use>{{true, 7, 4, 0x04030201},
                                                              {true, 11, 4, 0x08070605},
                                                              {true, 15, 4, 0x0C0B0A09},
                                                              {true, 19, 4, 0x100F0E0D}});
    }
    SECTION("and of one that faults nothing arrives") {
        t.dispatcher.handle({static_cast<std::uint8_t>(Vector::GP), 0, 0});
        CHECK(t.devices.mmio.empty());
        CHECK(t.cpu.eip == kHandler + 13);
        CHECK(t.stack(1) == kCodeAt);
        t.cpu.eflags &= ~eflags::IF;
        t.dispatcher.settle();
        CHECK_FALSE(t.dispatcher.entry().eflags & eflags::TF);
    }
}

TEST_CASE("an NMI is taken whatever IF says, and the next one waits for iret") {
    TrapMachine t;
    t.idt(2, kCode0, kHandler, 0x8E);
    t.code({0x90, 0xEB, 0xFE});
    std::memcpy(t.storage.get() + kHandler, "\xCF", 1);  // iret
    t.cpu.eflags = eflags::FIXED1;
    SECTION("in running code") {}
    SECTION("out of a halt") {
        t.cpu.activity = Activity::halted;
    }
    t.cpu.nmi_pending = 1;
    t.dispatcher.settle();
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.activity == Activity::running);
    CHECK(t.stack(0) == kCodeAt);
    t.cpu.nmi_pending = 1;
    t.dispatcher.settle();
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.nmi_pending == 1);
    t.cpu.eip = kHandler;
    REQUIRE(t.run({0xCF}));
    CHECK(t.cpu.eip == kCodeAt);
    t.dispatcher.settle();
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.cpu.nmi_pending == 0);
}

TEST_CASE("an NMI does not come between mov ss and the instruction behind it") {
    TrapMachine t;
    t.idt(2, kCode0, kHandler, 0x8E);
    std::memcpy(t.storage.get() + kHandler, "\xCF", 1);
    t.code({0x8E, 0xD0, 0x40, 0x41});  // mov %eax,%ss; inc %eax; inc %ecx
    t.cpu.reg(Gpr::eax) = kData0;
    t.cpu.nmi_pending = 1;
    t.policy.tuning.burst = 0;
    t.cpu.eip = kCodeAt + 1;  // behind the view's int3
    t.dispatcher.handle({static_cast<std::uint8_t>(Vector::BP), 0, 0});
    CHECK(t.cpu.shadow == InterruptShadow::mov_ss);
    t.dispatcher.settle();
    CHECK(t.cpu.eip == kHandler);
    CHECK(t.stack(0) == kCodeAt + 3);
}
