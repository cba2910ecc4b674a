#include "monitor/scan/scan_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringpress {
namespace {

constexpr InsnClass kClasses[kInsnClasses] = {InsnClass::privileged, InsnClass::silent, InsnClass::host,
                                              InsnClass::conditional};

std::string counts_row(const ScanCounts& counts) {
    std::string row = fmt::format("{:>10}", counts.sensitive);
    for (const InsnClass c : kClasses) row += fmt::format("{:>8}", counts.by_class[static_cast<unsigned>(c)]);
    return row + fmt::format("{:>8}", counts.gates);
}

std::string counts_heading() {
    std::string row = fmt::format("{:>10}", "sensitive");
    for (const InsnClass c : kClasses) row += fmt::format("{:>8}", class_word(c));
    return row + fmt::format("{:>8}", "gate");
}

std::string section_table(const ScanReport& report) {
    std::string text =
        fmt::format("{:<22}{:>10}{:>13}{}\n", "section", "bytes", "instructions", counts_heading());
    const auto row = [&](std::string_view name, const SectionScan& s) {
        text += fmt::format("{:<22}{:>10}{:>13}{}\n", name, s.bytes, s.instructions, counts_row(s.counts));
    };
    const auto& sections = report.result.sections;
    for (std::size_t i = 0; i < sections.size(); ++i) row(report.code.sections[i].name, sections[i]);
    if (sections.size() > 1) row("all", report.result.total);
    return text;
}

/// Kinds with a count, those with the most first.
std::vector<InsnId> kinds_by_count(const std::array<std::uint64_t, kInsnKinds>& by_kind) {
    std::vector<InsnId> kinds;
    for (unsigned i = 0; i < kInsnKinds; ++i)
        if (by_kind[i] != 0) kinds.push_back(static_cast<InsnId>(i));
    std::stable_sort(kinds.begin(), kinds.end(), [&](InsnId a, InsnId b) {
        return by_kind[static_cast<unsigned>(a)] > by_kind[static_cast<unsigned>(b)];
    });
    return kinds;
}

std::string kind_table(const ScanReport& report) {
    const auto& by_kind = report.result.by_kind;
    std::array<std::uint64_t, kInsnKinds> gates{}, native{};
    for (const ScanSite& site : report.result.sites) {
        gates[static_cast<unsigned>(site.id)] += site.treatment == Treatment::gate;
        native[static_cast<unsigned>(site.id)] += site.treatment == Treatment::native;
    }
    std::string text = fmt::format("{:<18}{:<9}{:>7}{:>7}{:>8}  {}\n", "instruction", "at ring 3", "sites",
                                   "gate", "native", "what it does");
    for (const InsnId id : kinds_by_count(by_kind)) {
        const auto i = static_cast<unsigned>(id);
        text += fmt::format("{:<18}{:<9}{:>7}{:>7}{:>8}  {}\n", name(id), class_word(info(id).insn_class),
                            by_kind[i], gates[i], native[i], info(id).effect);
    }
    return text;
}

std::string symbol_table(const ScanReport& report) {
    const auto& symbols = report.result.symbols;
    const std::size_t shown = std::min(report.top, symbols.size());
    if (shown == 0) return {};
    std::string text = fmt::format("\n{:<45}{}\n", fmt::format("function ({} of {})", shown, symbols.size()),
                                   counts_heading());
    for (std::size_t i = 0; i < shown; ++i)
        text += fmt::format("{:<45}{}\n", fmt::format("{:08x} {:.35}", symbols[i].address, symbols[i].name),
                            counts_row(symbols[i].counts));
    return text;
}

std::string hidden_table(const HiddenScan& hidden, std::uint64_t instructions) {
    const double percent = instructions ? 100.0 / static_cast<double>(instructions) : 0;
    std::string text = fmt::format(
        "\nInside of other instructions: {} ({:.1f} %) hide a sensitive one, {} ({:.2f} %) a far transfer.\n",
        hidden.instructions, static_cast<double>(hidden.instructions) * percent, hidden.with_far_transfer,
        static_cast<double>(hidden.with_far_transfer) * percent);
    for (const InsnId id : kinds_by_count(hidden.by_kind))
        text += fmt::format("{:<18}{:<9}{:>7}\n", name(id), class_word(info(id).insn_class),
                            hidden.by_kind[static_cast<unsigned>(id)]);
    return text;
}

std::string uncertainty(const ScanReport& report) {
    const SectionScan& t = report.result.total;
    std::string text = "\nA linear sweep is an estimate: data between instructions is read as code.\n";
    const auto item = [&](std::uint64_t count, const char* what) {
        if (count != 0) text += fmt::format("{:>10} {}\n", count, what);
    };
    item(t.unknown_bytes, "bytes that are no instruction");
    item(t.cut_bytes, "bytes of instructions that would run on over a symbol, where decoding started over");
    item(t.data_bytes, "bytes that symbols call data");
    item(t.filler_bytes, "bytes of breakpoints behind jumps and returns, not counted: nothing reaches them");
    item(t.foreign, "instructions that the guest's processor does not have (ud2, AVX and the like)");
    item(t.boxed, "harmless instructions with data operands in CS, which are interpreted");
    if (report.code.symbols.empty())
        text += "           No symbols are known, at which decoding could start over.\n";
    for (const auto& note : report.code.notes) text += fmt::format("           Note: {}.\n", note);
    return text;
}

std::string with_unit(std::uint64_t bytes) {
    return bytes < 100000 ? fmt::format("{} bytes", bytes)
                          : fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

const char* class_word(InsnClass insn_class) {
    switch (insn_class) {
        case InsnClass::privileged: return "trap";
        case InsnClass::silent: return "hole";
        case InsnClass::host: return "host";
        case InsnClass::conditional: break;
    }
    return "depends";
}

const char* treatment_word(Treatment treatment) {
    switch (treatment) {
        case Treatment::native: return "native";
        case Treatment::trap: return "trap";
        case Treatment::gate: break;
    }
    return "gate";
}

std::string scan_text(const ScanReport& report) {
    const SectionScan& total = report.result.total;
    std::string text = fmt::format("{}: {}, {} of code, {} symbols\n\n", report.file, report.code.kind,
                                   with_unit(total.bytes), report.code.symbols.size());
    text += section_table(report) + "\n" + kind_table(report) + symbol_table(report);
    if (report.options.hidden) text += hidden_table(report.result.hidden, total.instructions);
    text += uncertainty(report);
    text +=
        "\n"
        "trap     faults at ring 3, so trap-and-emulate just works\n"
        "hole     executes at ring 3 and does or shows the wrong thing: must be found and patched\n"
        "host     as hole, or answered by the host's kernel: see ringpress doctor\n"
        "depends  faults or not, by operands and control registers\n"
        "gate     a jump into the monitor can take its place when it is hot, with --sensitive inline\n";
    return text;
}

std::string scan_list(const ScanReport& report, Decoder& decoder) {
    std::string text;
    for (const ScanSite& site : report.result.sites) {
        std::string bytes;
        for (unsigned i = 0; i < site.length; ++i) bytes += fmt::format("{:02x}", site.bytes[i]);
        text += fmt::format("{:08x}  {:<16}  {:<7}  {:<6}  {:<32}  {}\n", site.address, bytes,
                            class_word(info(site.id).insn_class), treatment_word(site.treatment),
                            decoder.text(site.bytes, site.length, site.address, report.options.code_size),
                            report.code.symbols.name_of(site.address));
    }
    return text;
}

}  // namespace ringpress
