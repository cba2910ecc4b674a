// instruction_forms.def for C++: what a student should know of each sensitive instruction, and its forms.
#pragma once

#include <span>
#include <string_view>

#include "traps/instruction.hpp"
#include "traps/instruction_form.h"

namespace ringpress {

/// Popek and Goldberg's kinds, as bits; instruction_forms.def says what each means.
namespace sensitivity {
inline constexpr unsigned none = 0, control = 1, location = 2, mode = 4, beyond = 8;
}

struct InsnExplanation {
    InsnId id;
    std::string_view key;      ///< its identity as a word: "mov_from_seg"
    unsigned sensitivity;      ///< a combination of sensitivity::
    std::string_view printed;  ///< its name in Robin and Irvine's list, or empty
    std::string_view ring0;    ///< what ring 0 does with it
    std::string_view why;      ///< what becomes of it at ring 3
};
/// id must be a sensitive instruction's.
const InsnExplanation& explanation(InsnId id);
/// All of them, in the order of instructions.def.
std::span<const InsnExplanation> explanations();

struct KnownForm {
    InsnId id;
    InstructionForm form;

    std::span<const std::uint8_t> bytes() const { return {form.bytes, form.length}; }
    /// EFLAGS it starts with, where IF can be chosen.
    std::uint32_t start_flags() const { return form.eflags ? form.eflags : std::uint32_t{kFormFlags}; }
};
/// Every form, in the order of instruction_forms.def: the guest kernel of monitor/holes numbers them alike.
std::span<const KnownForm> instruction_forms();

}  // namespace ringpress
