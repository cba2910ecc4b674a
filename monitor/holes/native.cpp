#include "monitor/holes/native.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <vector>

#include "monitor/doctor_child.hpp"
#include "monitor/doctor_compat.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

namespace {

using Code = std::vector<std::uint8_t>;

/// The page of data, as the guest kernel lays its own out.
struct Area {
    std::uint32_t room[256];
    std::uint32_t below[kFormFreeWords], stack[kFormStackWords], mem[kFormMemWords], witness[8];
};

static_assert(kResultWords <= std::size(ProbeAnswer{}.words));

void append(Code& code, std::initializer_list<std::uint8_t> bytes) {
    code.insert(code.end(), bytes);
}
void load(Code& code, std::uint8_t opcode, std::uint32_t value) {
    code.push_back(opcode);
    append32(code, value);
}

/// mov $value to every register and EFLAGS that a form starts with.
Code prologue(const KnownForm& form, std::uint32_t area, std::uint32_t flags) {
    const auto at = [area](std::size_t offset) { return area + static_cast<std::uint32_t>(offset); };
    Code code;
    load(code, 0x68, flags);  // push
    append(code, {0x9D});     // popf
    load(code, 0xB8, form.form.eax);
    load(code, 0xB9, form.form.ecx);
    load(code, 0xBA, form.form.edx);
    load(code, 0xBB, at(offsetof(Area, mem)));
    load(code, 0xBF, at(offsetof(Area, mem)));      // edi
    load(code, 0xBE, at(offsetof(Area, witness)));  // esi
    load(code, 0xBC, at(offsetof(Area, stack)));    // esp
    return code;
}

void put_word(Code& code, std::size_t at, std::uint32_t value) {
    std::memcpy(code.data() + at, &value, sizeof value);
}

Code assemble(const KnownForm& form, const Code& before, std::uint32_t base, std::uint32_t& next) {
    Code code = before;
    code.insert(code.end(), form.bytes().begin(), form.bytes().end());
    next = base + static_cast<std::uint32_t>(code.size());
    for (std::size_t i = before.size(); i + 4 <= code.size(); ++i) {
        std::uint32_t word;
        std::memcpy(&word, code.data() + i, sizeof word);
        if (word == kNextAddress) put_word(code, i, next);
    }
    if (form.form.observe) append(code, {form.form.observe, 0x8B, 0x16});  // mov %seg:(%esi),%edx
    code.push_back(0xCC);
    return code;
}

void fill(Area& area, const KnownForm& form, std::uint32_t next) {
    area = {};
    std::memcpy(area.mem, form.form.mem, sizeof area.mem);
    std::memcpy(area.stack, form.form.stack, sizeof area.stack);
    for (auto* words : {area.mem, area.stack})
        for (unsigned i = 0; i < (words == area.mem ? kFormMemWords : kFormStackWords); ++i)
            if (words[i] == kNextAddress) words[i] = next;
    area.witness[0] = kFlatWord;
    area.witness[4] = kBaseWord;
}

/// Into the words of FormWord.  `before` is the length of the prologue.
void read_result(const KnownForm& form, const CompatOutcome& o, const Area& area, std::uint32_t esp_before,
                 std::uint32_t before, std::uint32_t next, std::uint32_t* w) {
    const auto relative = [next](std::uint32_t v) { return v == next ? std::uint32_t{kNextAddress} : v; };
    const std::uint32_t eip = o.eip - before;
    const bool end = o.signal == SIGTRAP && eip == end_of(form) + 1;
    w[kResultVector] = end ? std::uint32_t{kEndVector} : o.vector;
    w[kResultError] = end ? 0 : o.error;
    w[kResultEip] = end ? eip - 1 : eip;
    w[kResultEax] = o.eax;
    w[kResultEcx] = o.ecx;
    w[kResultEdx] = o.edx;
    w[kResultEflags] = o.eflags;
    w[kResultCs] = o.cs;
    w[kResultEsp] = o.esp - esp_before;
    for (unsigned i = 0; i < kFormMemWords; ++i) w[kResultMem + i] = relative(area.mem[i]);
    for (unsigned i = 0; i < kFormFreeWords + kFormStackWords; ++i) {
        // What lies below ESP does not count, half words included (a 16-bit push).
        const std::uint32_t word = i < kFormFreeWords ? area.below[i] : area.stack[i - kFormFreeWords];
        const std::uint32_t at = esp_before + 4 * i - 4 * kFormFreeWords;
        const std::uint32_t below = o.esp <= at ? 0 : o.esp - at;
        w[kResultStack + i] = below >= 4 ? 0 : below ? word >> 8 * below : relative(word);
    }
}

/// In the child: runs the form, and measures it if it runs and belongs to those that the kernel may answer.
void probe(const KnownForm& form, ProbeAnswer& answer) {
    CompatCode compat;
    auto& area = *static_cast<Area*>(compat.data());
    const std::uint32_t esp = compat.data_address() + static_cast<std::uint32_t>(offsetof(Area, stack));
    const Code before = prologue(form, compat.data_address(), form.start_flags() & ~eflags::IF);
    std::uint32_t next = 0;
    const Code code = assemble(form, before, compat.code_address(), next);
    fill(area, form, next);
    const auto began = static_cast<std::uint32_t>(before.size());
    const CompatOutcome o = compat.run(code);
    read_result(form, o, area, esp, began, next, answer.words);
    answer.values[0] = o.eip - began <= code.size() - began;
    answer.values[1] = o.eax == static_cast<std::uint32_t>(getpid());
    if (answer.words[kResultVector] == kEndVector && info(form.id).insn_class == InsnClass::host)
        answer.costs[0] = compat.nanoseconds_each({form.bytes().begin(), form.bytes().end()}, before);
}

}  // namespace

NativeRun run_natively(const KnownForm& form) {
    const ProbeAnswer answer = in_child([&form](ProbeAnswer& a) { probe(form, a); });
    NativeRun run;
    if (!answer.finished) {
        run.lost = failure(answer);
        return run;
    }
    std::copy_n(answer.words, run.outcome.words.size(), run.outcome.words.begin());
    run.outcome.start_flags = form.start_flags() | eflags::IF;
    run.outcome.start_cs = CompatCode::kUserCode32;
    run.came_back = answer.values[0] != 0;
    if (!run.came_back) run.lost = "execution went on somewhere else";
    run.host_call = answer.values[1] != 0;
    run.nanoseconds = answer.costs[0];
    run.kernel_answered = answer.costs[0] > CompatCode::kAnsweredNanoseconds;
    return run;
}

}  // namespace ringpress
