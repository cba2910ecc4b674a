// The registers of the virtual CPU as GDB numbers them, and the target description that tells it so.
//
// Numbers, names and widths are those of QEMU's i386 target, which scripts count on: a packet `p` or `g`
// means the same for both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "monitor/debug/run_state.hpp"
#include "monitor/guest_access.hpp"

namespace ringpress {

/// What registers are read from and written to, while the guest is stopped.
struct RegisterFile {
    VCpu& cpu;
    FpuImage& fpu;
    const GuestAccess& guest;     ///< its descriptor tables, for a selector that is written
    bool fpu_changed = false;     ///< write_register() sets these
    bool state_replaced = false;  ///< see RunControl::state_replaced()
};

inline constexpr unsigned kGdbRegisters = 50;

/// Its value in hexadecimal, little endian; nothing if there is no such register.
std::optional<std::string> read_register(const RegisterFile& file, unsigned number);
/// `bytes` is as long as the register is.  False if there is no such register, or the length is another.
/// Registers that the virtual CPU does not have (cr8, efer) are read as zero, and writing them is ignored.
bool write_register(RegisterFile& file, unsigned number, std::string_view bytes);
/// In bytes; 0 if there is no such register.
unsigned register_size(unsigned number);

/// The XML files that qXfer:features asks for; nothing if there is none of that name.
std::optional<std::string> target_description(std::string_view name);

}  // namespace ringpress
