#include "traps/stub_writer.hpp"

#include <cstddef>
#include <cstring>

#include "shadow/check.hpp"
#include "shadow/stub_state.hpp"
#include "shadow/stubs.hpp"

namespace ringpress {

namespace {

enum Scratch : std::uint8_t { kEcx = 1, kEdx = 2, kEax = 4 };
constexpr std::uint8_t kRegister[3] = {1, 2, 0};  // ecx, edx, eax: SDM Vol. 2A, table 2-2

/// Where the opcode of a one-byte-opcode instruction lies behind its prefixes.
unsigned opcode_at(const Instruction& insn) {
    unsigned at = 0;
    while (insn.bytes[at] != insn.opcode) ++at;
    return at;
}

class Writer {
  public:
    Writer(const StubAddresses& where, Stub& stub) : where_(where), stub_(stub) {}

    void begin(std::uint32_t eip, std::uint32_t next, bool shadow) {
        eip_ = eip;
        next_ = next;
        shadow_ = shadow;
        again(0);
    }
    /// From here on the instruction would be begun anew.
    void again(std::uint8_t restore, int popped = 0, bool flags_lost = false) {
        point({.eip = eip_,
               .restore = restore,
               .popped = static_cast<std::int8_t>(popped),
               .shadow = shadow_,
               .flags_lost = flags_lost});
    }
    /// From here on it is over.
    void done(std::uint8_t restore, bool shadow = false) {
        point({.eip = next_, .restore = restore, .popped = 0, .shadow = shadow, .flags_lost = false});
    }
    void leads_to(std::uint32_t eip) {
        point({.eip = eip, .restore = 0, .popped = 0, .shadow = false, .flags_lost = false});
    }

    void bytes(std::initializer_list<unsigned> list) {
        for (const unsigned b : list) byte(b);
    }
    void copy(const std::uint8_t* from, unsigned n) {
        for (unsigned i = 0; i < n; ++i) byte(from[i]);
    }
    void dword(std::uint32_t v) {
        for (unsigned i = 0; i < 4; ++i) byte(v >> (8 * i) & 0xFF);
    }
    /// ss: opcode reg, [cell]
    void with_cell(unsigned opcode, unsigned reg, std::uint32_t cell) {
        bytes({0x36, opcode, 0x05 | reg << 3});
        dword(where_.data + cell);
    }
    void save(unsigned n) { with_cell(0x89, kRegister[n], scratch(n)); }
    void restore(unsigned n) { with_cell(0x8B, kRegister[n], scratch(n)); }
    void load(unsigned reg, std::uint32_t cell) { with_cell(0x8B, reg, cell); }
    void set(std::uint32_t cell, std::uint32_t value) {
        with_cell(0xC7, 0, cell);
        dword(value);
    }
    /// ss: mov reg, [table + edx * 8]
    void look_up(unsigned reg, std::uint32_t table) {
        bytes({0x36, 0x8B, 0x04 | reg << 3, 0xD5});
        dword(where_.data + table);
    }
    /// A near jump, with E9 or 0F 8x before it.
    void displacement_to(std::uint32_t target) { dword(target - (where_.cell + stub_.length + 4)); }
    void jump_to(std::uint32_t target) {
        byte(0xE9);
        displacement_to(target);
    }
    /// A jump whose target follows later.
    unsigned jump_ahead() {
        byte(0xE9);
        return hole();
    }
    unsigned hole() {
        dword(0);
        return stub_.length;
    }
    void fill(unsigned hole, unsigned target) {
        const std::uint32_t distance = target - hole;
        if (!overflow_) std::memcpy(stub_.code + hole - 4, &distance, 4);
    }
    /// jecxz would reach too near: around a long jump.
    unsigned jump_ahead_if_ecx_zero() {
        bytes({0xE3, 0x02, 0xEB, 0x05});  // jecxz 1f; jmp 2f; 1: jmp ...; 2:
        return jump_ahead();
    }
    unsigned jump_ahead_unless_ecx_zero() {
        bytes({0xE3, 0x05});
        return jump_ahead();
    }
    /// Registers as before the instruction, then the gate.
    void give_up(std::uint8_t restore_mask) {
        for (unsigned n = 3; n-- > 0;)
            if (restore_mask & 1u << n) restore(n);
        set(offsetof(StubState, slow_at), eip_ - where_.site);
        byte(0xEA);
        dword(where_.landing);
        bytes({0x33, 0x00});  // Linux' __USER_CS: 64-bit code
    }
    unsigned here() const { return stub_.length; }
    bool overflow() const { return overflow_; }
    std::uint32_t next() const { return next_; }

    static constexpr std::uint32_t scratch(unsigned n) {
        return static_cast<std::uint32_t>(offsetof(StubState, scratch) + n * 4);
    }

