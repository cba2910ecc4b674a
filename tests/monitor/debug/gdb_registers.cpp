#include "monitor/debug/gdb_registers.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <vector>

using namespace ringpress;

namespace {

struct Registers {
    std::unique_ptr<Arena> arena = std::make_unique<Arena>();
    std::vector<std::uint8_t> ram = std::vector<std::uint8_t>(1 << 16);
    GuestAccess guest{*arena, ram};
    VCpu cpu;
    FpuImage fpu{};
    RegisterFile file{cpu, fpu, guest};

    std::string get(unsigned number) { return read_register(file, number).value_or("none"); }
    bool set(unsigned number, std::uint32_t value) {
        return write_register(file, number, std::string_view(reinterpret_cast<const char*>(&value), 4));
    }
};

constexpr unsigned kEip = 8, kEflags = 9, kDs = 12, kCr0 = 19, kCr8 = 23, kSt0 = 25, kTag = 35, kXmm0 = 41,
                   kMxcsr = 49;

}  // namespace

TEST_CASE("Registers have the numbers and sizes of QEMU's i386 target") {
    Registers r;
    r.cpu.eip = 0x12345678;
    CHECK(r.get(kEip) == "78563412");
    CHECK(register_size(kSt0) == 10);
    CHECK(register_size(kXmm0) == 16);
    CHECK(register_size(kMxcsr) == 4);
    CHECK(register_size(kGdbRegisters) == 0);
    CHECK(r.get(kGdbRegisters) == "none");
    unsigned bytes = 0;
    for (unsigned i = 0; i < kGdbRegisters; ++i) bytes += register_size(i);
    CHECK(bytes == 344);
}

TEST_CASE("What a register cannot hold is not written") {
    Registers r;
    CHECK(r.set(kEflags, 0xFFFFFFFF));
    CHECK((r.cpu.eflags & (eflags::VM | eflags::VIF)) == 0);
    CHECK(r.set(kCr0, 0));
    CHECK((r.cpu.cr0 & cr0::PE) != 0);
    CHECK(r.file.state_replaced);
    CHECK(r.set(kCr8, 7));
    CHECK(r.get(kCr8) == "00000000");
    CHECK_FALSE(write_register(r.file, kEip, "123"));
    CHECK_FALSE(r.set(kGdbRegisters, 0));
}

TEST_CASE("A selector that is written gets the hidden part of its descriptor") {
    Registers r;
    const std::uint32_t flat[2] = {0x0000FFFF, 0x00CF9300};
    std::memcpy(r.ram.data() + 0x1010, flat, sizeof flat);
    r.cpu.cr0 = cr0::PE;
    r.arena->cpu = r.cpu;
    r.cpu.gdtr = {0x1000, 0x1F, 0};
    CHECK(r.set(kDs, 0x10));
    const SegmentRegister& ds = r.cpu.segment(Seg::ds);
    CHECK(ds.selector == 0x10);
    CHECK(ds.limit == 0xFFFFFFFF);
    CHECK(ds.is_writable_data());
    CHECK(r.set(kDs, 0));
    CHECK_FALSE(ds.present());
}

TEST_CASE("The FPU's tag word tells valid, zero, special and empty") {
    Registers r;
    // TOP is 6: ST0 is register 6, ST1 register 7.
    const std::uint16_t status = 6 << 11;
    std::memcpy(r.fpu.bytes + 2, &status, sizeof status);
    r.fpu.bytes[4] = 0xC0;
    const std::uint8_t one[10] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xFF, 0x3F};
    std::memcpy(r.fpu.bytes + 32, one, sizeof one);  // ST0; ST1 is zero
    CHECK(r.get(kTag) == "ff4f0000");
    CHECK(r.set(kTag, 0xFFFC));
    CHECK(r.fpu.bytes[4] == 1);
    CHECK(r.file.fpu_changed);
}

TEST_CASE("The target description names every register once") {
    std::string all;
    for (const char* file : {"target.xml", "i386-32bit.xml", "i386-sse.xml"})
        all += target_description(file).value_or("");
    CHECK_FALSE(target_description("other.xml"));
    for (unsigned i = 0; i < kGdbRegisters; ++i)
        CHECK(all.find("regnum=\"" + std::to_string(i) + "\"") != std::string::npos);
}
