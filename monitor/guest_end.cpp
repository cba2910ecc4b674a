#include "monitor/guest_end.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include "monitor/cpu_dump.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/trace/trap_log.hpp"

namespace ringpress {

namespace {

/// Text from the arena: whatever it holds, one printable line of bounded length.
std::string clean(const char* text, std::size_t size) {
    std::string line;
    for (std::size_t i = 0; i < size && text[i]; ++i) line += text[i] >= ' ' && text[i] < 127 ? text[i] : '?';
    return line;
}

}  // namespace

ExitReport explain_stop(const Arena& arena, StopReason reason) {
    ExitReport r;
    const std::string detail = clean(arena.stop.detail, sizeof arena.stop.detail);
    switch (reason) {
        case StopReason::debug_exit:
            // Always odd, as the device makes it: none of ringpress' own codes can be passed off as one.
            r.code = (arena.stop.code & 0xFF) | 1;
            break;
        case StopReason::power_off:
        case StopReason::reset:
        case StopReason::dead_halt: r.code = exit_status(ExitCode::ended); break;
        case StopReason::shutdown:
            r.code = exit_status(ExitCode::guest_died);
            r.message = fmt::format("the guest died of a triple fault at {:04x}:{:08x}",
                                    arena.cpu.segment(Seg::cs).selector, arena.cpu.eip);
            break;
        case StopReason::fence:
            r.code = exit_status(ExitCode::fence);
            r.message = "fence violation: " + detail + "; the guest was ended, the host is untouched";
            break;
        case StopReason::bug:
        default:
            r.code = exit_status(ExitCode::monitor_bug);
            r.message = "internal error: " + (detail.empty() ? "the core stopped without a reason" : detail) +
                        "\n" + cpu_dump(arena.cpu) + last_traps(arena);
    }
    return r;
}

ExitReport explain_death(const Arena& arena, int status) {
    ExitReport r;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        r.code = exit_status(ExitCode::fence);
        r.message =
            "fence violation: guest code broke out and made a system call; the guest was ended, "
            "the host is untouched";
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        r.code = exit_status(ExitCode::host_error);
        r.message = "the guest process was killed from outside";
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == exit_status(ExitCode::host_error)) {
        r.code = exit_status(ExitCode::host_error);
        r.message = "the host refused what the guest process needs; see ringpress doctor";
    } else {
        r.code = exit_status(ExitCode::monitor_bug);
        r.message = fmt::format("internal error: the guest process ended with status {:#x}\n", status) +
                    cpu_dump(arena.cpu) + last_traps(arena);
    }
    return r;
}

Statistics counted(const Arena& arena) {
    Statistics s = arena.statistics;
    const ShadowState::Counters& shadow = arena.shadow.counters;
    s.pages_mapped = shadow.pages_mapped;
    s.pages_unmapped = shadow.pages_unmapped;
    s.map_calls = shadow.map_calls;
    s.descriptors_loaded = shadow.descriptors_loaded;
    s.view_pages = shadow.view_pages;
    s.views_dropped = shadow.views_dropped;
    s.window_moves = shadow.window_moves;
    s.shadow_recycled = shadow.recycled;
    return s;
}

}  // namespace ringpress
