#include "traps/instruction_forms.hpp"

#include <cstdlib>
#include <initializer_list>
#include <iterator>

namespace ringpress {

namespace {

using namespace sensitivity;  // the table's words

constexpr InsnExplanation kExplanations[] = {
#define RINGPRESS_FORM(...)
#define RINGPRESS_EXPLAIN(id, kinds, printed, ring0, why) {InsnId::id, #id, kinds, printed, ring0, why},
#include "traps/instruction_forms.def"
};

constexpr unsigned kFirstSensitive = static_cast<unsigned>(InsnId::innocuous) + 1;

constexpr bool in_order() {
    for (unsigned i = 0; i < std::size(kExplanations); ++i)
        if (kExplanations[i].id != static_cast<InsnId>(kFirstSensitive + i)) return false;
    return std::size(kExplanations) == static_cast<unsigned>(InsnId::count_) - kFirstSensitive;
}
static_assert(in_order(), "instruction_forms.def explains every line of instructions.def, in the same order");

// Fields that a form does not name are zero: that is what a table of exceptions is for.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define RINGPRESS_UNPACK(...) __VA_ARGS__
#define RINGPRESS_EXPLAIN(...)
#define RINGPRESS_FORM(id, text, code, fields)                                     \
    {InsnId::id,                                                                   \
     {.note = text,                                                                \
      .bytes = {RINGPRESS_UNPACK code},                                            \
      .length = std::initializer_list<std::uint8_t>{RINGPRESS_UNPACK code}.size(), \
      RINGPRESS_UNPACK fields}},
constexpr KnownForm kForms[] = {
#include "traps/instruction_forms.def"
};
#undef RINGPRESS_UNPACK
#pragma GCC diagnostic pop

}  // namespace

const InsnExplanation& explanation(InsnId id) {
    const unsigned index = static_cast<unsigned>(id) - kFirstSensitive;
    if (id < static_cast<InsnId>(kFirstSensitive) || index >= std::size(kExplanations)) std::abort();
    return kExplanations[index];
}

std::span<const InsnExplanation> explanations() {
    return kExplanations;
}

std::span<const KnownForm> instruction_forms() {
    return kForms;
}

}  // namespace ringpress
