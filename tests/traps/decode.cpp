#include "traps/decode.hpp"

#include <capstone/capstone.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

using namespace ringpress;

namespace {

Instruction decode(Decoder& d, std::vector<unsigned> bytes, unsigned code_size = 4) {
    std::vector<std::uint8_t> raw(bytes.begin(), bytes.end());
    return d.decode(raw.data(), raw.size(), code_size);
}

struct Encoding {
    InsnId id;
    std::vector<unsigned> bytes;
};

/// Every opcode of every sensitive instruction; ModRM operands in memory ([ebx]) unless only a register will
/// do.
const Encoding kEncodings[] = {
    {InsnId::cli, {0xFA}},
    {InsnId::sti, {0xFB}},
    {InsnId::pushf, {0x9C}},
    {InsnId::popf, {0x9D}},
    {InsnId::hlt, {0xF4}},
    {InsnId::in, {0xE4, 0x60}},
    {InsnId::in, {0xE5, 0x60}},
    {InsnId::in, {0xEC}},
    {InsnId::in, {0xED}},
    {InsnId::out, {0xE6, 0x60}},
    {InsnId::out, {0xE7, 0x60}},
    {InsnId::out, {0xEE}},
    {InsnId::out, {0xEF}},
    {InsnId::ins, {0x6C}},
    {InsnId::ins, {0x6D}},
    {InsnId::outs, {0x6E}},
    {InsnId::outs, {0x6F}},
    {InsnId::sgdt, {0x0F, 0x01, 0x03}},
    {InsnId::sidt, {0x0F, 0x01, 0x0B}},
    {InsnId::lgdt, {0x0F, 0x01, 0x13}},
    {InsnId::lidt, {0x0F, 0x01, 0x1B}},
    {InsnId::smsw, {0x0F, 0x01, 0x23}},
    {InsnId::smsw, {0x0F, 0x01, 0xE0}},
    {InsnId::lmsw, {0x0F, 0x01, 0x33}},
    {InsnId::lmsw, {0x0F, 0x01, 0xF0}},
    {InsnId::invlpg, {0x0F, 0x01, 0x3B}},
    {InsnId::rdtscp, {0x0F, 0x01, 0xF9}},
    {InsnId::xgetbv, {0x0F, 0x01, 0xD0}},
    {InsnId::xsetbv, {0x0F, 0x01, 0xD1}},
    {InsnId::sldt, {0x0F, 0x00, 0x03}},
    {InsnId::sldt, {0x0F, 0x00, 0xC0}},
    {InsnId::str, {0x0F, 0x00, 0x0B}},
    {InsnId::lldt, {0x0F, 0x00, 0x13}},
    {InsnId::ltr, {0x0F, 0x00, 0x1B}},
    {InsnId::verr, {0x0F, 0x00, 0x23}},
    {InsnId::verw, {0x0F, 0x00, 0xE8}},
    {InsnId::lar, {0x0F, 0x02, 0x03}},
    {InsnId::lsl, {0x0F, 0x03, 0xC3}},
    {InsnId::syscall, {0x0F, 0x05}},
    {InsnId::clts, {0x0F, 0x06}},
    {InsnId::sysret, {0x0F, 0x07}},
    {InsnId::invd, {0x0F, 0x08}},
    {InsnId::wbinvd, {0x0F, 0x09}},
    {InsnId::mov_cr, {0x0F, 0x20, 0xC0}},
    {InsnId::mov_cr, {0x0F, 0x22, 0xD8}},
    {InsnId::mov_cr, {0x0F, 0x20, 0x20}},  // mod is ignored: mov %cr4,%eax
    {InsnId::mov_dr, {0x0F, 0x21, 0xF8}},
    {InsnId::mov_dr, {0x0F, 0x23, 0x3B}},
    {InsnId::wrmsr, {0x0F, 0x30}},
    {InsnId::rdtsc, {0x0F, 0x31}},
    {InsnId::rdmsr, {0x0F, 0x32}},
    {InsnId::rdpmc, {0x0F, 0x33}},
    {InsnId::sysenter, {0x0F, 0x34}},
    {InsnId::sysexit, {0x0F, 0x35}},
    {InsnId::cpuid, {0x0F, 0xA2}},
    {InsnId::int3, {0xCC}},
    {InsnId::int_n, {0xCD, 0x80}},
    {InsnId::into, {0xCE}},
    {InsnId::iret, {0xCF}},
    {InsnId::int1, {0xF1}},
    {InsnId::far_call, {0x9A, 1, 2, 3, 4, 5, 6}},
    {InsnId::far_call, {0xFF, 0x1B}},
    {InsnId::far_jmp, {0xEA, 1, 2, 3, 4, 5, 6}},
    {InsnId::far_jmp, {0xFF, 0x2B}},
    {InsnId::far_ret, {0xCB}},
    {InsnId::far_ret, {0xCA, 4, 0}},
    {InsnId::mov_from_seg, {0x8C, 0x03}},
    {InsnId::mov_from_seg, {0x8C, 0xC8}},
    {InsnId::mov_to_seg, {0x8E, 0x03}},
    {InsnId::mov_to_seg, {0x8E, 0xE8}},
    {InsnId::push_seg, {0x06}},
    {InsnId::push_seg, {0x0E}},
    {InsnId::push_seg, {0x16}},
    {InsnId::push_seg, {0x1E}},
    {InsnId::push_seg, {0x0F, 0xA0}},
    {InsnId::push_seg, {0x0F, 0xA8}},
    {InsnId::pop_seg, {0x07}},
    {InsnId::pop_seg, {0x17}},
    {InsnId::pop_seg, {0x1F}},
    {InsnId::pop_seg, {0x0F, 0xA1}},
    {InsnId::pop_seg, {0x0F, 0xA9}},
    {InsnId::les, {0xC4, 0x03}},
    {InsnId::lds, {0xC5, 0x03}},
    {InsnId::lss, {0x0F, 0xB2, 0x03}},
    {InsnId::lfs, {0x0F, 0xB4, 0x03}},
    {InsnId::lgs, {0x0F, 0xB5, 0x03}},
    {InsnId::arpl, {0x63, 0xC8}},
};

}  // namespace

