// Commands that QEMU does not have: what ring compression makes of the guest.
#include <fmt/format.h>

#include "monitor/control/human_monitor.hpp"
#include "monitor/guest_end.hpp"
#include "monitor/holes/summary.hpp"
#include "monitor/stats_report.hpp"
#include "monitor/trace/trap_log.hpp"

namespace ringpress {

namespace {

std::string traps(MonitorSession& session, std::string_view) {
    return stats_text(counted(session.machine.arena()), session.machine.seconds());
}

std::string holes(MonitorSession& session, std::string_view) {
    return holes_summary(counted(session.machine.arena()));
}

/// The shadow page tables in figures: what is mapped where, and at what distance code lies from data.
std::string shadow(MonitorSession& session, std::string_view) {
    const ShadowState& s = session.machine.arena().shadow;
    std::string text = fmt::format(
        "S (distance of code from data)  {:#x}\n"
        "data pages mapped               {}\n"
        "code pages mapped               {}\n"
        "host mappings, at most          {}\n"
        "descriptors in the host's LDT   {} of {}\n",
        s.shift, s.data.total, s.code.total, s.mapping_estimate, s.descriptor_count, kDescriptorSlots);
    if (s.user_boundary_region)
        text += fmt::format("user segments end at            {:#x}\n",
                            std::uint64_t{s.user_boundary_region - 1} << kRegionShift);
    return text +
           fmt::format("pages mapped and unmapped       {} {}\nframes gathered                 {}\n"
                       "window moves, recyclings        {} {}\n",
                       s.counters.pages_mapped, s.counters.pages_unmapped, s.counters.frames_gathered, s.counters.window_moves,
                       s.counters.recycled);
}

/// The code views: which frames of guest RAM run from a copy, and how much of each is proven.
std::string views(MonitorSession& session, std::string_view) {
    const ShadowState& s = session.machine.arena().shadow;
    std::string text = "slot  frame     proven  native  sensitive\n";
    unsigned used = 0;
    for (std::uint32_t i = 0; i < kBounceSlot; ++i) {
        const ViewSlot& slot = s.slot[i];
        if (slot.frame == 0 || slot.frame == ViewSlot::kPads) continue;
        unsigned proven = 0, copied = 0;
        for (unsigned w = 0; w < kPageSize / 64; ++w) {
            proven += static_cast<unsigned>(__builtin_popcountll(slot.proven[w]));
            copied += static_cast<unsigned>(__builtin_popcountll(slot.copied[w]));
        }
        text += fmt::format("{:<4}  {:08x}  {:>6}  {:>6}  {:>9}\n", i, (slot.frame - 1) << kPageShift, proven,
                            copied, proven - copied);
        ++used;
    }
    return text + fmt::format("{} of {} slots, {} gate sites; {} views made, {} dropped\n", used, kBounceSlot,
                              s.counters.sites_made - s.counters.sites_stripped, s.counters.view_pages,
                              s.counters.views_dropped);
}

std::string last(MonitorSession& session, std::string_view) {
    return last_traps(session.machine.arena(), 32);
}

constexpr MonitorCommand kCommands[] = {
    {"info traps", "", "show where the monitor was entered, and what it did there", traps},
    {"info last-traps", "", "show the newest traps, one a line", last},
    {"info holes", "", "show the sensitive instructions that were met, the holes first", holes},
    {"info shadow", "", "show the shadow page tables in figures", shadow},
    {"info views", "", "show the code views: the copies that guest code runs from", views},
};

}  // namespace

std::span<const MonitorCommand> shadow_commands() {
    return kCommands;
}

}  // namespace ringpress
