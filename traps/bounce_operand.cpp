// An operand that no mapping can stand for, of an instruction that software does not know.
//
// Device memory, memory that is not there, and addresses below the host's floor are served by software; but
// the FPU's instructions only the processor executes.  So one of them gets a *bounce*: its operand is read
// through the guest's memory and devices into a page that nobody else uses, the hardware steps over the
// instruction with that page in place of the operand, and what it stored is written on to where it belongs.
// Its copy names GS, whose base is chosen such that the offset stays what it was: the FPU remembers offsets.
#include <cstring>

#include "shadow/page_walk.hpp"
#include "traps/dispatch.hpp"
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

/// The operand keeps its place in a line of the processor's cache, and so every alignment that an
/// instruction may insist on.
constexpr std::uint32_t kLine = 64;

/// Accesses of a bus that is four bytes wide.
unsigned chunk(unsigned left) {
    return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/// The #PF that an access to any byte of the operand causes.  Nothing is marked as accessed yet.
Result<void> granted(const Machine& m, gva at, unsigned bytes, Access access) {
    const auto look = [&](gva address) {
        return walk(m.cpu, m.memory.ram(), m.memory.size(), address, access, false);
    };
    TRY(look(at));
    const gva last = at + (bytes - 1);
    if (last.page() != at.page()) TRY(look(last.page_base()));
    return {};
}

Result<void> read_operand(Machine& m, gva at, std::uint8_t* into, unsigned bytes, Access access) {
    for (unsigned done = 0, width; done < bytes; done += width) {
        width = chunk(bytes - done);
        const std::uint32_t value = TRY(m.memory.read(at + done, width, access));
        std::memcpy(into + done, &value, width);
    }
    return {};
}

Result<void> write_operand(Machine& m, gva at, const std::uint8_t* from, unsigned bytes, Access access) {
    for (unsigned done = 0, width; done < bytes; done += width) {
        width = chunk(bytes - done);
        std::uint32_t value = 0;
        std::memcpy(&value, from + done, width);
        TRY(m.memory.write(at + done, width, value, access));
    }
    return {};
}

}  // namespace

bool Dispatcher::bounce(const Instruction& insn) {
    const NativeOperand operand = native_operand(insn);
    if (!operand.bytes) return false;
    const std::uint32_t offset = native_operand_offset(m_.cpu, insn);
    const Access access{operand.write, user_mode(m_), false};
    const auto prepare = [&]() -> Result<gva> {
        const gva at = TRY(reach(m_.cpu, native_operand_segment(insn), offset, operand.bytes, operand.write));
        TRY(granted(m_, at, operand.bytes, access));
        if (!operand.write || operand.partial)
            TRY(read_operand(m_, at, displaced_.before, operand.bytes, access));
        return at;
    };
    const Result<gva> at = prepare();
    if (!at) {
        reflect_fault(at.fault());
        return true;
    }
    displaced_.bounced = true;
    displaced_.operand = operand;
    displaced_.operand_at = at.value();
    displaced_.operand_offset = offset;
    std::memcpy(bounced_operand(), displaced_.before, operand.bytes);
    show_displaced();
    return true;
}

std::uint8_t* Dispatcher::bounced_operand() {
    return shadows_.pages.bounce_bytes() + displaced_.operand_at.value % kLine;
}

/// The hardware has executed it.
void Dispatcher::finish_bounce() {
    const NativeOperand& operand = displaced_.operand;
    if (!operand.write) return;
    const Access access{true, user_mode(m_), false};
    const std::uint8_t* stored = bounced_operand();
    const gva at = displaced_.operand_at;
    Result<void> written;
    if (!operand.partial) {
        written = write_operand(m_, at, stored, operand.bytes, access);
    } else {
        for (unsigned i = 0; i < operand.bytes && written; ++i)
            if (stored[i] != displaced_.before[i]) written = write_operand(m_, at + i, stored + i, 1, access);
    }
    if (!written) reflect_fault(written.fault());
}

/// A data segment that has the bounce where the operand was.
SegmentRegister Dispatcher::bounce_segment() const {
    constexpr std::uint16_t kFlatData = 0xC0F3;  // 32-bit, pages, present, DPL 3, writable, accessed
    SegmentRegister s;
    s.attributes = kFlatData;
    s.base = displaced_.bounce.value + displaced_.operand_at.value % kLine - displaced_.operand_offset;
    s.limit = 0xFFFFFFFF;
    return s;
}

}  // namespace ringpress
