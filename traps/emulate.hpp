// The emulators: one function per family of sensitive instructions, each in its own file.
//
// Contract: given the virtual CPU at an instruction boundary and the decoded instruction there, either make
// all architectural changes and say what became of EIP, or return the fault and change nothing. cpu.shadow is
// set by sti, mov ss and pop ss; the dispatcher clears it after the next instruction.
#pragma once

#include "shadow/descriptor.hpp"
#include "traps/instruction.hpp"
#include "traps/machine.hpp"

namespace ringpress {

Emulated emulate_flags(Machine& m, const Instruction& insn);  // emulate_flags.cpp: cli sti pushf popf
Emulated emulate_control(
    Machine& m, const Instruction& insn);  // emulate_control.cpp: hlt mov-cr mov-dr clts lmsw smsw invlpg
Emulated emulate_io(Machine& m,
                    const Instruction& insn);  // emulate_io.cpp: in out ins outs, the I/O permission map
Emulated emulate_tables(
    Machine& m, const Instruction& insn);  // emulate_tables.cpp: lgdt lidt lldt ltr sgdt sidt sldt str
Emulated emulate_model(Machine& m,
                       const Instruction& insn);  // emulate_model.cpp: cpuid rdtsc rdmsr wrmsr rdpmc xgetbv
Emulated emulate_gates(Machine& m, const Instruction& insn);  // emulate_gates.cpp: int iret sysenter syscall
Emulated emulate_transfers(Machine& m,
                           const Instruction& insn);  // emulate_transfers.cpp: far call jmp ret, call gates
Emulated emulate_segments(
    Machine& m, const Instruction& insn);  // emulate_segments.cpp: segment moves, lar lsl verr verw arpl

/// By family; insn must be sensitive.
Emulated emulate(Machine& m, const Instruction& insn);

// --- operands.cpp
/// Offset of the ModRM memory operand, wrapped to the address size.
std::uint32_t effective_offset(const VCpu& cpu, const Instruction& insn);
/// Offset to linear, checked against segment limit, type and null selector: #GP(0), or #SS(0) for SS.
Result<gva> reach(const VCpu& cpu, Seg segment, std::uint32_t offset, unsigned bytes, bool write);
/// The same, checked for alignment where it matters (#AC).  width: 1, 2, 4, 6 or 8 bytes.
Result<gva> linear(const VCpu& cpu, Seg segment, std::uint32_t offset, unsigned width, bool write);
Result<std::uint32_t> load(Machine& m, Seg segment, std::uint32_t offset, unsigned width);
Result<void> store(Machine& m, Seg segment, std::uint32_t offset, unsigned width, std::uint32_t value);
/// The ModRM r/m operand, in register or memory.
Result<std::uint32_t> read_rm(Machine& m, const Instruction& insn, unsigned width);
Result<void> write_rm(Machine& m, const Instruction& insn, unsigned width, std::uint32_t value);
std::uint32_t read_gpr(const VCpu& cpu, unsigned number, unsigned width);
void write_gpr(VCpu& cpu, unsigned number, unsigned width, std::uint32_t value);
/// The stack, with SS.B deciding between ESP and SP.  Push changes ESP only if the store succeeds.
Result<void> push(Machine& m, unsigned width, std::uint32_t value);
Result<std::uint32_t> pop(Machine& m, unsigned width);

// --- descriptors.cpp
/// Reads the descriptor a selector names; #GP(selector) (or the given vector) outside the table.
Result<Descriptor> read_descriptor(Machine& m, std::uint16_t selector, Vector on_error = Vector::GP);
/// Loads a data or stack segment register with every check of SDM Vol. 3A, section 5.6/5.7; sets Accessed.
Result<void> load_segment(Machine& m, Seg segment, std::uint16_t selector);
/// The same without committing: what the register would hold.
Result<SegmentRegister> check_segment(Machine& m, Seg segment, std::uint16_t selector, unsigned cpl);

// --- deliver.cpp
enum class EventKind : std::uint8_t { fault, trap, software_interrupt, external_interrupt };
struct Event {
    Vector vector{};  ///< any 0..255 for interrupts
    EventKind kind = EventKind::fault;
    bool has_error = false;
    std::uint32_t error = 0;
};
/// Enters the handler for an event through the IDT: gates of all kinds, the stack switch through the TSS,
/// task gates.  A fault while delivering becomes a double fault and then Activity::shutdown, SDM Vol.
/// 3A, 6.15; so this always succeeds.  cpu.eip must hold the return address.
void deliver(Machine& m, Event event);
/// Reflects a fault that the guest caused: sets CR2 for #PF, RF in the saved flags, and delivers.
void reflect(Machine& m, const Fault& fault);

// --- interpret.cpp
/// Executes one innocuous instruction in software: integer moves, ALU, shifts, bit tests, string operations
/// (one iteration), near control flow, stack.  Used for accesses to memory-mapped devices and for bursts.
/// `handled` is false, and nothing has changed, if the instruction is not among them.
struct Interpreted {
    bool handled = false;
    Emulated result = Next::advance;
};
Interpreted interpret(Machine& m, const Instruction& insn);

}  // namespace ringpress
