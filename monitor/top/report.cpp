#include "monitor/top/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "monitor/trace/trap_causes.hpp"
#include "traps/instruction.hpp"

namespace ringpress {

namespace {

constexpr unsigned kBarWidth = 20;

/// Counts per second between the two samples.
class Rates {
  public:
    explicit Rates(const TopReport& r)
        : seconds_(std::max(1e-3, std::chrono::duration<double>(r.now.when - r.before.when).count())) {}
    double of(std::uint64_t before, std::uint64_t now) const {
        return now > before ? static_cast<double>(now - before) / seconds_ : 0;
    }
    double of_wrapping(std::uint32_t before, std::uint32_t now) const {
        return static_cast<double>(static_cast<std::uint32_t>(now - before)) / seconds_;
    }

  private:
    double seconds_;
};

std::string number(double per_second) {
    if (per_second >= 1e6) return fmt::format("{:.2f}M", per_second / 1e6);
    if (per_second >= 1e4) return fmt::format("{:.1f}k", per_second / 1e3);
    return fmt::format("{:.0f}", per_second);
}

void add_cpu(const TopReport& r, std::vector<TopLine>& lines) {
    const VCpu& c = r.now.cpu;
    constexpr const char* kActivity[] = {"runs", "is halted", "has shut down"};
    lines.push_back({fmt::format("PROCESSOR   the guest {}{}", kActivity[static_cast<unsigned>(c.activity)],
                                 r.now.stopped ? ", stopped" : ""),
                     true});
    lines.push_back({"          virtual    real"});
    lines.push_back({fmt::format("CPL       {:<10} 3", c.cpl)});
    lines.push_back({fmt::format("IF        {:<10d} 1", c.interrupts_enabled())});
    lines.push_back({fmt::format("CR0       {:08x}   the host's", c.cr0)});
    lines.push_back({fmt::format("CR3       {:08x}   the host's", c.cr3)});
    lines.push_back({fmt::format("EIP       {:08x}   CS {:04x}  ESP {:08x}", c.eip,
                                 c.segment(Seg::cs).selector, c.reg(Gpr::esp))});
}

void add_causes(const TopReport& r, const Rates& rates, std::vector<TopLine>& lines) {
    struct Row {
        unsigned cause;
        double rate;
    };
    std::vector<Row> rows;
    double traps = 0, highest = 1;
    for (unsigned i = 0; i < kTrapCauses; ++i) {
        const double rate = rates.of(r.before.statistics.traps[i], r.now.statistics.traps[i]);
        rows.push_back({i, rate});
        highest = std::max(highest, rate);
        if (static_cast<TrapCause>(i) != TrapCause::gate) traps += rate;
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.rate > b.rate; });
    lines.push_back({fmt::format("TRAPS PER SECOND   {}", number(traps)), true});
    for (const Row& row : rows) {
        if (row.rate <= 0) continue;
        const auto bar = static_cast<std::size_t>(row.rate / highest * kBarWidth + 0.5);
        lines.push_back({fmt::format("{:<14} {:>8}  {}", cause_name(static_cast<std::uint8_t>(row.cause)),
                                     number(row.rate), std::string(bar, '#'))});
    }
}

void add_sites(const TopReport& r, std::vector<TopLine>& lines) {
    lines.push_back({"HOTTEST SITES   of the newest traps", true});
    for (const TopSite& site : r.sites) {
        const TrapSite& s = site.entry.site;
        const auto insn = static_cast<InsnId>(s.insn);
        lines.push_back(
            {fmt::format("{:>5.1f}%  {:08x}  cpl {}  {:<14} {:<16} {}", site.entry.share * 100, s.eip, s.cpl,
                         cause_name(s.cause), insn == InsnId::undefined ? "" : name(insn), site.name)});
    }
}

void add_shadow(const TopReport& r, const Rates& rates, std::vector<TopLine>& lines) {
    const auto cause = [](TrapCause c) { return static_cast<unsigned>(c); };
    const auto trap_rate = [&](TrapCause c) {
        return rates.of(r.before.statistics.traps[cause(c)], r.now.statistics.traps[cause(c)]);
    };
    const double misses = trap_rate(TrapCause::hidden_fault);
    const double mapped = rates.of(r.before.shadow.pages_mapped, r.now.shadow.pages_mapped);
    lines.push_back({"SHADOWS", true});
    lines.push_back({fmt::format("pages mapped {} data, {} code", r.now.data_pages, r.now.code_pages)});
    lines.push_back({fmt::format("misses {}/s (hidden faults), true faults {}/s", number(misses),
                                 number(trap_rate(TrapCause::true_fault)))});
    lines.push_back({fmt::format(
        "hits before their first fault {}/s, unmapped {}/s", number(std::max(0.0, mapped - misses)),
        number(rates.of(r.before.shadow.pages_unmapped, r.now.shadow.pages_unmapped)))});
    lines.push_back({fmt::format("views made {}/s, dropped {}/s; instructions proven {}/s",
                                 number(rates.of(r.before.shadow.view_pages, r.now.shadow.view_pages)),
                                 number(rates.of(r.before.shadow.views_dropped, r.now.shadow.views_dropped)),
                                 number(rates.of(r.before.statistics.proven, r.now.statistics.proven)))});
}

void add_devices(const TopReport& r, const Rates& rates, std::vector<TopLine>& lines) {
    lines.push_back({"DEVICES", true});
    lines.push_back(
        {fmt::format("interrupts {}/s, halts {}/s, lines raised {:04x}",
                     number(rates.of(r.before.statistics.interrupts, r.now.statistics.interrupts)),
                     number(rates.of(r.before.statistics.halts, r.now.statistics.halts)), r.now.irq_levels)});
    lines.push_back({fmt::format("serial {} B/s out, {} B/s in; keyboard {} B/s; debug console {} B/s",
                                 number(rates.of_wrapping(r.before.bytes_out, r.now.bytes_out)),
                                 number(rates.of_wrapping(r.before.bytes_in, r.now.bytes_in)),
                                 number(rates.of_wrapping(r.before.keys, r.now.keys)),
                                 number(rates.of_wrapping(r.before.debug_bytes, r.now.debug_bytes)))});
}

}  // namespace

std::vector<TopLine> top_lines(const TopReport& report, unsigned columns) {
    const Rates rates(report);
    std::vector<TopLine> lines;
    lines.push_back({report.title, true});
    lines.push_back({});
    add_cpu(report, lines);
    lines.push_back({});
    add_causes(report, rates, lines);
    lines.push_back({});
    add_sites(report, lines);
    lines.push_back({});
    add_shadow(report, rates, lines);
    lines.push_back({});
    add_devices(report, rates, lines);
    for (TopLine& line : lines)
        if (line.text.size() > columns) line.text.resize(columns);
    return lines;
}

}  // namespace ringpress
