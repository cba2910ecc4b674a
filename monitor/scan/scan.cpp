#include "monitor/scan/scan.hpp"

#include <algorithm>
#include <map>

#include "monitor/scan/sweep.hpp"
#include "shadow/gate_sites.hpp"
#include "traps/decode_classify.hpp"
#include "traps/decode_layout.hpp"
#include "traps/prove.hpp"

namespace ringpress {
namespace {

constexpr std::uint32_t kPageMask = 4095;

bool is_far_transfer(InsnId id) {
    return id == InsnId::far_ret || id == InsnId::far_jmp || id == InsnId::far_call || id == InsnId::iret;
}

class Scanner {
  public:
    Scanner(const CodeImage& code, const ScanOptions& options) : code_(code), options_(options) {}

    ScanResult run() {
        for (const CodeSection& section : code_.sections) {
            SectionScan counts;
            counts.bytes = section.bytes.size();
            result_.sections.push_back(counts);
            sweep(section, code_.symbols, decoder_, options_.code_size,
                  [&](const SweepStep& step) { take(section, step); });
        }
        for (const SectionScan& s : result_.sections) add_up(result_.total, s);
        rank_symbols();
        return std::move(result_);
    }

  private:
    void take(const CodeSection& section, const SweepStep& step) {
        SectionScan& counts = result_.sections.back();
        switch (step.kind) {
            case SweepKind::instruction: take_instruction(section, step); break;
            case SweepKind::foreign: ++counts.foreign; break;
            case SweepKind::filler: counts.filler_bytes += step.length; break;
            case SweepKind::data: counts.data_bytes += step.length; break;
            case SweepKind::cut: counts.cut_bytes += step.length; break;
            case SweepKind::unknown: counts.unknown_bytes += step.length; break;
        }
    }

    void take_instruction(const CodeSection& section, const SweepStep& step) {
        SectionScan& counts = result_.sections.back();
        ++counts.instructions;
        if (options_.hidden) look_inside(section, step);
        const Native native = may_run_natively(step.insn, cpu_, policy_);
        if (native == Native::boxed) ++counts.boxed;
        if (!step.insn.sensitive()) return;

        ScanSite site;
        site.address = section.address + step.offset;
        site.id = step.insn.id;
        site.length = step.insn.length;
        std::copy(step.insn.bytes, step.insn.bytes + step.insn.length, site.bytes);
        site.section = static_cast<std::uint16_t>(result_.sections.size() - 1);
        site.symbol = code_.symbols.find(site.address);
        if (native == Native::yes)
            site.treatment = Treatment::native;
        else if (may_become_gate(step.insn, policy_) && site_fits_page(site.address & kPageMask))
            site.treatment = Treatment::gate;
        counts.counts.add(site);
        ++result_.by_kind[static_cast<unsigned>(site.id)];
        result_.sites.push_back(site);
    }

    void look_inside(const CodeSection& section, const SweepStep& step) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(section.bytes.data());
        bool any = false, far = false;
        for (std::uint32_t at = step.offset + 1; at < step.offset + step.length; ++at) {
            Instruction insn;
            // Sensitive instructions are known from the opcode maps alone: Capstone need not be asked.
            if (parse_layout(bytes + at, section.bytes.size() - at, options_.code_size, insn) !=
                    Layout::complete ||
                classify(insn) != Verdict::sensitive)
                continue;
            ++result_.hidden.by_kind[static_cast<unsigned>(insn.id)];
            any = true;
            far |= is_far_transfer(insn.id);
        }
        result_.hidden.instructions += any;
        result_.hidden.with_far_transfer += far;
    }

    static void add_up(SectionScan& sum, const SectionScan& s) {
        sum.bytes += s.bytes;
        sum.instructions += s.instructions;
        sum.boxed += s.boxed;
        sum.foreign += s.foreign;
        sum.filler_bytes += s.filler_bytes;
        sum.data_bytes += s.data_bytes;
        sum.cut_bytes += s.cut_bytes;
        sum.unknown_bytes += s.unknown_bytes;
        sum.counts.sensitive += s.counts.sensitive;
        sum.counts.gates += s.counts.gates;
        for (unsigned i = 0; i < kInsnClasses; ++i) sum.counts.by_class[i] += s.counts.by_class[i];
    }

    void rank_symbols() {
        std::map<const Symbol*, SymbolScan> by_symbol;
        for (const ScanSite& site : result_.sites) {
            SymbolScan& scan = by_symbol[site.symbol];
            if (site.symbol) {
                scan.name = site.symbol->name;
                scan.address = site.symbol->address;
            }
            scan.counts.add(site);
        }
        for (auto& [symbol, scan] : by_symbol)
            if (symbol) result_.symbols.push_back(std::move(scan));
        std::stable_sort(
            result_.symbols.begin(), result_.symbols.end(),
            [](const SymbolScan& a, const SymbolScan& b) { return a.counts.sensitive > b.counts.sensitive; });
    }

    const CodeImage& code_;
    const ScanOptions options_;
    Decoder decoder_;
    const VCpu cpu_ = kernel_cpu();
    const Policy policy_;
    ScanResult result_;

    /// The mode that a kernel runs in most of the time: the FPU is not switched off, rdtsc is allowed.
    static VCpu kernel_cpu() {
        VCpu cpu{};
        cpu.cr0 = cr0::ET | cr0::PE;
        cpu.cr4 = cr4::OSFXSR;
        return cpu;
    }
};

}  // namespace

void ScanCounts::add(const ScanSite& site) {
    ++sensitive;
    ++by_class[static_cast<unsigned>(info(site.id).insn_class)];
    gates += site.treatment == Treatment::gate;
}

ScanResult scan_code(const CodeImage& code, const ScanOptions& options) {
    return Scanner(code, options).run();
}

}  // namespace ringpress