TEST_CASE("every encoding of a sensitive instruction is recognised, behind every prefix and in 16-bit code") {
    Decoder decoder;
    std::vector<bool> seen(static_cast<unsigned>(InsnId::count_));
    for (const Encoding& e : kEncodings) {
        seen[static_cast<unsigned>(e.id)] = true;
        for (unsigned prefix : {0u, 0x26u, 0x2Eu, 0x36u, 0x3Eu, 0x64u, 0x65u, 0x66u, 0xF2u, 0xF3u, 0xF0u}) {
            std::vector<unsigned> bytes = e.bytes;
            if (prefix) bytes.insert(bytes.begin(), prefix);
            bytes.insert(bytes.end(), {0, 0, 0, 0, 0, 0});
            for (unsigned code_size : {4u, 2u}) {
                const Instruction i = decode(decoder, bytes, code_size);
                INFO("" << name(e.id) << ", prefix " << prefix << ", code size " << code_size);
                CHECK(i.id == e.id);
            }
        }
        const Instruction i = decode(decoder, e.bytes);
        INFO("" << name(e.id));
        CHECK(i.id == e.id);
        CHECK(i.length == e.bytes.size());
    }
    for (unsigned id = static_cast<unsigned>(InsnId::innocuous) + 1; id < seen.size(); ++id) {
        INFO("not tried: " << name(static_cast<InsnId>(id)));
        CHECK(seen[id]);
    }
}

TEST_CASE("each line of the table is found under its own id") {
    for (unsigned i = static_cast<unsigned>(InsnId::innocuous) + 1; i < static_cast<unsigned>(InsnId::count_);
         ++i)
        CHECK(info(static_cast<InsnId>(i)).id == static_cast<InsnId>(i));
    CHECK(info(InsnId::popf).mnemonic == "popf");
    CHECK(name(InsnId::innocuous) == "innocuous");
    CHECK(name(InsnId::undefined) == "undefined");
}

