// What the comparison with the processor cannot reach: the stack, control flow, faults, devices.
#include <catch2/catch.hpp>

#include "tests/traps/test_machine.hpp"
#include "traps/interpret_common.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {
constexpr std::uint32_t kNotDone = 0xDEADBEEF;
}

TEST_CASE("inc and dec of 40..4F keep the carry flag") {
    TestMachine t;
    t.cpu.eflags |= eflags::CF;
    t.cpu.reg(Gpr::ebx) = 0x7FFFFFFF;
    REQUIRE(t.run({0x43}));
    CHECK(t.cpu.reg(Gpr::ebx) == 0x80000000);
    CHECK((t.cpu.eflags & (eflags::CF | eflags::OF | eflags::SF)) == (eflags::CF | eflags::OF | eflags::SF));
    REQUIRE(t.run({0x66, 0x4B}));
    CHECK(t.cpu.reg(Gpr::ebx) == 0x8000FFFF);
}

TEST_CASE("push and pop move values and the stack pointer") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0x12345678;
    REQUIRE(t.run({0x50}));
    CHECK(t.stack(0) == 0x12345678);
    REQUIRE(t.run({0x6A, 0xFF}));
    CHECK(t.stack(0) == 0xFFFFFFFF);
    REQUIRE(t.run({0x66, 0x68, 0xCD, 0xAB}));
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 10);
    REQUIRE(t.run({0x66, 0x5B}));
    CHECK(t.cpu.reg(Gpr::ebx) == 0xABCD);
    REQUIRE(t.run({0x59}));
    CHECK(t.cpu.reg(Gpr::ecx) == 0xFFFFFFFF);
    REQUIRE(t.run({0x54}));  // push esp: the old value
    CHECK(t.stack(0) == kKernelStack - 4);
    REQUIRE(t.run({0x5C}));  // pop esp: the value wins
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 4);
    t.put32(kDataAt, 0x11223344);
    t.cpu.reg(Gpr::ebx) = kDataAt;
    REQUIRE(t.run({0xFF, 0x33}));
    CHECK(t.stack(0) == 0x11223344);
}

TEST_CASE("pop to memory computes its address with ESP already raised") {
    TestMachine t;
    t.put32(kKernelStack, 0xCAFE);
    REQUIRE(t.run({0x8F, 0x44, 0x24, 0x04}));
    CHECK(t.get32(kKernelStack + 8) == 0xCAFE);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 4);
}

TEST_CASE("a pop whose store faults changes nothing") {
    TestMachine t;
    t.cpu.segment(Seg::ds).limit = 0xFFF;
    t.cpu.reg(Gpr::ebx) = 0x1000;
    CHECK(t.fault_of({0x8F, 0x03}) == Fault::gp(0));
}

TEST_CASE("pusha and popa are inverse, and popa leaves ESP alone") {
    TestMachine t;
    for (unsigned i = 0; i < 8; ++i)
        if (i != 4) t.cpu.gpr[i] = 0x1000 + i;
    REQUIRE(t.run({0x60}));
    CHECK(t.stack(7) == 0x1000);
    CHECK(t.stack(3) == kKernelStack);
    CHECK(t.stack(0) == 0x1007);
    const VCpu before = t.cpu;
    for (unsigned i = 0; i < 8; ++i)
        if (i != 4) t.cpu.gpr[i] = 0;
    t.put32(t.cpu.reg(Gpr::esp) + 12, 0xBAD);
    REQUIRE(t.run({0x61}));
    for (unsigned i = 0; i < 8; ++i)
        if (i != 4) CHECK(t.cpu.gpr[i] == before.gpr[i]);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack);
}

TEST_CASE("enter and leave make and undo a frame") {
    TestMachine t;
    t.cpu.reg(Gpr::ebp) = 0x55;
    REQUIRE(t.run({0xC8, 0x20, 0x00, 0x00}));
    CHECK(t.cpu.reg(Gpr::ebp) == kKernelStack - 4);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 36);
    REQUIRE(t.run({0xC9}));
    CHECK(t.cpu.reg(Gpr::ebp) == 0x55);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack);
}

TEST_CASE("enter with a nesting level copies the frame pointers of the procedures around it") {
    TestMachine t;
    t.cpu.reg(Gpr::ebp) = kDataAt + 0x100;
    t.put32(kDataAt + 0x0FC, 0x11);
    t.put32(kDataAt + 0x0F8, 0x22);
    REQUIRE(t.run({0xC8, 0x20, 0x00, 0x03}));
    CHECK(t.cpu.reg(Gpr::ebp) == kKernelStack - 4);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack - 16 - 0x20);
    CHECK(t.get32(kKernelStack - 4) == kDataAt + 0x100);
    CHECK(t.get32(kKernelStack - 8) == 0x11);
    CHECK(t.get32(kKernelStack - 12) == 0x22);
    CHECK(t.get32(kKernelStack - 16) == kKernelStack - 4);
    // Where an outer one cannot be read, nothing has happened.
    t.cpu.segment(Seg::ss).limit = 0xFFFF;
    const VCpu before = t.cpu;
    t.cpu.reg(Gpr::ebp) = 0x20000;
    CHECK(t.fault_of({0xC8, 0x20, 0x00, 0x02}) == Fault::ss(0));
    CHECK(t.cpu.reg(Gpr::esp) == before.reg(Gpr::esp));
    CHECK(t.cpu.reg(Gpr::ebp) == 0x20000);
}

