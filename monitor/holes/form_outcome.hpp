// What came of a form, wherever it was executed; and what tells two such outcomes apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/holes/form_result.h"
#include "traps/instruction_forms.hpp"

namespace ringpress {

struct FormOutcome {
    std::array<std::uint32_t, kResultWords> words = {};
    std::uint32_t start_flags = 0;  ///< EFLAGS that it really started with
    std::uint32_t start_cs = 0;
    bool unsteady = false;  ///< its repetitions did not agree

    std::uint32_t operator[](FormWord w) const { return words[w]; }
    bool reached_end() const { return words[kResultVector] == kEndVector; }
    /// A fault or trap of the instruction itself, not of what was executed behind it to look at its effect.
    bool faulted() const;
};

/// The end of a form's code, relative to its start: behind the instruction, and behind what observes it.
unsigned end_of(const KnownForm& form);

/// One number of the list that the guest kernel prints: its outcome.  Nothing if the line is none.
struct NumberedOutcome {
    unsigned form;
    FormOutcome outcome;
};
std::optional<NumberedOutcome> parse_outcome(std::string_view line);

/// "#GP(0)", "#UD": an exception as the SDM writes it.
std::string exception_text(std::uint32_t vector, std::uint32_t error);

/// What differs, in words, most telling first; empty if nothing does: "IF stays 1", "eax 00000023, not
/// 00000008".  `right` is the outcome at ring 0.  Only what the instruction changed counts, because the
/// places start with different flags and selectors.
std::vector<std::string> differences(const KnownForm& form, const FormOutcome& got, const FormOutcome& right);

/// An outcome by itself, in words: "IF 1 to 0", "eax = 00000008", "#GP(20)".
std::string outcome_text(const KnownForm& form, const FormOutcome& outcome);

}  // namespace ringpress
