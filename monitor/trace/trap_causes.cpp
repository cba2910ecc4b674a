#include "monitor/trace/trap_causes.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringpress {
namespace {

constexpr std::uint32_t bit(TrapCause cause) {
    return 1u << static_cast<unsigned>(cause);
}
constexpr std::uint32_t kEveryTrap = ((1u << kTrapCauses) - 1) & ~bit(TrapCause::gate);

constexpr CauseInfo kCauses[] = {
    {TrapCause::privileged, "privileged", "emulated",
     "A sensitive instruction that faults by itself at ring 3: the processor refused it, and the monitor "
     "does its work on the virtual CPU.",
     "3A 5.9"},
    {TrapCause::patched, "patched", "emulated",
     "A sensitive instruction in a code view. The view holds an int3 in its place, whether it would have "
     "faulted at ring 3 or silently done the wrong thing; the guest's memory does not.",
     "3A 6.4.4"},
    {TrapCause::prove, "prove", "proved",
     "The first execution of an address. The code view was still int3 there: the instructions from here on "
     "were decoded, and the harmless ones copied into the view.",
     ""},
    {TrapCause::hidden_fault, "hidden fault", "mapped",
     "The guest's page tables allow this access, but the host had no mapping for the page yet. The guest "
     "never learns of it.",
     "3A 4.6"},
    {TrapCause::true_fault, "true fault", "reflected",
     "The guest's own page tables refuse this access: a page fault that belongs to the guest.", "3A 4.7"},
    {TrapCause::segment_limit, "segment limit", "interpreted",
     "An access beyond a segment that was clipped to keep the guest's user code away from the guest's "
     "kernel.",
     "3A 5.3"},
    {TrapCause::mmio, "mmio", "interpreted",
     "An access to a memory-mapped device, or to memory that the host cannot map there: done in software.",
     ""},
    {TrapCause::code_write, "code write", "unproved",
     "A write to a page that has a code view. The view is dropped, and the code proven anew when it is "
     "executed again.",
     "3A 8.1.3"},
    {TrapCause::reflected, "reflected", "reflected",
     "An exception of the guest's own, given back to it through its own interrupt table.", "3A 6.15"},
    {TrapCause::interrupt, "interrupt", "devices updated",
     "No trap: a signal of the host's, because a device's time has come or input is there.", "3A 6.8"},
    {TrapCause::gate, "gate", "gate",
     "No trap: a hot sensitive instruction was replaced in the code view by a jump into the monitor.", ""},
    {TrapCause::debugger, "debugger", "stopped",
     "A breakpoint or a watchpoint of the debugger's, or the end of an instruction that the hardware "
     "executed by itself.",
     "3B 17.3"},
};
static_assert(std::size(kCauses) == kTrapCauses);
static_assert([] {
    for (unsigned i = 0; i < kTrapCauses; ++i)
        if (static_cast<unsigned>(kCauses[i].cause) != i) return false;
    return true;
}());

}  // namespace

std::span<const CauseInfo> trap_causes() {
    return kCauses;
}

std::string_view cause_name(std::uint8_t cause) {
    return cause < kTrapCauses ? kCauses[cause].name : "?";
}

unsigned cause_named(std::string_view name) {
    const auto found = std::find_if(std::begin(kCauses), std::end(kCauses),
                                    [&](const CauseInfo& c) { return c.name == name; });
    return static_cast<unsigned>(found - std::begin(kCauses));
}

std::string_view vector_name(unsigned vector) {
    static constexpr std::string_view names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                                 "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
                                                 "#PF", "",    "#MF", "#AC", "#MC", "#XM"};
    return vector < std::size(names) ? names[vector] : "";
}

const std::vector<LogItem>& log_items() {
    static const std::vector<LogItem> items = {
        {"trap", "every trap, whatever its cause", kEveryTrap},
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

std::uint32_t causes_of(const std::vector<std::string>& items) {
    std::uint32_t causes = 0;
    for (const auto& item : log_items())
        if (std::find(items.begin(), items.end(), item.name) != items.end()) causes |= item.causes;
    return causes;
}

std::string log_items_text() {
    std::string text =
        "Items for -d (separate several with commas; -D FILE writes them to a file, -trace FILE as "
        "JSON):\n\n";
    for (const auto& item : log_items()) text += fmt::format("  {:<6}{}\n", item.name, item.meaning);
    return text;
}

}  // namespace ringpress