TEST_CASE("instructions outside the CPU model are undefined") {
    Decoder d;
    for (const auto& bytes : std::vector<std::vector<unsigned>>{
             {0x0F, 0x0B},                          // ud2
             {0x0F, 0xB9, 0xC0},                    // ud1
             {0x0F, 0xFF, 0xC0},                    // ud0
             {0x0F, 0x01, 0xC1},                    // vmcall
             {0x0F, 0x01, 0xC8},                    // monitor
             {0x0F, 0x01, 0xCA},                    // clac
             {0x0F, 0x01, 0xEE},                    // rdpkru
             {0x0F, 0xC7, 0xF0},                    // rdrand
             {0x0F, 0xAE, 0x23},                    // xsave
             {0xF3, 0x0F, 0xAE, 0xC0},              // rdfsbase
             {0xC5, 0xF8, 0x77},                    // vzeroupper
             {0xC4, 0xE2, 0x70, 0xF2, 0xC2},        // andn
             {0x62, 0xF1, 0x7C, 0x48, 0x28, 0xC1},  // EVEX
             {0x8F, 0xE8, 0x78, 0xA2, 0xC1, 0x00},  // XOP
             {0xC7, 0xF8, 0, 0, 0, 0},              // xbegin
             {0xC6, 0xF8, 0},                       // xabort
             {0x8E, 0xC8},                          // mov to cs
             {0x8C, 0xF0},                          // segment register 6
             {0x0F, 0x20, 0xC8},                    // cr1
             {0xF0, 0x90},                          // lock nop
             {0x0F, 0x24, 0xC0},                    // test registers
             {0xFF, 0xD8},                          // far call to a register
         }) {
        const Instruction i = decode(d, bytes);
        INFO("first bytes " << std::hex << bytes[0] << " " << bytes[1]);
        CHECK(i.id == InsnId::undefined);
        CHECK(i.length == 0);
        CHECK_FALSE(d.truncated());
    }
}

TEST_CASE("harmless encodings that Capstone 4 does not know are accepted") {
    Decoder d;
    for (const auto& bytes :
         std::vector<std::vector<unsigned>>{{0xF3, 0x0F, 0x1E, 0xFB},  // endbr32
                                            {0x0F, 0x1E, 0xC0},        // hint nop
                                            {0x0F, 0x19, 0x00},        // hint nop
                                            {0xDB, 0xE0},              // feni, a nop
                                            {0xDF, 0xC0},              // ffreep
                                            {0x66, 0x2E, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0}}) {
        const Instruction i = decode(d, bytes);
        CHECK(i.id == InsnId::innocuous);
        CHECK(i.length == bytes.size());
    }
}

TEST_CASE("control flow is classified") {
    Decoder d;
    CHECK(decode(d, {0x74, 0xFE}).flow == Flow::jcc);
    CHECK(decode(d, {0x74, 0xFE}).immediate == 0xFFFFFFFE);
    CHECK(decode(d, {0x0F, 0x84, 1, 0, 0, 0}).flow == Flow::jcc);
    CHECK(decode(d, {0xE2, 0xFE}).flow == Flow::jcc);
    CHECK(decode(d, {0xEB, 0x10}).flow == Flow::jmp);
    CHECK(decode(d, {0xE9, 0, 1, 0, 0}).immediate == 0x100);
    CHECK(decode(d, {0x66, 0xE9, 0xFE, 0xFF}).immediate == 0xFFFFFFFE);
    CHECK(decode(d, {0xFF, 0xE0}).flow == Flow::jmp_indirect);
    CHECK(decode(d, {0xFF, 0x13}).flow == Flow::call_indirect);
    CHECK(decode(d, {0xE8, 0, 0, 0, 0}).flow == Flow::call);
    CHECK(decode(d, {0xC3}).flow == Flow::ret);
    CHECK(decode(d, {0xC2, 8, 0}).immediate == 8);
    CHECK(decode(d, {0xF4}).flow == Flow::other);
    CHECK(decode(d, {0xCF}).flow == Flow::other);
    CHECK(decode(d, {0x90}).flow == Flow::next);
}

