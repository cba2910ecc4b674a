#include "monitor/stats_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "monitor/trace/trap_causes.hpp"
#include "traps/instruction.hpp"

namespace ringpress {
namespace {

struct Counted {
    InsnId id;
    std::uint64_t count;
};

/// The instructions that were emulated at all, most frequent first.
std::vector<Counted> emulated(const Statistics& s) {
    std::vector<Counted> list;
    const auto first = static_cast<unsigned>(InsnId::innocuous) + 1;
    for (unsigned i = first; i < static_cast<unsigned>(InsnId::count_); ++i) {
        if (s.emulated[i] != 0) list.push_back({static_cast<InsnId>(i), s.emulated[i]});
    }
    std::stable_sort(list.begin(), list.end(), [](auto& a, auto& b) { return a.count > b.count; });
    return list;
}

std::uint64_t gates(const Statistics& s) {
    return s.traps[static_cast<unsigned>(TrapCause::gate)];
}

/// A gate is a jump: it enters the monitor like a trap, but is none.
std::uint64_t total_traps(const Statistics& s) {
    return std::accumulate(std::begin(s.traps), std::end(s.traps), std::uint64_t{0}) - gates(s);
}

struct Row {
    const char* key;   ///< in JSON
    const char* text;  ///< for people
    std::uint64_t Statistics::*counter;
};

constexpr Row kCode[] = {
    {"view_pages", "code view pages built", &Statistics::view_pages},
    {"views_dropped", "code views dropped", &Statistics::views_dropped},
    {"proven", "instructions proven", &Statistics::proven},
    {"patched_sites", "sensitive sites patched", &Statistics::patched_sites},
    {"inlined_sites", "sensitive sites inlined", &Statistics::inlined_sites},
    {"stub_sites", "of them, with a native stub", &Statistics::stub_sites},
    {"tail_sites", "of them, with a native tail", &Statistics::tail_sites},
    {"burst_instructions", "interpreted in bursts", &Statistics::burst_instructions},
};
constexpr Row kMemory[] = {
    {"pages_mapped", "shadow pages mapped", &Statistics::pages_mapped},
    {"pages_unmapped", "shadow pages unmapped", &Statistics::pages_unmapped},
    {"map_calls", "mapping system calls", &Statistics::map_calls},
    {"descriptors_loaded", "descriptors loaded", &Statistics::descriptors_loaded},
    {"window_moves", "moves of the code window", &Statistics::window_moves},
    {"shadow_recycled", "flushes for the host's limit", &Statistics::shadow_recycled},
};

std::string rows_text(std::string_view title, std::span<const Row> rows, const Statistics& s) {
    std::string text = fmt::format("\n{}\n", title);
    for (const Row& row : rows) text += fmt::format("  {:<30}{:>12}\n", row.text, s.*row.counter);
    return text;
}

}  // namespace

std::string stats_text(const Statistics& s, double seconds) {
    const std::uint64_t total = total_traps(s);
    std::string text = fmt::format("\n{:.3f} s, {} traps", seconds, total);
    if (seconds > 0) text += fmt::format(" ({:.0f} a second)", static_cast<double>(total) / seconds);
    text += "\n\nTraps by cause\n";
    for (unsigned i = 0; i < kTrapCauses; ++i) {
        if (s.traps[i] == 0 || i == static_cast<unsigned>(TrapCause::gate)) continue;
        text += fmt::format("  {:<30}{:>12}  {:5.1f} %\n", cause_name(static_cast<std::uint8_t>(i)),
                            s.traps[i], 100.0 * static_cast<double>(s.traps[i]) / static_cast<double>(total));
    }
    text += fmt::format("\nGates taken instead of traps{:>16}\n", gates(s));
    if (const auto list = emulated(s); !list.empty()) {
        text += "\nEmulated instructions\n";
        for (const auto& [id, count] : list) {
            text += fmt::format("  {:<18}{:<12}{:>12}\n", name(id), class_name(info(id).insn_class), count);
        }
    }
    bool any = false;
    for (unsigned v = 0; v < std::size(s.reflected); ++v) {
        if (s.reflected[v] == 0) continue;
        if (!any) text += "\nExceptions reflected to the guest\n";
        any = true;
        text += fmt::format("  {:<5}{:<25}{:>12}\n", v, vector_name(v), s.reflected[v]);
    }
    text += rows_text("Code", kCode, s);
    text += rows_text("Memory", kMemory, s);
    text += fmt::format("\nEvents\n  {:<30}{:>12}\n  {:<30}{:>12}\n", "interrupts injected", s.interrupts,
                        "halts", s.halts);
    return text;
}

std::string stats_json(const Statistics& s, double seconds) {
    nlohmann::ordered_json json;
    json["seconds"] = seconds;
    json["traps"]["total"] = total_traps(s);
    for (unsigned i = 0; i < kTrapCauses; ++i) {
        if (i == static_cast<unsigned>(TrapCause::gate)) continue;
        std::string key(cause_name(static_cast<std::uint8_t>(i)));
        std::replace(key.begin(), key.end(), ' ', '_');
        json["traps"][key] = s.traps[i];
    }
    json["gates"] = gates(s);
    json["emulated"] = nlohmann::ordered_json::array();
    for (const auto& [id, count] : emulated(s)) {
        json["emulated"].push_back(
            {{"mnemonic", name(id)}, {"class", class_name(info(id).insn_class)}, {"count", count}});
    }
    json["reflected"] = nlohmann::ordered_json::object();
    for (unsigned v = 0; v < std::size(s.reflected); ++v) {
        if (s.reflected[v] != 0) json["reflected"][std::to_string(v)] = s.reflected[v];
    }
    for (const Row& row : kCode) json["code"][row.key] = s.*row.counter;
    for (const Row& row : kMemory) json["memory"][row.key] = s.*row.counter;
    json["interrupts"] = s.interrupts;
    json["halts"] = s.halts;
    return json.dump() + "\n";
}

}  // namespace ringpress
