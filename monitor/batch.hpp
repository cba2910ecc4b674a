// The page that the ptrace engine shares with the guest process, and the stub there that works on it.
//
// The supervisor decides what the guest process maps, but Linux lets no process change another's mappings:
// the guest process must make the calls itself.  So the supervisor writes them down as a list, and makes the
// traced process run a loop over it.  The stub is the only code of ours that runs there after the start, and
// the supervisor believes nothing that this memory says: what is read back from it (signal frames) describes
// the guest's own registers, which are the guest's to choose anyway.
#pragma once

#include <asm/ldt.h>

#include <cstddef>
#include <cstdint>

namespace ringpress {

/// One call, in C calling convention, of a function in core_syscalls.S.
struct BatchCall {
    std::uint64_t function;
    std::uint64_t argument[6];
    std::uint64_t result;  ///< what it must return
};
static_assert(sizeof(BatchCall) == 64 && offsetof(BatchCall, result) == 56, "batch_stub.S knows this layout");

inline constexpr std::uint32_t kBatchCalls = 1024;

struct BatchMemory {
    BatchCall call[kBatchCalls];
    user_desc descriptor[kBatchCalls];     ///< what modify_ldt's argument points to
    alignas(16) std::uint8_t stack[1024];  ///< the stub's: return addresses only
    /// Alternate signal stack.  A frame holds the FPU state: up to 11 KiB with everything that processors
    /// have.
    alignas(64) std::uint8_t signal_stack[64 << 10];
};

}  // namespace ringpress

extern "C" {
/// Where the guest process stops for the first time: `batch_started` is behind its int3.  Never returns.
[[noreturn]] void batch_start();
/// Makes r12 (not zero) calls from rbx on, then continues at r13 with rbp as stack pointer.
void batch_calls();
/// An int3, to stop at when the calls are made.
void batch_stop();
/// The signal handler: an int3, so that the supervisor finds the frame.
void batch_signal();
/// The addresses behind the int3 of each, and the ud2 of a call that failed.
extern const char batch_started[], batch_stopped[], batch_signalled[], batch_failed[];
}
