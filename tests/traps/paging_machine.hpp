// The test machine with page tables, a user and a page fault handler.
#pragma once

#include <algorithm>

#include "tests/traps/trap_machine.hpp"

namespace ringpress::test {

/// Pages 0 to 63 are the users', the kernel has all of RAM at 2 GiB.  Its page fault handler is an
/// instruction that software does not know and an iret with a gate; the test does to the page tables what a
/// handler would.
struct PagingMachine : TrapMachine {
    static constexpr std::uint32_t kDirectory = 0x30000, kTable = 0x31000, kKernel = 0x80000000;
    static constexpr std::uint32_t kEntry = kKernel + kHandler, kIret = kEntry + 3;
    static constexpr std::uint32_t kPage = 0x14000, kOther = 0x24000, kMore = 0x3C000;
    static constexpr std::uint32_t kReadable = pte::P | pte::US | pte::A,
                                   kWritable = kReadable | pte::RW | pte::D;

    PagingMachine() {
        for (std::uint32_t page = 0; page < 64; ++page) grant(page << kPageShift, kWritable);
        for (const std::uint32_t page : {kPage, kOther, kMore}) grant(page, 0);
        put32(kDirectory, kTable | kWritable);
        put32(kDirectory + kKernel / 0x100000, pte::P | pte::RW | pte::PS | pte::A | pte::D);
        cpu.cr4 |= cr4::PSE | cr4::OSFXSR;
        cpu.cr3 = kDirectory;
        cpu.cr0 |= cr0::PG | cr0::WP;
        pages.flush_all();
        idt(14, kCode0, kEntry, 0x8E);
        const unsigned handler[] = {0x0F, 0x11, 0x02, 0xCF};  // movups %xmm0,(%edx); iret
        std::copy(std::begin(handler), std::end(handler), storage.get() + kHandler);
        // 1: mov %al,(%ebx); mov %al,(%ecx); cpuid; movups %xmm0,(%edx); jmp 1b
        code({0x88, 0x03, 0x88, 0x01, 0x0F, 0xA2, 0x0F, 0x11, 0x02, 0xEB, 0xF5});
        policy.level = SensitiveLevel::inline_;
        pages.enable_gates(0x1234'5678'9ABCull);
        for (unsigned n = 0; n < policy.tuning.hot; ++n) {
            become(0);
            cpu.reg(Gpr::esp) -= 12;
            put32(cpu.reg(Gpr::esp), kKernel);
            put32(cpu.reg(Gpr::esp) + 4, kCode0);
            put32(cpu.reg(Gpr::esp) + 8, eflags::FIXED1);
            cpu.eip = kIret;
            breakpoint();
        }
        REQUIRE(statistics.inlined_sites == 1);
        policy.tuning.burst = 24;
        become(3);
        cpu.eip = kCodeAt;
        cpu.reg(Gpr::ebx) = kPage;
        cpu.reg(Gpr::ecx) = kOther;
        cpu.reg(Gpr::edx) = kMore;
        resume();
    }
    void grant(std::uint32_t address, std::uint32_t bits) {
        put32(kTable + (address >> kPageShift) * 4, address | bits);
    }
    /// The same, to another frame.
    void grant(std::uint32_t address, std::uint32_t frame_at, std::uint32_t bits) {
        put32(kTable + (address >> kPageShift) * 4, frame_at | bits);
    }
    void resume() {
        dispatcher.settle();
        dispatcher.entry();
    }
    void fault(std::uint32_t address, bool write = true) {
        constexpr std::uint32_t kWrite = 2;
        dispatcher.handle({static_cast<std::uint8_t>(Vector::PF), write ? kWrite : 0u,
                           address + (write ? pages.data_shift() : 0u)});
        REQUIRE(in_handler());
    }
    bool in_handler() const { return cpu.cpl == 0 && cpu.eip == kEntry; }
    /// The handler ends.
    void iret() {
        REQUIRE(in_handler());
        cpu.reg(Gpr::esp) += 4;  // the error code
        dispatcher.handle_gate(0);
    }
    bool writable(std::uint32_t address) const {
        return pages.data_present(gva(address)) && pages.data_page(gva(address)).writable();
    }
};

}  // namespace ringpress::test
