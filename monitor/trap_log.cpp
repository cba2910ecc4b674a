#include "monitor/trap_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "traps/instruction.hpp"

namespace ringpress {
namespace {

constexpr std::uint32_t bit(TrapCause cause) {
    return 1u << static_cast<unsigned>(cause);
}

}  // namespace

const std::vector<LogItem>& log_items() {
    static const std::vector<LogItem> items = {
        {"trap", "every trap, whatever its cause", ((1u << kTrapCauses) - 1) & ~bit(TrapCause::gate)},
        {"insn", "sensitive instructions that were emulated",
         bit(TrapCause::privileged) | bit(TrapCause::patched)},
        {"int", "exceptions reflected to the guest, and asynchronous events",
         bit(TrapCause::true_fault) | bit(TrapCause::reflected) | bit(TrapCause::interrupt)},
        {"mmu", "page faults, hidden and true", bit(TrapCause::hidden_fault) | bit(TrapCause::true_fault)},
        {"view", "code proven, and code views dropped by writes",
         bit(TrapCause::prove) | bit(TrapCause::code_write)},
        {"gate", "sensitive instructions that left through a gate, without a trap", bit(TrapCause::gate)},
        {"io", "memory-mapped devices and low memory", bit(TrapCause::mmio)},
    };
    return items;
}

std::vector<std::string> log_item_names() {
    std::vector<std::string> names;
    for (const auto& item : log_items()) names.emplace_back(item.name);
    return names;
}

std::string log_items_text() {
    std::string text = "Items for -d (separate several with commas; -D FILE writes them to a file):\n\n";
    for (const auto& item : log_items()) text += fmt::format("  {:<6}{}\n", item.name, item.meaning);
    return text;
}

std::string_view cause_name(std::uint8_t cause) {
    static constexpr std::string_view names[] = {"privileged", "patched",       "prove", "hidden fault",
                                                 "true fault", "segment limit", "mmio",  "code write",
                                                 "reflected",  "interrupt",     "gate"};
    static_assert(std::size(names) == kTrapCauses);
    return cause < kTrapCauses ? names[cause] : "?";
}

std::string trap_line(const TrapRecord& r) {
    std::string_view instruction;
    if (r.insn >= static_cast<std::uint8_t>(InsnId::count_)) {
        instruction = "?";
    } else if (static_cast<InsnId>(r.insn) != InsnId::undefined) {
        instruction = name(static_cast<InsnId>(r.insn));
    }
    const std::string time = r.time ? fmt::format("{:>12.6f} ms  ", static_cast<double>(r.time) / 1e6) : "";
    return fmt::format("{}cpl {}  eip {:08x}  {:<13}  vector {:2}  error {:08x}  address {:08x}  {}", time,
                       r.cpl, r.eip, cause_name(r.cause), r.vector, r.error, r.address, instruction);
}

std::string last_traps(const Arena& arena, unsigned count) {
    const std::uint32_t end = arena.trap_count.load(std::memory_order_acquire);
    count = std::min({count, end, kTrapRingSize});
    std::string text;
    for (std::uint32_t i = end - count; i != end; ++i)
        text += trap_line(arena.traps[i % kTrapRingSize]) + "\n";
    return text;
}

TrapLog::TrapLog(const RunConfig& config) {
    for (const auto& wanted : config.log_items) {
        for (const auto& item : log_items()) {
            if (item.name == wanted) causes_ |= item.causes;
        }
    }
    if (!enabled()) return;
    out_.reset(config.log_file.empty() ? stderr : std::fopen(config.log_file.c_str(), "we"));
    if (!out_) {
        throw std::runtime_error(
            fmt::format("cannot write the log '{}' (-D): {}", config.log_file, std::strerror(errno)));
    }
}

void TrapLog::begin(Arena& arena) {
    arena.logged_causes = causes_;
    seen_ = 0;
}

void TrapLog::drain(const Arena& arena) {
    if (!enabled()) return;
    const std::uint32_t end = arena.trap_count.load(std::memory_order_acquire);
    if (end - seen_ > kTrapRingSize) {
        fmt::print(out_.get(), "({} traps not logged)\n", end - seen_ - kTrapRingSize);
        seen_ = end - kTrapRingSize;
    }
    for (; seen_ != end; ++seen_) {
        const TrapRecord record = arena.traps[seen_ % kTrapRingSize];
        // The record is the core's to write, at any time: what is checked below must be what is used, so the
        // compiler is not to read it a second time.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (record.cause < kTrapCauses && (causes_ >> record.cause & 1u)) {
            fmt::print(out_.get(), "{}\n", trap_line(record));
        }
    }
    std::fflush(out_.get());
}

}  // namespace ringpress