TEST_CASE("a 16-bit stack segment moves SP alone") {
    TestMachine t;
    t.cpu.segment(Seg::ss).attributes = 0x0093;
    t.cpu.segment(Seg::ss).limit = 0xFFFF;
    t.cpu.reg(Gpr::esp) = 0xABCD0000;
    t.cpu.reg(Gpr::eax) = 7;
    REQUIRE(t.run({0x50}));
    CHECK(t.cpu.reg(Gpr::esp) == 0xABCDFFFC);
    CHECK(t.get32(0xFFFC) == 7);
}

TEST_CASE("near calls, returns and jumps follow relative and indirect targets") {
    TestMachine t;
    REQUIRE(t.run({0xE8, 0x00, 0x01, 0x00, 0x00}));
    CHECK(t.cpu.eip == kCodeAt + 5 + 0x100);
    CHECK(t.stack(0) == kCodeAt + 5);
    REQUIRE(t.run({0xC3}));
    CHECK(t.cpu.eip == kCodeAt + 5);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack);
    REQUIRE(t.run({0xEB, 0xFE}));
    CHECK(t.cpu.eip == kCodeAt + 5);
    t.cpu.reg(Gpr::ecx) = 0x7000;
    REQUIRE(t.run({0xFF, 0xE1}));
    CHECK(t.cpu.eip == 0x7000);
    REQUIRE(t.run({0xFF, 0xD1}));
    CHECK(t.stack(0) == 0x7002);
    REQUIRE(t.run({0xC2, 0x08, 0x00}));
    CHECK(t.cpu.eip == 0x7002);
    CHECK(t.cpu.reg(Gpr::esp) == kKernelStack + 8);
    t.cpu.eip = 0x12340010;
    REQUIRE(t.run({0x66, 0xE9, 0x00, 0x10}));  // a 16-bit jump cuts EIP
    CHECK(t.cpu.eip == 0x1014);
}

TEST_CASE("a branch outside the code segment is #GP(0) and changes nothing") {
    TestMachine t;
    t.cpu.segment(Seg::cs).limit = 0xFFFF;
    CHECK(t.fault_of({0xE9, 0x00, 0x00, 0x10, 0x00}) == Fault::gp(0));
    CHECK(t.fault_of({0xE8, 0x00, 0x00, 0x10, 0x00}) == Fault::gp(0));
    t.put32(kKernelStack, 0x20000);
    CHECK(t.fault_of({0xC3}) == Fault::gp(0));
    t.cpu.reg(Gpr::ecx) = 2;
    t.cpu.eip = 4;
    CHECK(t.fault_of({0xE2, 0x80}) == Fault::gp(0));
}

TEST_CASE("conditional branches and loops obey flags and the counter") {
    TestMachine t;
    t.cpu.eflags |= eflags::ZF;
    REQUIRE(t.run({0x74, 0x10}));
    CHECK(t.cpu.eip == kCodeAt + 0x12);
    REQUIRE(t.run({0x75, 0x10}));
    CHECK(t.cpu.eip == kCodeAt + 0x14);
    REQUIRE(t.run({0x0F, 0x84, 0x00, 0x01, 0x00, 0x00}));
    CHECK(t.cpu.eip == kCodeAt + 0x11A);
    t.cpu.eip = kCodeAt;
    t.cpu.reg(Gpr::ecx) = 2;
    REQUIRE(t.run({0xE2, 0x10}));
    CHECK(t.cpu.eip == kCodeAt + 0x12);
    REQUIRE(t.run({0xE2, 0x10}));
    CHECK(t.cpu.eip == kCodeAt + 0x14);
    CHECK(t.cpu.reg(Gpr::ecx) == 0);
    REQUIRE(t.run({0xE3, 0x10}));
    CHECK(t.cpu.eip == kCodeAt + 0x26);
    t.cpu.reg(Gpr::ecx) = 0x10001;
    REQUIRE(t.run({0x67, 0xE1, 0x10}));  // loope on CX: counts to zero, falls through
    CHECK(t.cpu.eip == kCodeAt + 0x29);
    CHECK(t.cpu.reg(Gpr::ecx) == 0x10000);
}

