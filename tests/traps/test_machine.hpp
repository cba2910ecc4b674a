// A small protected-mode machine to try emulators on: flat segments for rings 0, 1 and 3, a TSS, an empty
// IDT, 1 MiB of RAM, and recorders in place of the shadows, the devices and the clock.
#pragma once

#include <catch2/catch.hpp>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <vector>

#include "traps/cpuid_model.hpp"
#include "traps/decode.hpp"
#include "traps/emulate_common.hpp"

namespace ringpress::test {

/// Selectors of the machine's GDT.
inline constexpr std::uint16_t kCode0 = 0x08, kData0 = 0x10, kCode3 = 0x1B, kData3 = 0x23, kTss = 0x28,
                               kLdt = 0x30, kCallGate = 0x3B, kTss2 = 0x40, kTaskGate = 0x4B,
                               kConforming = 0x50, kAbsentData = 0x58, kCode1 = 0x61, kData1 = 0x69,
                               kStack16 = 0x70, kExecuteOnly = 0x78, kReadOnly = 0x80, kExpandDown = 0x88,
                               kAbsentCode = 0x90;
/// Where things lie in RAM.
inline constexpr std::uint32_t kGdtAt = 0x1000, kIdtAt = 0x2000, kTssAt = 0x3000, kTss2At = 0x3800,
                               kLdtAt = 0x4000, kKernelStack = 0x8000, kUserStack = 0xA000,
                               kInnerStack0 = 0xC000, kInnerStack1 = 0xD000, kHandler = 0x5000,
                               kCodeAt = 0x6000, kDataAt = 0x10000;

struct RecordedTranslation : TranslationControl {
    int address_space = 0, paging_mode = 0, sensitivity = 0, privilege = 0;
    std::vector<std::uint32_t> pages;
    void address_space_changed() override { ++address_space; }
    void paging_mode_changed() override { ++paging_mode; }
    void page_invalidated(gva a) override { pages.push_back(a.value); }
    void sensitivity_changed() override { ++sensitivity; }
    void privilege_changed() override { ++privilege; }
};

struct SteppedTime : TimeSource {
    std::uint64_t tsc = 0x1'0000'0000;
    std::uint64_t guest_tsc() override { return tsc += 10; }
    Nanoseconds now() override { return 0; }
};

struct RecordedBus : DeviceBus {
    struct Use {
        bool out;
        std::uint16_t port;
        unsigned width;
        std::uint32_t value;
        bool operator==(const Use&) const = default;
    };
    std::vector<Use> uses;
    std::uint32_t next_in = 0x44332211;
    std::uint32_t mmio_page = 0xFFFFFFFF;
    std::vector<Use> mmio;
    bool claims(gpa page) const override { return page.value == mmio_page; }
    std::uint32_t mmio_read(gpa a, unsigned width) override {
        mmio.push_back({false, static_cast<std::uint16_t>(a.value), width, 0});
        return 0xA5A5A5A5u & size_mask(width);
    }
    void mmio_write(gpa a, unsigned width, std::uint32_t value) override {
        mmio.push_back({true, static_cast<std::uint16_t>(a.value), width, value});
    }
    std::uint32_t port_in(std::uint16_t port, unsigned width) override {
        uses.push_back({false, port, width, 0});
        return next_in++;
    }
    void port_out(std::uint16_t port, unsigned width, std::uint32_t value) override {
        uses.push_back({true, port, width, value});
    }
    bool interrupt_pending() const override { return false; }
    int acknowledge_interrupt() override { return -1; }
    void advance(Nanoseconds) override {}
    Nanoseconds next_deadline() const override { return kNever; }
};

struct TestMachine {
    static constexpr std::uint32_t kRam = 1u << 20;
    std::unique_ptr<std::uint8_t[]> storage;
    VCpu cpu;
    RecordedBus bus;
    RecordedTranslation translation;
    SteppedTime time;
    CpuModel model = host_cpu_model(true);
    GuestMemory memory;
    Machine m{cpu, memory, bus, translation, time, model};
    Decoder decoder;

    ~TestMachine() { ::operator delete[](storage.release(), std::align_val_t{4096}); }

    explicit TestMachine(std::uint32_t ram = kRam)
        : storage(new (std::align_val_t{4096}) std::uint8_t[ram]()), memory(cpu, storage.get(), ram, &bus, nullptr) {
        descriptor(kCode0, 0, 0xFFFFF, 0xC09B);
        descriptor(kData0, 0, 0xFFFFF, 0xC093);
        descriptor(kCode3, 0, 0xFFFFF, 0xC0FB);
        descriptor(kData3, 0, 0xFFFFF, 0xC0F3);
        descriptor(kTss, kTssAt, 0x2FF, 0x008B);
        descriptor(kLdt, kLdtAt, 0xFF, 0x0082);
        descriptor(kTss2, kTss2At, 0x67, 0x0089);
        descriptor(kConforming, 0, 0xFFFFF, 0xC09F);
        descriptor(kAbsentData, 0, 0xFFFFF, 0xC013);
        descriptor(kCode1, 0, 0xFFFFF, 0xC0BB);
        descriptor(kData1, 0, 0xFFFFF, 0xC0B3);
        descriptor(kStack16, 0, 0xFFFF, 0x0093);
        descriptor(kExecuteOnly, 0, 0xFFFFF, 0xC099);
        descriptor(kReadOnly, 0, 0xFFFFF, 0xC091);
        descriptor(kExpandDown, 0, 0xFFF, 0x4097);
        descriptor(kAbsentCode, 0, 0xFFFFF, 0xC01B);
        cpu.gdtr = {kGdtAt, 0x97, 0};
        cpu.idtr = {kIdtAt, 0x7FF, 0};
        cpu.cr0 = cr0::PE | cr0::ET | cr0::NE;
        cpu.tr = {kTss, 0x008B, kTssAt, 0x2FF};
        put32(kTssAt + 4, kInnerStack0);
        put32(kTssAt + 8, kData0);
        put32(kTssAt + 12, kInnerStack1);
        put32(kTssAt + 16, kData1);
        become(0);
        cpu.eip = kCodeAt;
    }