  private:
    void byte(unsigned b) {
        if (stub_.length < sizeof stub_.code)
            stub_.code[stub_.length++] = static_cast<std::uint8_t>(b);
        else
            overflow_ = true;
    }
    void point(StubPoint p) {
        p.at = static_cast<std::uint16_t>(stub_.length);
        if (stub_.point_count < Stub::kMostPoints)
            stub_.points[stub_.point_count++] = p;
        else
            overflow_ = true;
    }
    const StubAddresses& where_;
    Stub& stub_;
    std::uint32_t eip_ = 0, next_ = 0;
    bool shadow_ = false;
    bool overflow_ = false;
};

/// Jumps to the place where an instruction gives up, collected until that is written.
struct Exits {
    unsigned hole[4];
    unsigned count = 0;
    void add(unsigned h) { hole[count++] = h; }
};

void give_up_behind(Writer& w, const Exits& exits, std::uint8_t restore, bool flags_lost = false) {
    const unsigned over = w.jump_ahead();
    for (unsigned i = 0; i < exits.count; ++i) w.fill(exits.hole[i], w.here());
    w.again(restore, 0, flags_lost);
    w.give_up(restore);
    w.fill(over, w.here());
}

void write_cli(Writer& w) {
    w.set(offsetof(StubState, if_delta), 0u - eflags::IF);
}

void write_sti(Writer& w) {
    Exits exits;
    w.save(0);
    w.again(kEcx);
    w.load(1, offsetof(StubState, nothing_pending));
    exits.add(w.jump_ahead_if_ecx_zero());
    w.set(offsetof(StubState, if_delta), 0);
    w.done(kEcx, true);
    w.restore(0);
    w.done(0, true);
    give_up_behind(w, exits, kEcx);
}

void write_pushf(Writer& w) {
    w.save(0);
    w.again(kEcx);
    w.save(2);
    w.again(kEcx | kEax);
    w.bytes({0x9C});  // pushf
    w.again(kEcx | kEax, 4);
    w.bytes({0x8B, 0x0C, 0x24});  // mov ecx, [esp]
    w.load(0, offsetof(StubState, if_delta));
    w.bytes({0x8D, 0x0C, 0x01});  // lea ecx, [ecx + eax]
    w.load(0, offsetof(StubState, flag_delta));
    w.bytes({0x8D, 0x0C, 0x01});
    w.bytes({0x89, 0x0C, 0x24});  // mov [esp], ecx
    w.done(kEcx | kEax);
    w.restore(2);
    w.done(kEcx);
    w.restore(0);
}

void write_popf(Writer& w) {
    Exits exits;
    w.save(0);
    w.again(kEcx);
    w.bytes({0x8B, 0x0C, 0x24});                             // mov ecx, [esp]
    w.with_cell(0x0B, 1, offsetof(StubState, other_flags));  // or ecx, ...
    w.again(kEcx, 0, true);
    w.bytes({0xF7, 0xC1});  // test ecx, kStubSlowFlags
    w.dword(kStubSlowFlags);
    w.bytes({0x0F, 0x85});  // jnz
    exits.add(w.hole());
    w.bytes({0x81, 0xE1});  // and ecx, IF
    w.dword(eflags::IF);
    constexpr unsigned kComparison = 8 + 6;
    w.bytes({0x74, kComparison});                                // jz over what follows
    w.with_cell(0x83, 7, offsetof(StubState, nothing_pending));  // cmp ..., 0
    w.bytes({0x00, 0x0F, 0x84});                                 // je
    exits.add(w.hole());
    w.bytes({0x81, 0xE9});  // sub ecx, IF
    w.dword(eflags::IF);
    w.with_cell(0x89, 1, offsetof(StubState, if_delta));  // mov ..., ecx
    w.restore(0);
    w.again(0, 0, true);
    w.bytes({0x9D});  // popf
    w.done(0);
    give_up_behind(w, exits, kEcx, true);
}

void write_push_segment(Writer& w, unsigned segment) {
    w.with_cell(0xFF, 6, static_cast<std::uint32_t>(offsetof(StubState, selector) + segment * 4));
}

void write_from_segment(Writer& w, const Instruction& insn) {
    if (insn.operand_size == 2) w.bytes({0x66});
    w.load(insn.rm_field(), static_cast<std::uint32_t>(offsetof(StubState, selector) + insn.reg_field() * 4));
}

/// The mod field of these means nothing, SDM Vol. 2B, MOV to/from control registers.
bool reads_control(const Instruction& insn) {
    return insn.id == InsnId::mov_cr && insn.opcode == 0x20 && insn.reg_field() != 1 && insn.reg_field() < 5;
}

void write_from_control(Writer& w, const Instruction& insn) {
    w.load(insn.rm_field(), static_cast<std::uint32_t>(offsetof(StubState, control) + insn.reg_field() * 4));
}

/// movzx edx, from where the instruction takes its selector.
void write_selector_to_edx(Writer& w, const Instruction& insn) {
    if (insn.id == InsnId::pop_seg) {
        w.bytes({0x0F, 0xB7, 0x14, 0x24});
        return;
    }
    const unsigned at = opcode_at(insn);
    constexpr unsigned kOverride[6] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};  // in Seg order
    if (insn.has_override) w.bytes({kOverride[static_cast<unsigned>(insn.override_segment)]});
    w.bytes({0x0F, 0xB7, (insn.modrm & 0xC7u) | 2u << 3});
    w.copy(insn.bytes + at + 2, insn.length - at - 2);
}

void write_load_segment(Writer& w, const Instruction& insn) {
    const bool pops = insn.id == InsnId::pop_seg;
    const unsigned segment = pops ? static_cast<unsigned>(insn.named_segment()) : insn.reg_field();
    constexpr std::uint8_t kAll = kEcx | kEdx | kEax;
    constexpr auto place = static_cast<std::uint32_t>(offsetof(StubData, place));
    constexpr auto content = static_cast<std::uint32_t>(offsetof(StubData, content));
    constexpr auto host = static_cast<std::uint32_t>(place + offsetof(SelectorPlace, host));
    constexpr auto minus_high = static_cast<std::uint32_t>(content + offsetof(SelectorContent, minus_high));
    Exits exits;
    w.save(0);
    w.again(kEcx);
    w.save(1);
    w.again(kEcx | kEdx);
    w.save(2);
    w.again(kAll);
    write_selector_to_edx(w, insn);
    w.look_up(1, place);
    exits.add(w.jump_ahead_if_ecx_zero());
    w.bytes({0x36, 0x8B, 0x09});  // mov ecx, [ecx]
    w.look_up(0, content);
    w.bytes({0x8D, 0x0C, 0x01});  // lea ecx, [ecx + eax]
    exits.add(w.jump_ahead_unless_ecx_zero());
    w.look_up(1, place);
    w.bytes({0x36, 0x8B, 0x49, 0x04});  // mov ecx, [ecx + 4]
    w.look_up(0, minus_high);
    w.bytes({0x8D, 0x0C, 0x01});
    exits.add(w.jump_ahead_unless_ecx_zero());
    w.look_up(1, host);
    // Loading a register costs more than all of this: only if it changes.
    const auto not_hardware = static_cast<std::uint32_t>(offsetof(StubState, not_hardware) + segment * 4);
    w.load(0, not_hardware);
    w.bytes({0x8D, 0x44, 0x01, 0x01});  // lea eax, [ecx + eax + 1]: their difference
    w.bytes({0x91});                    // xchg eax, ecx
    constexpr unsigned kLoad = 2 + 2 + 7;
    w.bytes({0xE3, kLoad});                 // jecxz over what follows
    w.bytes({0x8E, 0xC0u | segment << 3});  // mov segment, ax
    w.bytes({0xF7, 0xD0});                  // not eax, which leaves the flags alone
    w.with_cell(0x89, 0, not_hardware);
    if (pops) {
        w.bytes({0x8D, 0x64, 0x24, 0x04});  // lea esp, [esp + 4]
        w.again(kAll, -4);
    }
    w.with_cell(0x89, 2, static_cast<std::uint32_t>(offsetof(StubState, selector) + segment * 4));
    // With this store it has happened.
    w.with_cell(0xC6, 0, static_cast<std::uint32_t>(offsetof(StubState, loaded) + segment));
    w.bytes({0x01});
    w.done(kAll);
    w.restore(2);
    w.done(kEcx | kEdx);
    w.restore(1);
    w.done(kEcx);
    w.restore(0);
    w.done(0);
    give_up_behind(w, exits, kAll);
}

void write_sensitive(Writer& w, const Instruction& insn) {
    switch (insn.id) {
        case InsnId::cli: return write_cli(w);
        case InsnId::sti: return write_sti(w);
        case InsnId::pushf: return write_pushf(w);
        case InsnId::popf: return write_popf(w);
        case InsnId::push_seg: return write_push_segment(w, static_cast<unsigned>(insn.named_segment()));
        case InsnId::mov_from_seg: return write_from_segment(w, insn);
        case InsnId::mov_cr: return write_from_control(w, insn);
        default: return write_load_segment(w, insn);
    }
}

bool data_segment(unsigned segment) {
    return segment != static_cast<unsigned>(Seg::cs) && segment != static_cast<unsigned>(Seg::ss) &&
           segment < 6;
}

bool relocatable(const Instruction& insn) {
    switch (insn.flow) {
        case Flow::next:
        case Flow::ret:
        case Flow::jmp_indirect: return true;
        case Flow::jmp:
        case Flow::call: return insn.operand_size == 4;
        case Flow::jcc:
            return insn.operand_size == 4 && (insn.opcode_map == 1 || (insn.opcode & 0xF0) == 0x70);
        default: return false;
    }
}

}  // namespace

