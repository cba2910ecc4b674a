// Runs a few bytes of 32-bit code in this 64-bit process, until they fault: the doctor's instrument.
//
// Use it in a child process that exists for one probe: it takes over the fault signals and maps memory below
// 4 GiB.
#pragma once

#include <cstdint>
#include <vector>

namespace ringpress {

/// How a piece of 32-bit code ended.
struct CompatOutcome {
    int signal = 0;         ///< SIGTRAP: it reached its int3
    std::uint32_t eip = 0;  ///< of the faulting instruction (SIGTRAP: behind the int3), relative to the code
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
    std::uint32_t esp = 0, eflags = 0;
    std::uint16_t cs = 0;
    std::uint8_t vector = 0;  ///< of the processor's exception
    std::uint32_t error = 0;  ///< its error code
};

class CompatCode {
  public:
    static constexpr std::uint16_t kUserCode32 = 0x23;  ///< the host's flat 32-bit code segment, GDT slot 4
    static constexpr std::uint32_t kCodeBytes = 4096;

    /// Maps a page for code and one for data and stack; installs the handlers.  Throws std::runtime_error if
    /// the host has no memory below 4 GiB for it.
    CompatCode();
    CompatCode(const CompatCode&) = delete;
    CompatCode& operator=(const CompatCode&) = delete;

    /// Addresses below 4 GiB.
    std::uint32_t code_address() const { return code_; }
    std::uint32_t data_address() const { return data_; }
    void* data() const;

    /// Runs `bytes` from their first one, with eax = ecx = ... = 0, in the code segment cs; cs_base is that
    /// segment's base.
    CompatOutcome run(const std::vector<std::uint8_t>& bytes, std::uint16_t cs = kUserCode32,
                      std::uint32_t cs_base = 0);

    /// Runs `bytes`, which must fault, lets the faulting instruction fault `times` times over, and returns
    /// the nanoseconds of one round trip: fault, signal handler, return.
    double fault_nanoseconds(const std::vector<std::uint8_t>& bytes, unsigned times);

    /// How long one execution of an instruction takes that does not fault and leaves ecx alone.  `before`
    /// runs once, ahead of it.
    double nanoseconds_each(const std::vector<std::uint8_t>& instruction,
                            const std::vector<std::uint8_t>& before = {});
    /// Executed by the processor, sgdt and its like take nanoseconds; answered by the host's kernel in a
    /// fault of its own, a microsecond or so.  What takes longer than this was answered.
    static constexpr double kAnsweredNanoseconds = 200;

  private:
    std::uint32_t code_ = 0, data_ = 0;
};

/// Appends the four bytes of a value, little endian: to put addresses into code.
void append32(std::vector<std::uint8_t>& code, std::uint32_t value);

}  // namespace ringpress
