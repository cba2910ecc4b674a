// Commands that walk the guest's page tables: info mem, info tlb.
#include <fmt/format.h>

#include <cstring>

#include "monitor/control/human_monitor.hpp"

namespace ringpress {

namespace {

/// Calls each(address, bytes, entry, rights) for every present leaf in order of addresses; rights are U/S and
/// R/W of both levels together.  Tables outside RAM are skipped.
template <class Each>
void for_each_page(const GuestAccess& guest, const VCpu& cpu, Each each) {
    const auto entry_at = [&](std::uint32_t table, unsigned index) {
        std::uint32_t entry = 0;
        if (guest.read(gpa(table + index * 4), &entry, sizeof entry) != sizeof entry) entry = 0;
        return entry;
    };
    for (unsigned d = 0; d < 1024; ++d) {
        const std::uint32_t pde = entry_at(cpu.cr3 & pte::kFrame, d);
        if (!(pde & pte::P)) continue;
        if ((pde & pte::PS) && (cpu.cr4 & cr4::PSE)) {
            each(d << 22, 1u << 22, pde, pde);
            continue;
        }
        for (unsigned t = 0; t < 1024; ++t) {
            const std::uint32_t entry = entry_at(pde & pte::kFrame, t);
            if (entry & pte::P) each(d << 22 | t << 12, kPageSize, entry, entry & pde);
        }
    }
}

/// Ranges of pages with the same rights.
std::string mem(MonitorSession& session, std::string_view) {
    const VCpu cpu = session.machine.guest().cpu();
    if (!cpu.paging()) return "PG disabled\n";
    std::string text;
    std::uint64_t first = 0, end = 0;
    std::uint32_t rights = 0;
    const auto flush = [&] {
        if (end != first)
            text += fmt::format("{:016x}-{:016x} {:016x} {}r{}\n", first, end, end - first,
                                rights & pte::US ? 'u' : '-', rights & pte::RW ? 'w' : '-');
    };
    for_each_page(session.machine.guest(), cpu,
                  [&](std::uint32_t address, std::uint32_t bytes, std::uint32_t, std::uint32_t now) {
                      now &= pte::US | pte::RW;
                      if (address != end || now != rights || end == first) {
                          flush();
                          first = address;
                          rights = now;
                      }
                      end = std::uint64_t{address} + bytes;
                  });
    flush();
    return text;
}

/// Every page with the flags of the entry that maps it.
std::string tlb(MonitorSession& session, std::string_view) {
    const VCpu cpu = session.machine.guest().cpu();
    if (!cpu.paging()) return "PG disabled\n";
    std::string text;
    for_each_page(
        session.machine.guest(), cpu,
        [&](std::uint32_t address, std::uint32_t bytes, std::uint32_t entry, std::uint32_t) {
            const auto flag = [&](std::uint32_t bit, char letter) { return entry & bit ? letter : '-'; };
            const bool large = bytes != kPageSize;
            const std::uint32_t frame = entry & (large ? pte::kLargeFrame : pte::kFrame);
            text += fmt::format("{:016x}: {:016x} -{}{}{}{}{}{}{}{}\n", address, frame, flag(pte::G, 'G'),
                                large ? 'P' : '-', flag(pte::D, 'D'), flag(pte::A, 'A'), flag(pte::PCD, 'C'),
                                flag(pte::PWT, 'T'), flag(pte::US, 'U'), flag(pte::RW, 'W'));
        });
    return text;
}

constexpr MonitorCommand kCommands[] = {
    {"info mem", "", "show the active virtual memory mappings", mem},
    {"info tlb", "", "show virtual to physical memory mappings", tlb},
};

}  // namespace

std::span<const MonitorCommand> paging_commands() {
    return kCommands;
}

}  // namespace ringpress