TEST_CASE("memory operands are taken apart") {
    Decoder d;
    const auto is = [](const Instruction& i, Seg s, int base, int index, unsigned scale, std::int32_t disp) {
        return i.has_memory && i.memory.segment == s && i.memory.base == base && i.memory.index == index &&
               i.memory.scale == scale && i.memory.displacement == disp;
    };
    CHECK(is(decode(d, {0x8B, 0x03}), Seg::ds, 3, -1, 1, 0));
    CHECK(is(decode(d, {0x8B, 0x45, 0xF8}), Seg::ss, 5, -1, 1, -8));
    CHECK(is(decode(d, {0x8B, 0x44, 0x24, 0x10}), Seg::ss, 4, -1, 1, 16));
    CHECK(is(decode(d, {0x8B, 0x84, 0x8B, 0, 1, 0, 0}), Seg::ds, 3, 1, 4, 256));
    CHECK(is(decode(d, {0x8B, 0x04, 0xAD, 0, 0, 0, 0x80}), Seg::ds, -1, 5, 4, INT32_MIN));
    CHECK(is(decode(d, {0x8B, 0x0D, 0x78, 0x56, 0x34, 0x12}), Seg::ds, -1, -1, 1, 0x12345678));
    CHECK(is(decode(d, {0x65, 0xA1, 0x14, 0, 0, 0}), Seg::gs, -1, -1, 1, 0x14));
    CHECK(is(decode(d, {0x67, 0x8B, 0x02}), Seg::ss, 5, 6, 1, 0));      // [bp+si]
    CHECK(is(decode(d, {0x8B, 0x40, 0xFF}, 2), Seg::ds, 3, 6, 1, -1));  // [bx+si-1]
    CHECK(is(decode(d, {0xD7}), Seg::ds, 3, -1, 1, 0));
    CHECK_FALSE(decode(d, {0x8B, 0xC3}).has_memory);
    CHECK(decode(d, {0x8B, 0xC3}).has_modrm);
    CHECK_FALSE(decode(d, {0xA4}).has_memory);
    CHECK(decode(d, {0xA4}).is_string());
}

TEST_CASE("a segment override counts where memory is accessed through it") {
    Decoder d;
    CHECK(decode(d, {0x2E, 0x8B, 0x03}).uses_override());
    CHECK(decode(d, {0x2E, 0xA4}).uses_override());
    CHECK_FALSE(decode(d, {0x2E, 0xAA}).uses_override());  // stos writes through es
    CHECK_FALSE(decode(d, {0x2E, 0x8D, 0x03}).uses_override());
    CHECK_FALSE(decode(d, {0x2E, 0x74, 0x00}).uses_override());  // a branch hint
    CHECK_FALSE(decode(d, {0x2E, 0x0F, 0x1F, 0x03}).uses_override());
    CHECK(decode(d, {0x2E, 0x8B, 0x03}).override_segment == Seg::cs);
    CHECK(decode(d, {0x2E, 0x64, 0x8B, 0x03}).override_segment == Seg::fs);  // the last one wins
}

TEST_CASE("prefixes set sizes, rep and lock") {
    Decoder d;
    CHECK(decode(d, {0x66, 0x89, 0x03}).operand_size == 2);
    CHECK(decode(d, {0x66, 0x89, 0x03}, 2).operand_size == 4);
    CHECK(decode(d, {0x67, 0x89, 0x03}).address_size == 2);
    CHECK(decode(d, {0xF3, 0xA5}).prefix_rep == 0xF3);
    CHECK(decode(d, {0xF2, 0xAE}).prefix_rep == 0xF2);
    CHECK(decode(d, {0xF0, 0xFF, 0x03}).lock);
}

TEST_CASE("instructions that use x87, MMX or SSE registers are told apart") {
    Decoder d;
    const auto use = [&](std::vector<unsigned> bytes, unsigned code_size = 4) {
        return decode(d, std::move(bytes), code_size).fpu;
    };
    CHECK(use({0xD9, 0xE8}) == FpuUse::x87);                    // fld1
    CHECK(use({0xDF, 0xE0}) == FpuUse::x87);                    // fnstsw ax
    CHECK(use({0x9B}) == FpuUse::wait);                         // fwait
    CHECK(use({0x0F, 0x77}) == FpuUse::mmx);                    // emms
    CHECK(use({0x0F, 0x6F, 0x03}) == FpuUse::mmx);              // movq mmx
    CHECK(use({0x0F, 0x6E, 0xC0}) == FpuUse::mmx);              // movd mmx
    CHECK(use({0x0F, 0x38, 0x00, 0xC1}) == FpuUse::mmx);        // pshufb mmx
    CHECK(use({0x0F, 0x3A, 0x0F, 0xC1, 1}) == FpuUse::mmx);     // palignr mmx
    CHECK(use({0x0F, 0x28, 0x03}) == FpuUse::sse);              // movaps
    CHECK(use({0x0F, 0x57, 0xC0}) == FpuUse::sse);              // xorps
    CHECK(use({0x66, 0x0F, 0x6F, 0x03}) == FpuUse::sse);        // movdqa
    CHECK(use({0xF3, 0x0F, 0x7E, 0x03}) == FpuUse::sse);        // movq xmm
    CHECK(use({0xF2, 0x0F, 0x58, 0xC1}) == FpuUse::sse);        // addsd
    CHECK(use({0x66, 0x0F, 0x38, 0x00, 0xC1}) == FpuUse::sse);  // pshufb xmm
    CHECK(use({0x0F, 0xAE, 0x13}) == FpuUse::sse);              // ldmxcsr
    CHECK(use({0x0F, 0xAE, 0x03}) == FpuUse::state);            // fxsave
    CHECK(use({0x0F, 0xAE, 0xF0}) == FpuUse::none);             // mfence
    CHECK(use({0x0F, 0xC3, 0x03}) == FpuUse::none);             // movnti
    CHECK(use({0x0F, 0x18, 0x03}) == FpuUse::none);             // prefetch
    CHECK(use({0x0F, 0xB6, 0xC0}) == FpuUse::none);             // movzx
    // In 16-bit code it is the prefix that counts, not the operand size that it makes.
    CHECK(use({0x0F, 0x6F, 0x07}, 2) == FpuUse::mmx);
    CHECK(use({0x66, 0x0F, 0x6F, 0x07}, 2) == FpuUse::sse);
}

