#include "traps/instruction.hpp"

#include <cstdlib>

namespace ringpress {

namespace {

constexpr InsnInfo kInstructions[] = {
#define RINGPRESS_INSTRUCTION(id, mnemonic, insn_class, family, sdm, effect) \
    {InsnId::id, mnemonic, InsnClass::insn_class, InsnFamily::family, sdm, effect},
#include "traps/instructions.def"
#undef RINGPRESS_INSTRUCTION
};

constexpr unsigned kFirstSensitive = static_cast<unsigned>(InsnId::innocuous) + 1;
static_assert(sizeof kInstructions / sizeof kInstructions[0] ==
              static_cast<unsigned>(InsnId::count_) - kFirstSensitive);

}  // namespace

const InsnInfo& info(InsnId id) {
    const unsigned index = static_cast<unsigned>(id);
    if (index < kFirstSensitive || id >= InsnId::count_) std::abort();
    return kInstructions[index - kFirstSensitive];
}

std::string_view name(InsnId id) {
    if (id == InsnId::undefined) return "undefined";
    if (id == InsnId::innocuous) return "innocuous";
    return info(id).mnemonic;
}

std::string_view class_name(InsnClass insn_class) {
    switch (insn_class) {
        case InsnClass::privileged: return "privileged";
        case InsnClass::silent: return "silent";
        case InsnClass::host: return "host";
        case InsnClass::conditional: return "conditional";
    }
    return "?";
}

}  // namespace ringpress