    /// attributes: descriptor bits 8..15 and 20..23, as in SegmentRegister.  limit: the raw 20 bits.
    void descriptor(std::uint16_t selector, std::uint32_t base, std::uint32_t limit,
                    std::uint32_t attributes) {
        const std::uint32_t at = kGdtAt + (selector & 0xFFF8u);
        put32(at, base << 16 | (limit & 0xFFFFu));
        put32(at + 4, (base & 0xFF000000u) | ((base >> 16) & 0xFFu) | (limit & 0xF0000u) |
                          (attributes & 0xF0FFu) << 8);
    }
    /// type_byte: P, DPL, type; e.g. 0x8E is a present 32-bit interrupt gate.
    static std::pair<std::uint32_t, std::uint32_t> gate(std::uint16_t selector, std::uint32_t offset,
                                                        unsigned type_byte, unsigned parameters = 0) {
        return {static_cast<std::uint32_t>(selector) << 16 | (offset & 0xFFFFu),
                (offset & 0xFFFF0000u) | type_byte << 8 | parameters};
    }
    void idt(unsigned vector, std::uint16_t selector, std::uint32_t offset, unsigned type_byte) {
        const auto [low, high] = gate(selector, offset, type_byte);
        put32(kIdtAt + vector * 8, low);
        put32(kIdtAt + vector * 8 + 4, high);
    }
    void gdt_gate(std::uint16_t at, std::uint16_t selector, std::uint32_t offset, unsigned type_byte,
                  unsigned n = 0) {
        const auto [low, high] = gate(selector, offset, type_byte, n);
        put32(kGdtAt + (at & 0xFFF8u), low);
        put32(kGdtAt + (at & 0xFFF8u) + 4, high);
    }

    /// Flat segments and a stack of a privilege level.
    void become(unsigned cpl) {
        const std::uint16_t code = cpl == 0 ? kCode0 : cpl == 1 ? kCode1 : kCode3;
        const std::uint16_t data = cpl == 0 ? kData0 : cpl == 1 ? kData1 : kData3;
        const auto dpl = static_cast<std::uint16_t>(cpl << 5);
        cpu.cpl = static_cast<std::uint8_t>(cpl);
        for (auto& s : cpu.seg) s = {data, static_cast<std::uint16_t>(0xC093 | dpl), 0, 0xFFFFFFFF};
        cpu.segment(Seg::cs) = {code, static_cast<std::uint16_t>(0xC09B | dpl), 0, 0xFFFFFFFF};
        cpu.reg(Gpr::esp) = cpl == 3 ? kUserStack : kKernelStack;
    }

    void put32(std::uint32_t at, std::uint32_t v) { std::memcpy(storage.get() + at, &v, 4); }
    void put16(std::uint32_t at, std::uint16_t v) { std::memcpy(storage.get() + at, &v, 2); }
    std::uint32_t get32(std::uint32_t at) const {
        std::uint32_t v;
        std::memcpy(&v, storage.get() + at, 4);
        return v;
    }
    std::uint32_t get16(std::uint32_t at) const { return get32(at) & 0xFFFFu; }
    /// Dword n of the stack, 0 on top.
    std::uint32_t stack(unsigned n) const { return get32(cpu.reg(Gpr::esp) + 4 * n); }

    Instruction decode(std::initializer_list<unsigned> bytes) {
        std::uint8_t raw[16] = {};
        unsigned n = 0;
        for (unsigned b : bytes) raw[n++] = static_cast<std::uint8_t>(b);
        return decoder.decode(raw, n, cpu.segment(Seg::cs).is_big() ? 4 : 2);
    }
    /// Decodes and emulates, and moves EIP on as the dispatcher does.
    Emulated run(std::initializer_list<unsigned> bytes) {
        const Instruction insn = decode(bytes);
        const Emulated r = insn.sensitive() ? emulate(m, insn) : interpret(m, insn).result;
        if (r && r.value() == Next::advance) cpu.eip += insn.length;
        return r;
    }
    /// The same, for a fault: it must leave the CPU as it was.
    Fault fault_of(std::initializer_list<unsigned> bytes);
};

inline bool same_state(const VCpu& a, const VCpu& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

/// A fault that no real one equals, for instructions that did not fault, or that faulted half-way.
inline constexpr Fault kNoFault{static_cast<Vector>(255), 0, 0}, kHalfDone{static_cast<Vector>(254), 0, 0};

inline Fault TestMachine::fault_of(std::initializer_list<unsigned> bytes) {
    const VCpu before = cpu;
    const Emulated r = run(bytes);
    if (r) return kNoFault;
    return same_state(before, cpu) ? r.fault() : kHalfDone;
}

}  // namespace ringpress::test

template <>
struct Catch::StringMaker<ringpress::Fault> {
    static std::string convert(const ringpress::Fault& f) {
        return "vector " + std::to_string(static_cast<unsigned>(f.vector)) + " error " +
               std::to_string(f.error) + " address " + std::to_string(f.address);
    }
};
