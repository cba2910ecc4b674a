#include "monitor/trace/trap_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "monitor/trace/trap_causes.hpp"
#include "traps/instruction.hpp"

namespace ringpress {

std::string trap_line(const TrapRecord& r) {
    std::string_view instruction;
    if (r.insn >= static_cast<std::uint8_t>(InsnId::count_)) {
        instruction = "?";
    } else if (static_cast<InsnId>(r.insn) != InsnId::undefined) {
        instruction = name(static_cast<InsnId>(r.insn));
    }
    return fmt::format("cpl {}  eip {:08x}  {:<13}  vector {:2}  error {:08x}  address {:08x}  {}", r.cpl,
                       r.eip, cause_name(r.cause), r.vector, r.error, r.address, instruction);
}

std::string last_traps(const Arena& arena, unsigned count) {
    const std::uint32_t end = arena.trap_count.load(std::memory_order_acquire);
    count = std::min({count, end, kTrapRingSize});
    std::string text;
    for (std::uint32_t i = end - count; i != end; ++i)
        text += trap_line(arena.traps[i % kTrapRingSize]) + "\n";
    return text;
}

TrapLog::TrapLog(const std::string& file) : out_(file.empty() ? stderr : std::fopen(file.c_str(), "we")) {
    if (!out_) {
        throw std::runtime_error(
            fmt::format("cannot write the log '{}' (-D): {}", file, std::strerror(errno)));
    }
}

void TrapLog::put(const TraceRecord& record) {
    fmt::print(out_.get(), "{:>12.6f} ms  {}\n", static_cast<double>(record.guest_ns) / 1e6,
               trap_line(record.trap));
}

void TrapLog::gap(std::uint64_t lost) {
    fmt::print(out_.get(), "({} traps not logged)\n", lost);
}

void TrapLog::flush() {
    std::fflush(out_.get());
}

}  // namespace ringpress
