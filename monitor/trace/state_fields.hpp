// The parts of the virtual CPU that a trace shows before and after a trap: one table for the writer, the
// reader and the report.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "monitor/trace/trap_record.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

struct StateField {
    std::string_view name;
    unsigned digits;  ///< hexadecimal digits of its value; 0: shown as a decimal number
    std::uint32_t (*of)(const TracedState& s);
};

#define RINGPRESS_FIELD(name, digits, expr)                                      \
    StateField {                                                                 \
        name, digits, [](const TracedState& s) -> std::uint32_t { return expr; } \
    }

/// A field's position here is its number in the report; `if` repeats a bit of eflags, because it is what so
/// many traps are about.
inline constexpr std::array kStateFields = {
    RINGPRESS_FIELD("eax", 8, s.gpr[0]),
    RINGPRESS_FIELD("ecx", 8, s.gpr[1]),
    RINGPRESS_FIELD("edx", 8, s.gpr[2]),
    RINGPRESS_FIELD("ebx", 8, s.gpr[3]),
    RINGPRESS_FIELD("esp", 8, s.gpr[4]),
    RINGPRESS_FIELD("ebp", 8, s.gpr[5]),
    RINGPRESS_FIELD("esi", 8, s.gpr[6]),
    RINGPRESS_FIELD("edi", 8, s.gpr[7]),
    RINGPRESS_FIELD("eip", 8, s.eip),
    RINGPRESS_FIELD("eflags", 8, s.eflags),
    RINGPRESS_FIELD("es", 4, s.selector[0]),
    RINGPRESS_FIELD("cs", 4, s.selector[1]),
    RINGPRESS_FIELD("ss", 4, s.selector[2]),
    RINGPRESS_FIELD("ds", 4, s.selector[3]),
    RINGPRESS_FIELD("fs", 4, s.selector[4]),
    RINGPRESS_FIELD("gs", 4, s.selector[5]),
    RINGPRESS_FIELD("cr0", 8, s.cr0),
    RINGPRESS_FIELD("cr2", 8, s.cr2),
    RINGPRESS_FIELD("cr3", 8, s.cr3),
    RINGPRESS_FIELD("cr4", 8, s.cr4),
    RINGPRESS_FIELD("cpl", 0, s.cpl),
    RINGPRESS_FIELD("if", 0, (s.eflags & eflags::IF) ? 1 : 0),
    RINGPRESS_FIELD("halted", 0, s.activity == static_cast<std::uint8_t>(Activity::halted) ? 1 : 0),
};
#undef RINGPRESS_FIELD

/// The first ones are the state itself; the others are read off it.
inline constexpr std::size_t kStoredFields = 20;
static_assert(kStateFields[kStoredFields - 1].name == "cr4");

/// The field of that name, or kStateFields.size().
constexpr std::size_t state_field_named(std::string_view name) {
    std::size_t i = 0;
    while (i < kStateFields.size() && kStateFields[i].name != name) ++i;
    return i;
}

}  // namespace ringpress