TEST_CASE("every condition is tried against every combination of flags") {
    using namespace eflags;
    for (unsigned bits = 0; bits < 32; ++bits) {
        const bool cf = bits & 1, zf = bits & 2, sf = bits & 4, of = bits & 8, pf = bits & 16;
        const std::uint32_t f = (cf ? CF : 0) | (zf ? ZF : 0) | (sf ? SF : 0) | (of ? OF : 0) | (pf ? PF : 0);
        const bool expected[8] = {of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of};
        for (unsigned c = 0; c < 8; ++c) {
            CHECK(alu::condition(2 * c, f) == expected[c]);
            CHECK(alu::condition(2 * c + 1, f) != expected[c]);
        }
    }
}

TEST_CASE("a rep string instruction stops at every iteration, and at a fault with what was done") {
    TestMachine t;
    t.cpu.segment(Seg::es).limit = kDataAt + 7;
    t.cpu.reg(Gpr::edi) = kDataAt;
    t.cpu.reg(Gpr::ecx) = 3;
    t.cpu.reg(Gpr::eax) = 0x01020304;
    auto r = t.run({0xF3, 0xAB});
    REQUIRE(r);
    CHECK(r.value() == Next::repeat);
    CHECK(t.cpu.eip == kCodeAt);
    CHECK(t.cpu.reg(Gpr::ecx) == 2);
    REQUIRE(t.run({0xF3, 0xAB}));
    CHECK(t.fault_of({0xF3, 0xAB}) == Fault::gp(0));
    CHECK(t.cpu.reg(Gpr::ecx) == 1);
    CHECK(t.get32(kDataAt + 4) == 0x01020304);
    t.cpu.reg(Gpr::ecx) = 0;
    r = t.run({0xF3, 0xAB});
    REQUIRE(r);
    CHECK(r.value() == Next::advance);
}

TEST_CASE("a read-modify-write of a read-only page faults as a write, with flags unchanged") {
    TestMachine t;
    t.put32(0x20000, 0x21000 | 7);  // page directory at 0x20000
    for (unsigned i = 0; i < 256; ++i) t.put32(0x21000 + 4 * i, i << 12 | (i == kDataAt >> 12 ? 5 : 7));
    t.cpu.cr3 = 0x20000;
    t.cpu.cr0 |= cr0::PG | cr0::WP;
    t.become(3);
    t.cpu.reg(Gpr::ebx) = kDataAt;
    for (auto bytes : {std::initializer_list<unsigned>{0x01, 0x03},
                       {0xFF, 0x03},
                       {0xF7, 0x1B},
                       {0xD1, 0x23},
                       {0x0F, 0xC1, 0x03},
                       {0x0F, 0xB1, 0x03},
                       {0x87, 0x03},
                       {0x0F, 0xAB, 0x03},
                       {0x83, 0x03, 0x01}})
        CHECK(t.fault_of(bytes) == Fault::pf(pf_error::P | pf_error::W | pf_error::U, kDataAt));
    REQUIRE(t.run({0x3B, 0x03}));  // cmp only reads
    REQUIRE(t.run({0x39, 0x03}));
}

TEST_CASE("lock is refused where it makes no sense") {
    TestMachine t;
    t.cpu.reg(Gpr::ebx) = kDataAt;
    REQUIRE(t.run({0xF0, 0x01, 0x03}));
    CHECK(t.fault_of({0xF0, 0x03, 0x03}) == Fault::ud());
    CHECK(t.decode({0xF0, 0x39, 0x03}).id == InsnId::undefined);  // Capstone knows this one
}

TEST_CASE("accesses to a device page reach the device in their own width") {
    TestMachine t;
    t.bus.mmio_page = 0x30000;
    t.cpu.reg(Gpr::ebx) = 0x30010;
    REQUIRE(t.run({0x8B, 0x03}));
    CHECK(t.cpu.reg(Gpr::eax) == 0xA5A5A5A5);
    REQUIRE(t.run({0x0F, 0xB6, 0x4B, 0x01}));
    CHECK(t.cpu.reg(Gpr::ecx) == 0xA5);
    REQUIRE(t.run({0x66, 0xC7, 0x03, 0x34, 0x12}));
    CHECK(t.bus.mmio == std::vector<RecordedBus::Use>{
                            {false, 0x0010, 4, 0}, {false, 0x0011, 1, 0}, {true, 0x0010, 2, 0x1234}});
}

