// The monitor's arithmetic: numbers, registers and C's operators, as in `x/4xw $esp+8` and `p $eip & 0xfff`.
#pragma once

#include <cstdint>
#include <string_view>

#include "shadow/vcpu.hpp"

namespace ringpress {

/// The value of a register by the name that the monitor gives it, without the '$': eax ax al, eip (pc),
/// eflags, cs cs.base cs.limit, cr0, gdtr.base and so on.  False if there is none of that name.
bool register_value(const VCpu& cpu, std::string_view name, std::uint32_t& value);

/// Evaluates the expression that `text` begins with, up to a blank that ends it, and takes it off `text`.
/// Operators as QEMU has them: + -, below them & | ^, below them * / %, then unary + - ~ and brackets.
/// Throws std::runtime_error with QEMU's message for what is no expression.
std::int64_t take_expression(std::string_view& text, const VCpu& cpu);

}  // namespace ringpress
