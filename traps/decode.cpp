// Two opinions must agree before an instruction may run natively: our own reading of its layout, and
// Capstone's. Sensitive instructions never run natively, so for them the opcode maps of classify() are
// enough.
#include "traps/decode.hpp"

#include <capstone/capstone.h>

#include <cstring>
#include <stdexcept>

#include "traps/decode_classify.hpp"
#include "traps/decode_layout.hpp"

namespace ringpress {

namespace {
constexpr std::size_t kMaxLength = 15;
constexpr unsigned kCacheSize = 1024;  // entries: what was decoded lately; a kernel traps at few places

struct Cached {
    std::uint8_t code_size = 0;
    Instruction insn;
};

unsigned cache_slot(const std::uint8_t* bytes, unsigned code_size) {
    std::uint64_t head;
    std::memcpy(&head, bytes, sizeof head);
    return static_cast<unsigned>(((head ^ code_size) * 0x9E3779B97F4A7C15u) >> 54);
}
}  // namespace

struct Decoder::Impl {
    csh handle[2] = {};        // 32-bit, 16-bit
    cs_insn* scratch[2] = {};  // cs_disasm_iter fills one in place, so that decoding allocates nothing
    Cached cache[kCacheSize];

    bool capstone_agrees(const Instruction& insn, const std::uint8_t* bytes, std::size_t available,
                         unsigned which) {
        std::uint64_t address = 0;
        std::size_t left = available < kMaxLength ? available : kMaxLength;
        if (!cs_disasm_iter(handle[which], &bytes, &left, &address, scratch[which])) return false;
        return scratch[which]->size == insn.length;
    }
};

Decoder::Decoder() : impl_(new Impl) {
    constexpr cs_mode modes[2] = {CS_MODE_32, CS_MODE_16};
    for (unsigned i = 0; i < 2; ++i) {
        if (cs_open(CS_ARCH_X86, modes[i], &impl_->handle[i]) != CS_ERR_OK)
            throw std::runtime_error("the disassembler library Capstone cannot be opened for x86");
        impl_->scratch[i] = cs_malloc(impl_->handle[i]);
        if (!impl_->scratch[i]) throw std::runtime_error("no memory for the disassembler");
        // The first call builds Capstone's look-up tables on the heap: let that happen here.
        const std::uint8_t nop[1] = {0x90};
        Instruction one;
        one.length = 1;
        if (!impl_->capstone_agrees(one, nop, 1, i))
            throw std::runtime_error("the disassembler library Capstone does not know nop");
    }
}

Decoder::~Decoder() {
    for (unsigned i = 0; i < 2; ++i) {
        if (impl_->scratch[i]) cs_free(impl_->scratch[i], 1);
        if (impl_->handle[i]) cs_close(&impl_->handle[i]);
    }
    delete impl_;
}

Instruction Decoder::decode(const std::uint8_t* bytes, std::size_t available, unsigned code_size) {
    truncated_ = false;
    const unsigned slot = available >= sizeof(std::uint64_t) ? cache_slot(bytes, code_size) : 0;
    Cached& cached = impl_->cache[slot];
    if (cached.code_size == code_size && cached.insn.length <= available &&
        std::memcmp(cached.insn.bytes, bytes, cached.insn.length) == 0)
        return cached.insn;

    const Instruction nothing;
    Instruction insn;
    const Layout layout = parse_layout(bytes, available, code_size, insn);
    truncated_ = layout == Layout::truncated;
    if (layout == Layout::too_long) {
        Instruction overlong;
        overlong.too_long = true;
        return overlong;
    }
    if (layout != Layout::complete) return nothing;

    const Verdict verdict = classify(insn);
    if (verdict == Verdict::undefined) return nothing;
    if (verdict == Verdict::ask_capstone &&
        !impl_->capstone_agrees(insn, bytes, available, code_size == 4 ? 0 : 1))
        return nothing;
    cached.code_size = static_cast<std::uint8_t>(code_size);
    cached.insn = insn;
    return insn;
}

unsigned Decoder::foreign_length(const std::uint8_t* bytes, std::size_t available, unsigned code_size) {
    Instruction insn;
    if (parse_layout(bytes, available, code_size, insn) == Layout::complete &&
        classify(insn) == Verdict::undefined)
        return insn.length;
    const unsigned which = code_size == 4 ? 0 : 1;
    std::uint64_t address = 0;
    std::size_t left = available < kMaxLength ? available : kMaxLength;
    if (!cs_disasm_iter(impl_->handle[which], &bytes, &left, &address, impl_->scratch[which])) return 0;
    return impl_->scratch[which]->size;
}

std::string Decoder::text(const std::uint8_t* bytes, std::size_t available, std::uint32_t address,
                          unsigned code_size) {
    cs_insn* insn = nullptr;
    const std::size_t count =
        cs_disasm(impl_->handle[code_size == 4 ? 0 : 1], bytes, available, address, 1, &insn);
    if (count == 0) return "(bad)";
    std::string text = insn->mnemonic;
    if (insn->op_str[0]) text = text + " " + insn->op_str;
    cs_free(insn, count);
    return text;
}

AssemblerText Decoder::att(const std::uint8_t* bytes, std::size_t available, std::uint32_t address,
                           unsigned code_size) {
    const csh handle = impl_->handle[code_size == 4 ? 0 : 1];
    cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    cs_insn* insn = nullptr;
    const std::size_t count = cs_disasm(handle, bytes, available, address, 1, &insn);
    AssemblerText text{"(bad)", "", 1};
    if (count != 0) {
        text = {insn->mnemonic, insn->op_str, insn->size};
        cs_free(insn, count);
    }
    cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_INTEL);
    return text;
}

}  // namespace ringpress
