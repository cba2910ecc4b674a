#include "monitor/holes/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "monitor/holes/names.hpp"

namespace ringpress {

std::string holes_summary(const Statistics& s) {
    struct Row {
        const InsnInfo* insn;
        std::uint64_t count;
    };
    std::vector<Row> rows;
    std::uint64_t by_class[4] = {}, total = 0;
    for (const InsnExplanation& e : explanations()) {
        const std::uint64_t count = s.emulated[static_cast<unsigned>(e.id)];
        by_class[static_cast<unsigned>(info(e.id).insn_class)] += count;
        total += count;
        if (count != 0) rows.push_back({&info(e.id), count});
    }
    // Privileged instructions trap by themselves: they are the only ones that are never a hole.
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        const bool a_traps = a.insn->insn_class == InsnClass::privileged;
        const bool b_traps = b.insn->insn_class == InsnClass::privileged;
        return a_traps != b_traps ? b_traps : a.count > b.count;
    });
    std::string text = fmt::format("{} sensitive instructions emulated", total);
    const std::uint64_t privileged = by_class[static_cast<unsigned>(InsnClass::privileged)];
    text += fmt::format(", {} of them such as do not trap by themselves\n", total - privileged);
    text += fmt::format("{} sensitive sites found in the code, {} of them made gates\n", s.patched_sites,
                        s.inlined_sites);
    for (const Row& row : rows)
        text += fmt::format("  {:<18}{:<12}{:>12}  {}\n", row.insn->mnemonic,
                            class_name(row.insn->insn_class), row.count, row.insn->effect);
    return text;
}

}  // namespace ringpress