const StubPoint* Stub::point(std::uint32_t offset) const {
    if (offset >= length) return nullptr;
    unsigned n = point_count;
    while (n > 0 && points[n - 1].at > offset) --n;
    return n ? &points[n - 1] : nullptr;
}

void resume_at(const StubPoint& point, const Stubs& stubs, VCpu& cpu) {
    constexpr Gpr kScratch[3] = {Gpr::ecx, Gpr::edx, Gpr::eax};
    for (unsigned n = 0; n < 3; ++n)
        if (point.restore & 1u << n) cpu.reg(kScratch[n]) = stubs.scratch(n);
    cpu.reg(Gpr::esp) += static_cast<std::uint32_t>(point.popped);
    cpu.eip = point.eip;
    if (point.shadow) cpu.shadow = InterruptShadow::sti;
}

bool may_become_stub(const Instruction& insn) {
    if (insn.lock || insn.prefix_rep) return false;
    switch (insn.id) {
        case InsnId::cli:
        case InsnId::sti: return true;
        case InsnId::pushf:
        case InsnId::popf:
        case InsnId::push_seg: return insn.operand_size == 4;
        case InsnId::pop_seg:
            return insn.operand_size == 4 && data_segment(static_cast<unsigned>(insn.named_segment()));
        case InsnId::mov_from_seg: return !insn.has_memory && insn.reg_field() < 6;
        case InsnId::mov_cr: return reads_control(insn);
        case InsnId::mov_to_seg:
            if (!data_segment(insn.reg_field()) || insn.address_size != 4) return false;
            return !(insn.has_override && insn.override_segment == Seg::cs);
        default: return false;
    }
}

