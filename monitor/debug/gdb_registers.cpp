#include "monitor/debug/gdb_registers.hpp"

#include <fmt/format.h>

#include <cstring>

#include "monitor/debug/gdb_packet.hpp"

namespace ringpress {

namespace {

/// One line for each register, in the order of GDB's numbers.
struct Register {
    const char* name;
    std::uint8_t bytes;
    const char* type;
    enum class Kind : std::uint8_t {
        gpr,
        eip,
        eflags,
        selector,
        base,
        none,
        cr,
        st,
        fpu_word,
        xmm,
        mxcsr
    } kind;
    std::uint8_t which = 0;  ///< Gpr, Seg, number of the control register, offset in FpuImage
};
using Kind = Register::Kind;

constexpr std::uint8_t number(Seg s) {
    return static_cast<std::uint8_t>(s);
}
/// Offsets of the control words in an FXSAVE image, SDM Vol. 1, table 10-2.
enum FpuOffset : std::uint8_t {
    kControl = 0,
    kStatus = 2,
    kTags = 4,
    kOpcode = 6,
    kIp = 8,
    kDp = 16,
    kNothing = 255
};
constexpr unsigned kMxcsr = 24, kSt = 32, kXmm = 160;

constexpr Register kRegisters[] = {
    {"eax", 4, "int32", Kind::gpr, 0},
    {"ecx", 4, "int32", Kind::gpr, 1},
    {"edx", 4, "int32", Kind::gpr, 2},
    {"ebx", 4, "int32", Kind::gpr, 3},
    {"esp", 4, "data_ptr", Kind::gpr, 4},
    {"ebp", 4, "data_ptr", Kind::gpr, 5},
    {"esi", 4, "int32", Kind::gpr, 6},
    {"edi", 4, "int32", Kind::gpr, 7},
    {"eip", 4, "code_ptr", Kind::eip},
    {"eflags", 4, "flags_register", Kind::eflags},
    {"cs", 4, "int32", Kind::selector, number(Seg::cs)},
    {"ss", 4, "int32", Kind::selector, number(Seg::ss)},
    {"ds", 4, "int32", Kind::selector, number(Seg::ds)},
    {"es", 4, "int32", Kind::selector, number(Seg::es)},
    {"fs", 4, "int32", Kind::selector, number(Seg::fs)},
    {"gs", 4, "int32", Kind::selector, number(Seg::gs)},
    {"fs_base", 4, "int32", Kind::base, number(Seg::fs)},
    {"gs_base", 4, "int32", Kind::base, number(Seg::gs)},
    {"k_gs_base", 4, "int32", Kind::none},
    {"cr0", 4, "cr0_register", Kind::cr, 0},
    {"cr2", 4, "int32", Kind::cr, 2},
    {"cr3", 4, "int32", Kind::cr, 3},
    {"cr4", 4, "cr4_register", Kind::cr, 4},
    {"cr8", 4, "int32", Kind::none},
    {"efer", 4, "int32", Kind::none},
    {"st0", 10, "i387_ext", Kind::st, 0},
    {"st1", 10, "i387_ext", Kind::st, 1},
    {"st2", 10, "i387_ext", Kind::st, 2},
    {"st3", 10, "i387_ext", Kind::st, 3},
    {"st4", 10, "i387_ext", Kind::st, 4},
    {"st5", 10, "i387_ext", Kind::st, 5},
    {"st6", 10, "i387_ext", Kind::st, 6},
    {"st7", 10, "i387_ext", Kind::st, 7},
    {"fctrl", 4, "int", Kind::fpu_word, kControl},
    {"fstat", 4, "int", Kind::fpu_word, kStatus},
    {"ftag", 4, "int", Kind::fpu_word, kTags},
    {"fiseg", 4, "int", Kind::fpu_word, kNothing},
    {"fioff", 4, "int", Kind::fpu_word, kIp},
    {"foseg", 4, "int", Kind::fpu_word, kNothing},
    {"fooff", 4, "int", Kind::fpu_word, kDp},
    {"fop", 4, "int", Kind::fpu_word, kOpcode},
    {"xmm0", 16, "vec128", Kind::xmm, 0},
    {"xmm1", 16, "vec128", Kind::xmm, 1},
    {"xmm2", 16, "vec128", Kind::xmm, 2},
    {"xmm3", 16, "vec128", Kind::xmm, 3},
    {"xmm4", 16, "vec128", Kind::xmm, 4},
    {"xmm5", 16, "vec128", Kind::xmm, 5},
    {"xmm6", 16, "vec128", Kind::xmm, 6},
    {"xmm7", 16, "vec128", Kind::xmm, 7},
    {"mxcsr", 4, "int", Kind::mxcsr},
};
static_assert(std::size(kRegisters) == kGdbRegisters);

struct Flag {
    const char* name;
    unsigned first, last;
};
constexpr Flag kEflags[] = {{"CF", 0, 0},    {"PF", 2, 2},   {"AF", 4, 4},   {"ZF", 6, 6},   {"SF", 7, 7},
                            {"TF", 8, 8},    {"IF", 9, 9},   {"DF", 10, 10}, {"OF", 11, 11}, {"IOPL", 12, 13},
                            {"NT", 14, 14},  {"RF", 16, 16}, {"VM", 17, 17}, {"AC", 18, 18}, {"VIF", 19, 19},
                            {"VIP", 20, 20}, {"ID", 21, 21}};
constexpr Flag kCr0[] = {{"PE", 0, 0},   {"MP", 1, 1},   {"EM", 2, 2},   {"TS", 3, 3},
                         {"ET", 4, 4},   {"NE", 5, 5},   {"WP", 16, 16}, {"AM", 18, 18},
                         {"NW", 29, 29}, {"CD", 30, 30}, {"PG", 31, 31}};
constexpr Flag kCr4[] = {{"VME", 0, 0}, {"PVI", 1, 1},    {"TSD", 2, 2},         {"DE", 3, 3},
                         {"PSE", 4, 4}, {"PAE", 5, 5},    {"MCE", 6, 6},         {"PGE", 7, 7},
                         {"PCE", 8, 8}, {"OSFXSR", 9, 9}, {"OSXMMEXCPT", 10, 10}};

std::uint32_t word(const FpuImage& fpu, unsigned offset, unsigned bytes) {
    std::uint32_t value = 0;
    std::memcpy(&value, fpu.bytes + offset, bytes);
    return value;
}

/// FXSAVE keeps one bit for each register; the full tag word tells zero and special values apart, SDM Vol. 1,
/// section 10.5.1.1.
std::uint32_t full_tags(const FpuImage& fpu) {
    constexpr unsigned kValid = 0, kZero = 1, kSpecial = 2, kEmpty = 3;
    const unsigned top = word(fpu, kStatus, 2) >> 11 & 7;
    std::uint32_t tags = 0;
    for (unsigned physical = 0; physical < 8; ++physical) {
        unsigned tag = kEmpty;
        if (fpu.bytes[kTags] >> physical & 1) {
            const unsigned at = kSt + ((physical - top) & 7) * 16;
            std::uint64_t fraction;
            std::memcpy(&fraction, fpu.bytes + at, sizeof fraction);
            const std::uint32_t exponent = word(fpu, at + 8, 2) & 0x7FFF;
            tag = exponent == 0 && fraction == 0                             ? kZero
                  : exponent == 0 || exponent == 0x7FFF || !(fraction >> 63) ? kSpecial
                                                                             : kValid;
        }
        tags |= tag << 2 * physical;
    }
    return tags;
}

std::uint32_t fpu_word(const FpuImage& fpu, unsigned offset) {
    switch (offset) {
        case kNothing: return 0;
        case kTags: return full_tags(fpu);
        case kIp:
        case kDp: return word(fpu, offset, 4);
        default: return word(fpu, offset, 2);
    }
}

void set_fpu_word(FpuImage& fpu, unsigned offset, std::uint32_t value) {
    if (offset == kTags) {
        std::uint8_t used = 0;
        for (unsigned i = 0; i < 8; ++i)
            if ((value >> 2 * i & 3) != 3) used = static_cast<std::uint8_t>(used | 1u << i);
        fpu.bytes[kTags] = used;
    } else if (offset != kNothing) {
        std::memcpy(fpu.bytes + offset, &value, offset == kIp || offset == kDp ? 4 : 2);
    }
}

std::uint32_t* control_register(VCpu& cpu, unsigned which) {
    switch (which) {
        case 0: return &cpu.cr0;
        case 2: return &cpu.cr2;
        case 3: return &cpu.cr3;
        default: return &cpu.cr4;
    }
}

/// With the hidden part that the guest's tables hold for it.  One that they do not describe is left out.
void load_selector(RegisterFile& file, Seg which, std::uint16_t selector) {
    SegmentRegister& segment = file.cpu.segment(which);
    if (segment.selector == selector) return;
    constexpr std::uint16_t kTable = 4, kIndex = 0xFFF8;
    if ((selector & (kIndex | kTable)) == 0) {
        if (which == Seg::cs || which == Seg::ss) return;
        segment = SegmentRegister{};
        segment.selector = selector;
    } else {
        const std::uint32_t table = selector & kTable ? file.cpu.ldtr.base : file.cpu.gdtr.base;
        std::uint32_t d[2];
        if (file.guest.read(gva(table + (selector & kIndex)), d, sizeof d) != sizeof d) return;
        const std::uint32_t limit = (d[0] & 0xFFFF) | (d[1] & 0xF0000);
        segment = {selector, static_cast<std::uint16_t>(d[1] >> 8 & 0xF0FF),
                   d[0] >> 16 | (d[1] & 0xFF) << 16 | (d[1] & 0xFF000000),
                   d[1] & 0x800000 ? limit << 12 | 0xFFF : limit};
    }
    file.state_replaced = true;
}

void write_control(RegisterFile& file, unsigned which, std::uint32_t value) {
    constexpr std::uint32_t kCr4Bits =
        cr4::TSD | cr4::DE | cr4::PSE | cr4::MCE | cr4::PGE | cr4::PCE | cr4::OSFXSR | cr4::OSXMMEXCPT;
    if (which == 0) value |= cr0::PE | cr0::ET;  // there is no real mode
    if (which == 4) value &= kCr4Bits;
    std::uint32_t& now = *control_register(file.cpu, which);
    if (now == value) return;
    now = value;
    file.state_replaced = true;
}

void write_eflags(VCpu& cpu, std::uint32_t value) {
    using namespace eflags;
    constexpr std::uint32_t kBits = kArithmetic | TF | IF | DF | IOPL | NT | RF | AC | ID;
    cpu.eflags = (cpu.eflags & ~kBits) | (value & kBits);
}

std::string flags_type(const char* id, std::span<const Flag> flags) {
    std::string text = fmt::format("<flags id=\"{}\" size=\"4\">", id);
    for (const Flag& f : flags)
        text += fmt::format("<field name=\"{}\" start=\"{}\" end=\"{}\"/>", f.name, f.first, f.last);
    return text + "</flags>\n";
}

std::string vector_types() {
    struct Vector {
        const char *id, *element, *field;
        unsigned count;
    };
    constexpr Vector kVectors[] = {
        {"v4f", "ieee_single", "v4_float", 4}, {"v2d", "ieee_double", "v2_double", 2},
        {"v16i8", "int8", "v16_int8", 16},     {"v8i16", "int16", "v8_int16", 8},
        {"v4i32", "int32", "v4_int32", 4},     {"v2i64", "int64", "v2_int64", 2}};
    std::string types, fields;
    for (const Vector& v : kVectors) {
        types += fmt::format("<vector id=\"{}\" type=\"{}\" count=\"{}\"/>\n", v.id, v.element, v.count);
        fields += fmt::format("<field name=\"{}\" type=\"{}\"/>", v.field, v.id);
    }
    return types + "<union id=\"vec128\">" + fields + "<field name=\"uint128\" type=\"uint128\"/></union>\n";
}

const char* group(const Register& r) {
    switch (r.kind) {
        case Kind::fpu_word: return " group=\"float\"";
        case Kind::xmm:
        case Kind::mxcsr: return " group=\"vector\"";
        case Kind::base:
        case Kind::cr:
        case Kind::none: return " group=\"system\"";
        default: return "";
    }
}

/// Registers [first, end).  GDB takes the system registers in the feature of the general ones without
/// complaint; SSE's must be in one of their own.
std::string feature(const char* name, const std::string& types, unsigned first, unsigned end) {
    std::string text = fmt::format(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE feature SYSTEM \"gdb-target.dtd\">\n<feature name=\"{}\">\n{}",
        name, types);
    for (unsigned i = first; i < end; ++i) {
        const Register& r = kRegisters[i];
        text += fmt::format("<reg name=\"{}\" bitsize=\"{}\" type=\"{}\" regnum=\"{}\"{}/>\n", r.name,
                            r.bytes * 8, r.type, i, group(r));
    }
    return text + "</feature>\n";
}

constexpr unsigned kFirstOfSse = 41;
static_assert(kRegisters[kFirstOfSse].kind == Kind::xmm && kRegisters[kFirstOfSse - 1].kind != Kind::xmm);

}  // namespace

unsigned register_size(unsigned number) {
    return number < kGdbRegisters ? kRegisters[number].bytes : 0;
}

std::optional<std::string> read_register(const RegisterFile& file, unsigned number) {
    if (number >= kGdbRegisters) return std::nullopt;
    const Register& r = kRegisters[number];
    std::uint8_t bytes[16] = {};
    const auto put = [&](std::uint32_t value) { std::memcpy(bytes, &value, sizeof value); };
    switch (r.kind) {
        case Kind::gpr: put(file.cpu.gpr[r.which]); break;
        case Kind::eip: put(file.cpu.eip); break;
        case Kind::eflags: put(file.cpu.eflags); break;
        case Kind::selector: put(file.cpu.seg[r.which].selector); break;
        case Kind::base: put(file.cpu.seg[r.which].base); break;
        case Kind::none: break;
        case Kind::cr: put(*control_register(file.cpu, r.which)); break;
        case Kind::st: std::memcpy(bytes, file.fpu.bytes + kSt + 16 * r.which, r.bytes); break;
        case Kind::fpu_word: put(fpu_word(file.fpu, r.which)); break;
        case Kind::xmm: std::memcpy(bytes, file.fpu.bytes + kXmm + 16 * r.which, r.bytes); break;
        case Kind::mxcsr: put(word(file.fpu, kMxcsr, 4)); break;
    }
    return to_hex(std::span(bytes, r.bytes));
}

bool write_register(RegisterFile& file, unsigned number, std::string_view bytes) {
    if (number >= kGdbRegisters || bytes.size() != kRegisters[number].bytes) return false;
    const Register& r = kRegisters[number];
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    switch (r.kind) {
        case Kind::gpr: file.cpu.gpr[r.which] = value; break;
        case Kind::eip: file.cpu.eip = value; break;
        case Kind::eflags: write_eflags(file.cpu, value); break;
        case Kind::selector:
            load_selector(file, static_cast<Seg>(r.which), static_cast<std::uint16_t>(value));
            break;
        case Kind::base: file.cpu.seg[r.which].base = value; break;
        case Kind::none: break;
        case Kind::cr: write_control(file, r.which, value); break;
        case Kind::st: std::memcpy(file.fpu.bytes + kSt + 16 * r.which, bytes.data(), r.bytes); break;
        case Kind::fpu_word: set_fpu_word(file.fpu, r.which, value); break;
        case Kind::xmm: std::memcpy(file.fpu.bytes + kXmm + 16 * r.which, bytes.data(), r.bytes); break;
        case Kind::mxcsr: std::memcpy(file.fpu.bytes + kMxcsr, &value, sizeof value); break;
    }
    file.fpu_changed |= r.kind >= Kind::st;
    return true;
}

std::optional<std::string> target_description(std::string_view name) {
    if (name == "target.xml")
        return "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
               "<architecture>i386</architecture><xi:include href=\"i386-32bit.xml\"/>"
               "<xi:include href=\"i386-sse.xml\"/></target>";
    if (name == "i386-32bit.xml")
        return feature("org.gnu.gdb.i386.core",
                       flags_type("flags_register", kEflags) + flags_type("cr0_register", kCr0) +
                           flags_type("cr4_register", kCr4),
                       0, kFirstOfSse);
    if (name == "i386-sse.xml")
        return feature("org.gnu.gdb.i386.sse", vector_types(), kFirstOfSse, kGdbRegisters);
    return std::nullopt;
}

}  // namespace ringpress
