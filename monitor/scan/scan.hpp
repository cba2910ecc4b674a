// The sensitive instructions of a kernel's code, counted by kind, section and symbol.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "monitor/scan/code_image.hpp"
#include "traps/instruction.hpp"
#include "traps/policy.hpp"

namespace ringpress {

inline constexpr unsigned kInsnKinds = static_cast<unsigned>(InsnId::count_);
inline constexpr unsigned kInsnClasses = 4;

/// What becomes of a sensitive instruction when the patcher meets it (--sensitive inline).
enum class Treatment : std::uint8_t {
    native,  ///< left as it is: rdtsc, as long as the guest may see the host's counter
    trap,    ///< an int3 in the code view, for good
    gate,    ///< an int3 at first; once it has proven hot, a jump into the monitor
};

struct ScanSite {
    std::uint32_t address = 0;
    InsnId id = InsnId::undefined;
    Treatment treatment = Treatment::trap;
    std::uint8_t length = 0;
    std::uint8_t bytes[15] = {};
    std::uint16_t section = 0;       ///< index into CodeImage::sections
    const Symbol* symbol = nullptr;  ///< the function that it is in, if one is known
};

struct ScanCounts {
    std::uint64_t sensitive = 0;
    std::array<std::uint64_t, kInsnClasses> by_class{};
    std::uint64_t gates = 0;
    void add(const ScanSite& site);
};

struct SectionScan {
    ScanCounts counts;
    std::uint64_t bytes = 0, instructions = 0;
    std::uint64_t boxed = 0;    ///< innocuous, but data through CS: interpreted at each execution
    std::uint64_t foreign = 0;  ///< instructions that the CPU model does not have
    std::uint64_t filler_bytes = 0, data_bytes = 0, cut_bytes = 0, unknown_bytes = 0;
};

struct SymbolScan {
    std::string name;
    std::uint32_t address = 0;
    ScanCounts counts;
};

/// Sensitive instructions that begin inside of others: what a jump into the middle would find.
struct HiddenScan {
    std::array<std::uint64_t, kInsnKinds> by_kind{};
    std::uint64_t instructions = 0;  ///< with at least one in them
    /// With at least one far return, far jump, far call or iret in them: these load code selectors.
    std::uint64_t with_far_transfer = 0;
};

struct ScanResult {
    std::vector<ScanSite> sites;  ///< in the order of addresses
    std::array<std::uint64_t, kInsnKinds> by_kind{};
    std::vector<SectionScan> sections;  ///< as CodeImage::sections
    SectionScan total;
    std::vector<SymbolScan> symbols;  ///< those with sensitive instructions, most of them first
    HiddenScan hidden;
};

struct ScanOptions {
    unsigned code_size = 4;  ///< 4 or 2: 32-bit or 16-bit code
    bool hidden = false;
};

ScanResult scan_code(const CodeImage& code, const ScanOptions& options);

/// True for the classes whose instructions execute at ring 3 without a fault: the holes.
constexpr bool is_hole(InsnClass insn_class) {
    return insn_class == InsnClass::silent;
}

}  // namespace ringpress