void write_stub(const StubAddresses& where, const Instruction* insns, unsigned count, unsigned slow_from,
                Stub& into) {
    constexpr unsigned kMost = 16;
    into.length = into.point_count = 0;
    if (count > kMost) return;
    Writer w(where, into);
    unsigned begins[kMost + 1];
    std::uint32_t eip[kMost + 1] = {where.site};
    for (unsigned i = 0; i < count; ++i) eip[i + 1] = eip[i] + insns[i].length;
    struct {
        unsigned hole, to;
    } inner[kMost];
    unsigned inner_count = 0;
    bool falls_through = true, shadow = false;
    for (unsigned i = 0; i < count && falls_through; ++i) {
        const Instruction& insn = insns[i];
        begins[i] = w.here();
        w.begin(eip[i], eip[i + 1], shadow);
        shadow = insn.id == InsnId::sti;
        if (i >= slow_from || (!insn.sensitive() && !relocatable(insn)) ||
            (insn.sensitive() && !may_become_stub(insn))) {
            w.give_up(0);
            falls_through = false;
            count = i + 1;
            break;
        }
        if (insn.sensitive()) {
            write_sensitive(w, insn);
            continue;
        }
        const std::uint32_t target = eip[i + 1] + insn.immediate;
        switch (insn.flow) {
            case Flow::jcc: {
                w.bytes({0x0F, 0x80u | (insn.opcode & 0x0Fu)});
                unsigned to = 0;
                while (to < count && eip[to] != target) ++to;
                if (to < count)
                    inner[inner_count++] = {w.hole(), to};
                else
                    w.displacement_to(target);
                break;
            }
            case Flow::call:
                w.bytes({0x68});
                w.dword(eip[i + 1]);
                w.leads_to(target);
                [[fallthrough]];
            case Flow::jmp:
                w.jump_to(target);
                falls_through = false;
                count = i + 1;
                break;
            default:
                w.copy(insn.bytes, insn.length);
                if (insn.flow != Flow::next) {
                    falls_through = false;
                    count = i + 1;
                }
        }
    }
    begins[count] = w.here();
    if (falls_through) {
        w.begin(eip[count], eip[count], shadow);
        w.jump_to(eip[count]);
    }
    for (unsigned i = 0; i < inner_count; ++i) {
        if (inner[i].to > count || (inner[i].to == count && !falls_through)) {
            into.length = 0;  // to an instruction that was not written
            return;
        }
        w.fill(inner[i].hole, begins[inner[i].to]);
    }
    if (w.overflow()) into.length = 0;
}

}  // namespace ringpress
