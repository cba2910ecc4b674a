// Several stack slots at once: exception frames, far calls and returns.  A frame nearly always lies in one
// page, and then costs one page walk.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

std::uint32_t stack_mask(const SegmentRegister& ss) {
    return ss.is_big() ? 0xFFFFFFFFu : 0xFFFFu;
}

void put(std::uint8_t* to, unsigned width, std::uint32_t value) {
    std::memcpy(to, &value, width);
}

}  // namespace

std::uint32_t moved_esp(const SegmentRegister& ss, std::uint32_t esp, std::uint32_t by) {
    const std::uint32_t mask = stack_mask(ss);
    return (esp & ~mask) | ((esp + by) & mask);
}

Result<std::uint32_t> push_frame(Machine& m, const SegmentRegister& ss, std::uint32_t esp, unsigned width,
                                 const PushFrame& frame, bool user, std::uint32_t ss_error) {
    const std::uint32_t mask = stack_mask(ss), bytes = frame.count * width;
    const std::uint32_t below = moved_esp(ss, esp, 0u - bytes);
    const std::uint32_t bottom = below & mask;
    const Access access = Access::store(user);

    if (within_limit(ss, bottom, bytes)) {
        const Result<std::uint8_t*> ram = m.memory.span(gva(ss.base + bottom), bytes, access);
        if (ram && ram.value()) {
            for (unsigned i = 0; i < frame.count; ++i)
                put(ram.value() + (frame.count - 1 - i) * width, width, frame.value[i]);
            return below;
        }
    }
    // Two pages, a device, a stack that wraps, or a fault, which belongs to the first word pushed: every slot
    // is tried before the first is written.
    auto slot = [&](unsigned i) { return (esp - (i + 1) * width) & mask; };
    for (unsigned i = 0; i < frame.count; ++i) {
        if (!within_limit(ss, slot(i), width)) return Fault::ss(ss_error);
        const gva first(ss.base + slot(i)), last(first + (width - 1));
        TRY(m.memory.translate(first, access));
        if (last.page() != first.page()) TRY(m.memory.translate(last.page_base(), access));
    }
    for (unsigned i = 0; i < frame.count; ++i)
        TRY(m.memory.write(gva(ss.base + slot(i)), width, frame.value[i], access));
    return below;
}

Result<void> peek_frame(Machine& m, std::uint32_t skip, unsigned width, unsigned count,
                        std::uint32_t* values) {
    if (count == 0) return {};
    const SegmentRegister& ss = m.cpu.segment(Seg::ss);
    const std::uint32_t mask = stack_mask(ss), bottom = (m.cpu.reg(Gpr::esp) + skip) & mask;
    const Access access = Access::read(user_mode(m));
    if (within_limit(ss, bottom, count * width)) {
        const std::uint8_t* const ram = TRY(m.memory.span(gva(ss.base + bottom), count * width, access));
        if (ram) {
            for (unsigned i = 0; i < count; ++i) {
                values[i] = 0;
                std::memcpy(&values[i], ram + i * width, width);
            }
            return {};
        }
    }
    for (unsigned i = 0; i < count; ++i) {
        const std::uint32_t slot = (bottom + i * width) & mask;
        if (!within_limit(ss, slot, width)) return Fault::ss(0);
        values[i] = TRY(m.memory.read(gva(ss.base + slot), width, access));
    }
    return {};
}

Result<InnerStack> inner_stack(Machine& m, unsigned cpl, std::uint32_t ext) {
    const SegmentRegister& tr = m.cpu.tr;
    const bool wide = tr.type() & 8u;  // 32-bit TSS: types 9 and 11; 16-bit: 1 and 3
    const std::uint32_t at = wide ? 4 + cpl * 8 : 2 + cpl * 4;
    const unsigned width = wide ? 4 : 2;
    if (!tr.present() || at + width + 1 > tr.limit) return Fault::ts(selector_error(tr.selector, ext));
    const Access access = Access::read(false);
    const std::uint32_t esp = TRY(m.memory.read(gva(tr.base + at), width, access));
    const std::uint32_t selector = TRY(m.memory.read(gva(tr.base + at + width), 2, access));
    InnerStack stack;
    stack.ss = TRY(check_stack(m, static_cast<std::uint16_t>(selector), cpl, Vector::TS, ext));
    stack.esp = esp;
    return stack;
}

}  // namespace ringpress
