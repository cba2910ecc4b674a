// Descriptors of the guest's own GDT and LDT: reading, checking, loading.  SDM Vol. 3A, chapters 3 and 5.
#include "traps/emulate_common.hpp"

namespace ringpress {

namespace {

/// Linear address of the descriptor a selector names; false if it lies outside its table.
bool descriptor_address(const VCpu& cpu, std::uint16_t selector, gva& address) {
    const bool local = selector & 4u;
    const std::uint32_t at = selector & 0xFFF8u;
    if (local && !cpu.ldtr.present()) return false;
    if (at + 7 > (local ? cpu.ldtr.limit : cpu.gdtr.limit)) return false;
    address = gva((local ? cpu.ldtr.base : cpu.gdtr.base) + at);
    return true;
}

/// What check_segment looks at, kept for the Accessed bit.
Result<Descriptor> check_data(Machine& m, Seg segment, std::uint16_t selector, unsigned cpl) {
    const Descriptor d = TRY(read_descriptor(m, selector));
    const SegmentRegister s = make_segment(selector, d);
    const std::uint32_t error = selector_error(selector);
    if (segment == Seg::ss) {
        if (s.rpl() != cpl || !s.is_writable_data() || s.dpl() != cpl) return Fault::gp(error);
        if (!s.present()) return Fault::ss(error);
        return d;
    }
    if (!s.is_readable()) return Fault::gp(error);
    if (!s.is_conforming_code() && (s.rpl() > s.dpl() || cpl > s.dpl())) return Fault::gp(error);
    if (!s.present()) return Fault::np(error);
    return d;
}

}  // namespace

Result<bool> find_descriptor(Machine& m, std::uint16_t selector, Descriptor& descriptor) {
    gva at;
    if (is_null(selector) || !descriptor_address(m.cpu, selector, at)) return false;
    const std::uint8_t* const ram = TRY(m.memory.span(at, 8, Access::read(false)));
    if (ram)
        std::memcpy(&descriptor, ram, 8);
    else
        TRY(m.memory.read_bytes(at, &descriptor, 8, Access::read(false)));
    return true;
}
static_assert(sizeof(Descriptor) == 8);

Result<Descriptor> read_descriptor(Machine& m, std::uint16_t selector, Vector on_error) {
    Descriptor d;
    if (TRY(find_descriptor(m, selector, d))) return d;
    return Fault{on_error, selector_error(selector), 0};
}

Result<void> write_descriptor_high(Machine& m, std::uint16_t selector, std::uint32_t high) {
    gva at;
    if (!descriptor_address(m.cpu, selector, at)) return Fault::gp(selector_error(selector));
    return m.memory.write(at + 4, 4, high, Access::store(false));
}

Result<SegmentRegister> check_segment(Machine& m, Seg segment, std::uint16_t selector, unsigned cpl) {
    if (is_null(selector)) {
        if (segment == Seg::ss) return Fault::gp(0);
        return SegmentRegister{selector, 0, 0, 0};
    }
    SegmentRegister s = make_segment(selector, TRY(check_data(m, segment, selector, cpl)));
    s.attributes |= 1u;  // Accessed
    return s;
}

Result<void> load_segment(Machine& m, Seg segment, std::uint16_t selector) {
    if (is_null(selector)) {
        m.cpu.segment(segment) = TRY(check_segment(m, segment, selector, m.cpu.cpl));
        return {};
    }
    Descriptor d = TRY(check_data(m, segment, selector, m.cpu.cpl));
    TRY(mark_accessed(m, selector, d));
    m.cpu.segment(segment) = make_segment(selector, d);
    return {};
}

Result<SegmentRegister> check_stack(Machine& m, std::uint16_t selector, unsigned cpl, Vector vector,
                                    std::uint32_t ext) {
    if (is_null(selector)) return Fault{vector, ext, 0};
    const Fault bad{vector, selector_error(selector, ext), 0};
    Descriptor d;
    if (!TRY(find_descriptor(m, selector, d))) return bad;
    const SegmentRegister s = make_segment(selector, d);
    if (s.rpl() != cpl || s.dpl() != cpl || !s.is_writable_data()) return bad;
    if (!s.present()) return Fault::ss(selector_error(selector, ext));
    TRY(mark_accessed(m, selector, d));
    return make_segment(selector, d);
}

Result<SegmentRegister> check_return_code(Machine& m, std::uint16_t selector) {
    if (is_null(selector)) return Fault::gp(0);
    const std::uint32_t error = selector_error(selector);
    Descriptor d = TRY(read_descriptor(m, selector));
    const SegmentRegister s = make_segment(selector, d);
    if (!s.is_code() || s.rpl() < m.cpu.cpl) return Fault::gp(error);
    if (s.is_conforming_code() ? s.dpl() > s.rpl() : s.dpl() != s.rpl()) return Fault::gp(error);
    if (!s.present()) return Fault::np(error);
    TRY(mark_accessed(m, selector, d));
    return make_segment(selector, d);
}

}  // namespace ringpress
