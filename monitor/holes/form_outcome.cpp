#include "monitor/holes/form_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "shadow/fault.hpp"
#include "shadow/vcpu.hpp"

namespace ringpress {

namespace {

constexpr unsigned kObserverBytes = 3;  // mov %seg:(%esi),%edx

struct Flag {
    const char* name;
    std::uint32_t mask;
    unsigned shift;
};
constexpr Flag kFlags[] = {{"IF", eflags::IF, 9},  {"IOPL", eflags::IOPL, 12}, {"ZF", eflags::ZF, 6},
                           {"NT", eflags::NT, 14}, {"TF", eflags::TF, 8},      {"DF", eflags::DF, 10},
                           {"OF", eflags::OF, 11}, {"SF", eflags::SF, 7},      {"CF", eflags::CF, 0},
                           {"AC", eflags::AC, 18}};

constexpr std::uint32_t kRegisters[] = {kResultEax, kResultEcx, kResultEdx};
constexpr const char* kRegisterNames[] = {"eax", "ecx", "edx"};

std::uint32_t start_of(const KnownForm& form, std::uint32_t word) {
    return word == kResultEax ? form.form.eax : word == kResultEcx ? form.form.ecx : form.form.edx;
}

bool stores_table(InsnId id) {
    return id == InsnId::sgdt || id == InsnId::sidt;
}
/// Six bytes of memory, as sgdt and sidt leave them.
std::string table_text(const FormOutcome& o) {
    const std::uint32_t low = o.words[kResultMem], high = o.words[kResultMem + 1];
    return fmt::format("base {:08x} limit {:04x}", low >> 16 | high << 16, low & 0xFFFF);
}

/// ESP behind a change of stack is an address of the place, not a distance.
constexpr std::int32_t kFarAway = 64;
constexpr const char* kNewStack = "new stack";
std::string stack_text(std::uint32_t moved) {
    const auto distance = static_cast<std::int32_t>(moved);
    if (distance > kFarAway || distance < -kFarAway) return kNewStack;
    return fmt::format("esp {:+}", distance);
}

bool memory_equal(const FormOutcome& a, const FormOutcome& b, unsigned first, unsigned count) {
    return std::equal(a.words.begin() + first, a.words.begin() + first + count, b.words.begin() + first);
}

/// The first word that differs: "pushes 00000202, not 00000002".
std::string word_difference(const FormOutcome& got, const FormOutcome& right, unsigned first, unsigned count,
                            std::string_view what) {
    for (unsigned i = first; i < first + count; ++i) {
        if (got.words[i] != right.words[i])
            return fmt::format("{} {:08x}, not {:08x}", what, got.words[i], right.words[i]);
    }
    return {};
}

}  // namespace

bool FormOutcome::faulted() const {
    // Faults leave EIP at the instruction, traps behind it; what observes the effect can only fault, for want
    // of a segment or a page.
    const std::uint32_t vector = words[kResultVector];
    const bool of_access =
        vector >= static_cast<unsigned>(Vector::TS) && vector <= static_cast<unsigned>(Vector::PF);
    return !reached_end() && (words[kResultEip] == 0 || !of_access);
}

unsigned end_of(const KnownForm& form) {
    return form.form.length + (form.form.observe ? kObserverBytes : 0u);
}

std::optional<NumberedOutcome> parse_outcome(std::string_view line) {
    NumberedOutcome result{};
    constexpr std::string_view kUnsteady = " unsteady";
    if (line.ends_with(kUnsteady)) {
        result.outcome.unsteady = true;
        line.remove_suffix(kUnsteady.size());
    }
    const auto next = [&](std::uint32_t& value) {
        while (line.starts_with(' ')) line.remove_prefix(1);
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
        if (error != std::errc()) return false;
        line.remove_prefix(static_cast<std::size_t>(end - line.data()));
        return true;
    };
    std::uint32_t number = 0;
    if (!next(number) || number >= instruction_forms().size()) return std::nullopt;
    for (std::uint32_t& word : result.outcome.words)
        if (!next(word)) return std::nullopt;
    if (!line.empty()) return std::nullopt;
    const KnownForm& form = instruction_forms()[number];
    result.form = number;
    result.outcome.start_flags = form.start_flags();
    result.outcome.start_cs = kGuestCode;
    // `int` leaves EIP behind itself; the end is where it begins.
    constexpr unsigned kIntBytes = 2;
    if (result.outcome.reached_end()) result.outcome.words[kResultEip] -= kIntBytes;
    return result;
}

std::string exception_text(std::uint32_t vector, std::uint32_t error) {
    constexpr std::string_view names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                          "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
                                          "#PF", "",    "#MF", "#AC", "#MC", "#XM"};
    constexpr std::uint32_t with_error = 1u << 8 | 0x1Fu << 10 | 1u << 17;  // SDM Vol. 3A, table 6-1
    if (vector >= std::size(names) || names[vector].empty()) return fmt::format("vector {:02x}", vector);
    if (!(with_error >> vector & 1u)) return std::string(names[vector]);
    return error == 0 ? fmt::format("{}(0)", names[vector]) : fmt::format("{}({:02x})", names[vector], error);
}

