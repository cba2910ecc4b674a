#include "traps/emulate.hpp"

namespace ringpress {

Emulated emulate(Machine& m, const Instruction& insn) {
    // None of them may be locked, SDM Vol. 2A, LOCK.
    if (insn.lock) return Fault::ud();
    switch (info(insn.id).family) {
        case InsnFamily::flags: return emulate_flags(m, insn);
        case InsnFamily::control: return emulate_control(m, insn);
        case InsnFamily::io: return emulate_io(m, insn);
        case InsnFamily::tables: return emulate_tables(m, insn);
        case InsnFamily::model: return emulate_model(m, insn);
        case InsnFamily::gates: return emulate_gates(m, insn);
        case InsnFamily::transfers: return emulate_transfers(m, insn);
        case InsnFamily::segments: return emulate_segments(m, insn);
    }
    return Fault::ud();
}

}  // namespace ringpress
