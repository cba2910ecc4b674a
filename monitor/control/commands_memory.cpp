// Commands that show memory and values: x, xp, print, gva2gpa.
#include <fmt/format.h>

#include <stdexcept>

#include "monitor/control/expression.hpp"
#include "monitor/control/human_monitor.hpp"

namespace ringpress {

namespace {

std::int64_t only_expression(MonitorSession& session, std::string_view text) {
    const VCpu cpu = session.machine.guest().cpu();
    const std::int64_t value = take_expression(text, cpu);
    if (!text.empty()) throw std::runtime_error(fmt::format("extraneous characters at the end: '{}'", text));
    return value;
}

std::string dump(MonitorSession& session, std::string_view arguments, bool physical) {
    const MemoryFormat format = take_memory_format(arguments, session.last_format);
    const auto address = static_cast<std::uint32_t>(only_expression(session, arguments));
    return dump_memory(session.machine.guest(), address, physical, format);
}

std::string x(MonitorSession& session, std::string_view arguments) {
    return dump(session, arguments, false);
}
std::string xp(MonitorSession& session, std::string_view arguments) {
    return dump(session, arguments, true);
}

std::string print(MonitorSession& session, std::string_view arguments) {
    const MemoryFormat format = take_memory_format(arguments, session.last_format);
    return format_value(only_expression(session, arguments), format.letter) + "\n";
}

std::string gva2gpa(MonitorSession& session, std::string_view arguments) {
    const gva address(static_cast<std::uint32_t>(only_expression(session, arguments)));
    const auto found = session.machine.guest().translate(address);
    return found ? fmt::format("gpa: {:#x}\n", found->physical.value) : "Unmapped\n";
}

constexpr MonitorCommand kCommands[] = {
    {"x", "/fmt addr", "virtual memory dump starting at 'addr'", x},
    {"xp", "/fmt addr", "physical memory dump starting at 'addr'", xp},
    {"print|p", "/fmt expr", "print expression value (use $reg for CPU register access)", print},
    {"gva2gpa", "addr", "print the guest physical address corresponding to a guest virtual address", gva2gpa},
};

}  // namespace

std::span<const MonitorCommand> memory_commands() {
    return kCommands;
}

}  // namespace ringpress