std::vector<std::string> differences(const KnownForm& form, const FormOutcome& got,
                                     const FormOutcome& right) {
    std::vector<std::string> list;
    const auto add = [&](std::string text) {
        if (!text.empty()) list.push_back(std::move(text));
    };
    if (got[kResultVector] != right[kResultVector] || got[kResultError] != right[kResultError]) {
        if (got.reached_end())
            add(fmt::format("runs, no {}", exception_text(right[kResultVector], right[kResultError])));
        else
            add(fmt::format("{}{}", exception_text(got[kResultVector], got[kResultError]),
                            got.faulted() ? "" : " behind it"));
        // What both have left behind says little beside that one of them faulted.
        return list;
    }
    if (got[kResultEip] != right[kResultEip])
        add(fmt::format("eip +{}, not +{}", got[kResultEip], right[kResultEip]));
    if (!got.reached_end()) return list;

    const std::uint32_t changed =
        (got.start_flags ^ got[kResultEflags]) | (right.start_flags ^ right[kResultEflags]);
    for (const Flag& f : kFlags) {
        const std::uint32_t is = got[kResultEflags] & f.mask, should = right[kResultEflags] & f.mask;
        if ((changed & f.mask) && is != should)
            add(fmt::format("{} = {}, not {}", f.name, is >> f.shift, should >> f.shift));
    }
    const bool cs_changed = got[kResultCs] != got.start_cs || right[kResultCs] != right.start_cs;
    if (cs_changed && got[kResultCs] != right[kResultCs])
        add(fmt::format("cs {:02x}, not {:02x}", got[kResultCs], right[kResultCs]));
    if (stack_text(got[kResultEsp]) != stack_text(right[kResultEsp]))
        add(fmt::format("{}, not {}", stack_text(got[kResultEsp]), stack_text(right[kResultEsp])));
    if (form.form.varies) return list;

    for (unsigned i = 0; i < std::size(kRegisters); ++i) {
        const std::uint32_t is = got.words[kRegisters[i]], should = right.words[kRegisters[i]];
        if (is == should) continue;
        if (kRegisters[i] == kResultEdx && form.form.observe)
            add(is == kFlatWord ? "the host's segment" : "reads from elsewhere");
        else
            add(fmt::format("{} {:08x}, not {:08x}", kRegisterNames[i], is, should));
    }
    if (stores_table(form.id)) {
        if (!memory_equal(got, right, kResultMem, 2))
            add(fmt::format("{}, not {}", table_text(got), table_text(right)));
    } else {
        add(word_difference(got, right, kResultMem, kFormMemWords, "stores"));
    }
    if (stack_text(got[kResultEsp]) == stack_text(right[kResultEsp]) &&
        stack_text(got[kResultEsp]) != kNewStack)
        add(word_difference(got, right, kResultStack, kFormFreeWords + kFormStackWords, "pushes"));
    return list;
}

std::string outcome_text(const KnownForm& form, const FormOutcome& o) {
    if (!o.reached_end()) {
        const std::string event = exception_text(o[kResultVector], o[kResultError]);
        return o.faulted() ? event : event + " behind it";
    }
    std::vector<std::string> parts;
    const std::uint32_t changed = o.start_flags ^ o[kResultEflags];
    for (const Flag& f : kFlags) {
        if (changed & f.mask)
            parts.push_back(fmt::format("{} {} to {}", f.name, (o.start_flags & f.mask) >> f.shift,
                                        (o[kResultEflags] & f.mask) >> f.shift));
    }
    if (o[kResultCs] != o.start_cs) parts.push_back(fmt::format("cs = {:02x}", o[kResultCs]));
    for (unsigned i = 0; i < std::size(kRegisters); ++i) {
        const std::uint32_t value = o.words[kRegisters[i]];
        if (value == start_of(form, kRegisters[i])) continue;
        if (kRegisters[i] == kResultEdx && form.form.observe)
            parts.push_back(value == kBaseWord   ? "the guest's segment"
                            : value == kFlatWord ? "a flat segment"
                                                 : fmt::format("the segment reads {:08x}", value));
        else
            parts.push_back(fmt::format("{} = {:08x}", kRegisterNames[i], value));
    }
    if (stores_table(form.id)) {
        parts.push_back(table_text(o));
    } else {
        for (unsigned i = 0; i < kFormMemWords; ++i) {
            const std::uint32_t before = form.form.mem[i], after = o.words[kResultMem + i];
            const bool stand_in = before == kOwnGdtr || before == kOwnIdtr;
            if (after != before && !stand_in) parts.push_back(fmt::format("stores {:08x}", after));
        }
    }
    for (unsigned i = kFormFreeWords; i-- > 0;) {
        if (stack_text(o[kResultEsp]) == kNewStack) break;
        const std::uint32_t pushed = o.words[kResultStack + i];
        if (pushed != 0)
            parts.push_back(pushed == kNextAddress ? "pushes eip" : fmt::format("pushes {:08x}", pushed));
    }
    if (stack_text(o[kResultEsp]) == kNewStack) parts.push_back(kNewStack);
    return parts.empty() ? "done" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace ringpress