TEST_CASE("too few bytes are told from wrong ones") {
    Decoder d;
    const std::uint8_t call[5] = {0xE8, 1, 2, 3, 4};
    for (unsigned n = 0; n < 5; ++n) {
        CHECK(d.decode(call, n).length == 0);
        CHECK(d.truncated());
    }
    CHECK(d.decode(call, 5).length == 5);
    CHECK_FALSE(d.truncated());
    // More than 15 bytes are no instruction, however long one looks; the fault is another one.
    const Instruction overlong = decode(d, std::vector<unsigned>(16, 0x66));
    CHECK(overlong.length == 0);
    CHECK(overlong.id == InsnId::undefined);
    CHECK(overlong.too_long);
    CHECK_FALSE(d.truncated());
    CHECK_FALSE(decode(d, {0x0F, 0x0B}).too_long);
    std::vector<unsigned> longest(14, 0x66);
    longest.push_back(0x90);
    CHECK(decode(d, longest).length == 15);
}

TEST_CASE("any bytes decode to nothing, or to an instruction whose length Capstone shares") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Decoder decoder;
    csh handle[2];
    REQUIRE(cs_open(CS_ARCH_X86, CS_MODE_32, &handle[0]) == CS_ERR_OK);
    REQUIRE(cs_open(CS_ARCH_X86, CS_MODE_16, &handle[1]) == CS_ERR_OK);
    cs_insn* scratch = cs_malloc(handle[0]);
    unsigned agreed = 0, differ = 0, bad = 0;
    constexpr std::uint8_t prefixes[] = {0x66, 0x67, 0xF2, 0xF3, 0x2E, 0x65, 0xF0, 0x0F};
    for (unsigned round = 0; round < 100'000; ++round) {
        std::uint8_t bytes[16];
        for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
        if (round % 4 == 1) bytes[0] = prefixes[random() % 8];
        const unsigned which = round % 2, available = 1 + random() % 16;
        const Instruction i = decoder.decode(bytes, available, which ? 2 : 4);
        if (i.length > 15 || i.length > available || (i.length == 0) != (i.id == InsnId::undefined)) ++bad;
        if (i.length && std::memcmp(i.bytes, bytes, i.length) != 0) ++bad;
        // Once more, from the cache this time.
        const Instruction again = decoder.decode(bytes, available, which ? 2 : 4);
        if (again.length != i.length || again.id != i.id) ++bad;
        const std::uint8_t* code = bytes;
        std::size_t left = available;
        std::uint64_t address = 0;
        if (i.length == 0 || !cs_disasm_iter(handle[which], &code, &left, &address, scratch)) continue;
        if (scratch->size == i.length)
            ++agreed;
        else
            ++differ;
    }
    cs_free(scratch, 1);
    for (csh& h : handle) cs_close(&h);
    CHECK(bad == 0);
    CHECK(differ == 0);
    CHECK(agreed > 10'000);
}

TEST_CASE("text is for people") {
    Decoder d;
    const std::uint8_t mov[] = {0x0F, 0x22, 0xD8};
    CHECK(d.text(mov, sizeof mov, 0x1000) == "mov cr3, eax");
    const std::uint8_t bad[] = {0x0F, 0x04};
    CHECK(d.text(bad, sizeof bad, 0) == "(bad)");
}
