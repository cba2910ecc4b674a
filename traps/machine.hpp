// Everything an emulator may touch, in one place.
#pragma once

#include <cstdint>

#include "shadow/guest_memory.hpp"
#include "shadow/vcpu.hpp"
#include "traps/device_bus.hpp"

namespace ringpress {

/// What emulation must tell the shadows when the guest changes how addresses are translated.
/// Implemented over shadow/ by the trap dispatcher; tests may pass a recorder.
class TranslationControl {
  public:
    virtual ~TranslationControl() = default;
    /// mov to CR3: forget translations that are not global, where the tables changed.
    virtual void address_space_changed() = 0;
    /// CR0.PG/WP, CR4.PSE/PGE changed: forget every translation.
    virtual void paging_mode_changed() = 0;
    /// invlpg.
    virtual void page_invalidated(gva address) = 0;
    /// CR0.TS/EM or CR4.TSD/OSFXSR changed: which instructions are sensitive has changed.
    virtual void sensitivity_changed() = 0;
    /// CPL changed between 3 and less.
    virtual void privilege_changed() = 0;
};

/// The guest's time-stamp counter and clock.
class TimeSource {
  public:
    virtual ~TimeSource() = default;
    virtual std::uint64_t guest_tsc() = 0;
    virtual Nanoseconds now() = 0;
};

struct CpuidLeaf {
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// The feature set that CPUID reports, worked out once from the host and the command line.
struct CpuModel {
    std::uint32_t features_edx = 0;  ///< CPUID.1:EDX
    std::uint32_t features_ecx = 0;  ///< CPUID.1:ECX
    std::uint32_t signature = 0x00000F4A;
    bool apic = true;
    std::uint64_t tsc_hz = 0;  ///< frequency of the guest's time-stamp counter; 0: not told
    static constexpr unsigned kCaches = 4;
    CpuidLeaf caches[kCaches] = {};  ///< CPUID.4, one cache each; those behind the last are zero
    char brand[48] = "ringpress virtual i686";
};

struct Machine {
    VCpu& cpu;
    GuestMemory& memory;
    DeviceBus& bus;
    TranslationControl& translation;
    TimeSource& time;
    const CpuModel& model;
};

/// What an emulator did with EIP.
enum class Next : std::uint8_t {
    advance,  ///< the dispatcher adds the instruction's length to EIP
    jumped,   ///< EIP is set
    repeat,   ///< a string instruction has iterations left: EIP stays
};
using Emulated = Result<Next>;

}  // namespace ringpress