TEST_CASE("division that cannot be done is #DE") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = 0x80000000;
    t.cpu.reg(Gpr::edx) = 0xFFFFFFFF;
    t.cpu.reg(Gpr::ecx) = 0xFFFFFFFF;
    const Fault de{Vector::DE, 0, 0};
    CHECK(t.fault_of({0xF7, 0xF9}) == de);  // INT_MIN / -1
    t.cpu.reg(Gpr::edx) = 0;
    t.cpu.reg(Gpr::eax) = 0x80000001;
    CHECK(t.fault_of({0xF7, 0xF9}) == de);
    t.cpu.reg(Gpr::ecx) = 0;
    CHECK(t.fault_of({0xF7, 0xF1}) == de);
    t.cpu.reg(Gpr::eax) = 0x8000;
    t.cpu.reg(Gpr::ecx) = 0xFF;
    CHECK(t.fault_of({0xF6, 0xF9}) == de);
    t.cpu.reg(Gpr::edx) = 1;
    t.cpu.reg(Gpr::ecx) = 1;
    CHECK(t.fault_of({0xF7, 0xF1}) == de);
    t.cpu.reg(Gpr::ecx) = 2;
    REQUIRE(t.run({0xF7, 0xF1}));
    CHECK(t.cpu.reg(Gpr::eax) == 0x80004000);
}

TEST_CASE("bound faults with #BR outside its bounds") {
    TestMachine t;
    t.put32(kDataAt, 0xFFFFFFFE);  // -2
    t.put32(kDataAt + 4, 5);
    t.cpu.reg(Gpr::ebx) = kDataAt;
    t.cpu.reg(Gpr::eax) = 0xFFFFFFFE;
    REQUIRE(t.run({0x62, 0x03}));
    t.cpu.reg(Gpr::eax) = 6;
    CHECK(t.fault_of({0x62, 0x03}) == Fault{Vector::BR, 0, 0});
}

TEST_CASE("the accumulator's fixed addresses and xlat are read through their segment") {
    TestMachine t;
    t.cpu.segment(Seg::gs).base = kDataAt;
    t.put32(kDataAt + 0x14, 0xC0FFEE11);
    REQUIRE(t.run({0x65, 0xA1, 0x14, 0x00, 0x00, 0x00}));
    CHECK(t.cpu.reg(Gpr::eax) == 0xC0FFEE11);
    REQUIRE(t.run({0xA2, 0x00, 0x80, 0x01, 0x00}));
    CHECK((t.get32(0x18000) & 0xFF) == 0x11);
    t.cpu.reg(Gpr::ebx) = kDataAt + 4;
    t.cpu.reg(Gpr::eax) = 0x12345610;
    REQUIRE(t.run({0xD7}));
    CHECK(t.cpu.reg(Gpr::eax) == 0x12345611);
}

TEST_CASE("what is not an integer instruction is not handled, and nothing changes") {
    TestMachine t;
    t.cpu.reg(Gpr::eax) = kNotDone;
    const VCpu before = t.cpu;
    for (auto bytes : {std::initializer_list<unsigned>{0xD9, 0xE8},
                       {0x0F, 0x28, 0xC1},
                       {0x27},
                       {0xFA},
                       {0x0F, 0x0B},
                       {0xF3, 0x0F, 0xBC, 0xC1}})
        CHECK_FALSE(interpret(t.m, t.decode(bytes)).handled);
    CHECK(same_state(before, t.cpu));
}

TEST_CASE("misaligned accesses are #AC for user code that asked for it, and for nobody else") {
    const Fault misaligned{Vector::AC, 0, 0};
    for (const bool mask : {false, true})
        for (const bool flag : {false, true})
            for (const unsigned cpl : {0u, 1u, 3u}) {
                TestMachine t;
                t.become(cpl);
                if (mask) t.cpu.cr0 |= cr0::AM;
                if (flag) t.cpu.eflags |= eflags::AC;
                INFO("AM " << mask << ", AC " << flag << ", CPL " << cpl);
                const Fault wanted = mask && flag && cpl == 3 ? misaligned : kNoFault;
                t.cpu.reg(Gpr::ebx) = kDataAt + 2;
                CHECK(t.fault_of({0x8B, 0x03}) == wanted);          // mov eax, [ebx]
                CHECK(t.fault_of({0x89, 0x03}) == wanted);          // mov [ebx], eax
                CHECK(t.fault_of({0x66, 0x8B, 0x03}) == kNoFault);  // mov ax, [ebx]
                t.cpu.reg(Gpr::ebx) = kDataAt + 3;
                CHECK(t.fault_of({0x66, 0x01, 0x03}) == wanted);  // add [ebx], ax
                CHECK(t.fault_of({0x8A, 0x03}) == kNoFault);      // mov al, [ebx]
                t.cpu.reg(Gpr::ebx) = kDataAt + 4;
                CHECK(t.fault_of({0x0F, 0xC7, 0x0B}) == wanted);    // cmpxchg8b [ebx]
                CHECK(t.fault_of({0x0F, 0x01, 0x03}) == kNoFault);  // sgdt [ebx]: four are enough
            }
}
