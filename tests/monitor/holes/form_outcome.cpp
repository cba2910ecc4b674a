#include "monitor/holes/form_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "shadow/vcpu.hpp"

using namespace ringpress;

namespace {

const KnownForm& form_of(InsnId id) {
    const auto forms = instruction_forms();
    return *std::find_if(forms.begin(), forms.end(), [id](const KnownForm& f) { return f.id == id; });
}
constexpr unsigned kPushed = unsigned{kResultStack} + kFormFreeWords - 1;  // the word below the first ESP
const KnownForm& popf = form_of(InsnId::popf);

FormOutcome ended(const KnownForm& form, std::uint32_t flags) {
    FormOutcome o;
    o.start_flags = form.start_flags();
    o.start_cs = o.words[kResultCs] = kGuestCode;
    o.words[kResultVector] = kEndVector;
    o.words[kResultEip] = end_of(form);
    o.words[kResultEflags] = flags;
    return o;
}
FormOutcome faulted(const KnownForm& form, std::uint32_t vector, std::uint32_t error, std::uint32_t eip = 0) {
    FormOutcome o = ended(form, form.start_flags());
    o.words[kResultVector] = vector;
    o.words[kResultError] = error;
    o.words[kResultEip] = eip;
    return o;
}

std::string line_of(unsigned number, const FormOutcome& o) {
    std::string line = fmt::format("{:x}", number);
    for (const std::uint32_t word : o.words) line += fmt::format(" {:x}", word);
    return line;
}

}  // namespace

TEST_CASE("A line of the guest kernel becomes an outcome, and anything else does not") {
    FormOutcome o = ended(popf, eflags::FIXED1);
    o.words[kResultEip] += 2;  // behind the int
    const auto number = static_cast<unsigned>(&popf - instruction_forms().data());
    const auto parsed = parse_outcome(line_of(number, o));
    REQUIRE(parsed);
    CHECK(parsed->form == number);
    CHECK(parsed->outcome.reached_end());
    CHECK(parsed->outcome[kResultEip] == end_of(popf));
    CHECK(parsed->outcome.start_flags == popf.start_flags());
    CHECK_FALSE(parsed->outcome.unsteady);
    CHECK(parse_outcome(line_of(number, o) + " unsteady")->outcome.unsteady);
    for (const std::string& bad :
         {std::string(), std::string("begin 3"), std::string("end"), line_of(9999, o),
          line_of(number, o) + " 1", line_of(number, o).substr(0, 20)})
        CHECK_FALSE(parse_outcome(bad));
}

TEST_CASE("A flag that the instruction did not change does not count, one that it should have does") {
    const FormOutcome right = ended(popf, eflags::FIXED1);  // IF 1 to 0
    CHECK(differences(popf, right, right).empty());
    const FormOutcome lost = ended(popf, eflags::FIXED1 | eflags::IF);
    CHECK(differences(popf, lost, right) == std::vector<std::string>{"IF = 1, not 0"});
    CHECK(outcome_text(popf, right) == "IF 1 to 0");

    const KnownForm& pushf = form_of(InsnId::pushf);  // with interrupts off, which a process cannot have
    FormOutcome guest = ended(pushf, eflags::FIXED1), process = ended(pushf, eflags::FIXED1 | eflags::IF);
    process.start_flags |= eflags::IF;
    CHECK(differences(pushf, process, guest).empty());
    guest.words[kPushed] = 2;
    process.words[kPushed] = 0x202;
    CHECK(differences(pushf, process, guest) == std::vector<std::string>{"pushes 00000202, not 00000002"});
}

TEST_CASE("A fault on one side alone is the whole difference") {
    const FormOutcome runs = ended(popf, eflags::FIXED1), gp = faulted(popf, 13, 0x20);
    CHECK(gp.faulted());
    CHECK(differences(popf, runs, gp) == std::vector<std::string>{"runs, no #GP(20)"});
    CHECK(differences(popf, gp, runs) == std::vector<std::string>{"#GP(20)"});
    CHECK(differences(popf, gp, gp).empty());
    CHECK_FALSE(differences(popf, faulted(popf, 13, 0), gp).empty());
    CHECK(exception_text(6, 0) == "#UD");
    CHECK(exception_text(13, 0) == "#GP(0)");
    CHECK(exception_text(0x80, 0) == "vector 80");
}

TEST_CASE("What is read through a loaded segment tells whose descriptor it was") {
    const KnownForm& load = form_of(InsnId::mov_to_seg);
    FormOutcome own = ended(load, load.start_flags()), flat = own, fault = own;
    own.words[kResultEdx] = kBaseWord;
    flat.words[kResultEdx] = kFlatWord;
    CHECK(outcome_text(load, own).find("the guest's segment") != std::string::npos);
    CHECK(differences(load, flat, own) == std::vector<std::string>{"the host's segment"});
    // A fault of the read behind the instruction is not a fault of the instruction.
    fault = faulted(load, 14, 4, load.form.length);
    CHECK_FALSE(fault.faulted());
}

TEST_CASE("Results that are the time, or the model of the processor, are not compared by value") {
    const KnownForm& rdtsc = form_of(InsnId::rdtsc);
    FormOutcome a = ended(rdtsc, rdtsc.start_flags()), b = a;
    a.words[kResultEax] = 1, b.words[kResultEax] = 2;
    CHECK(differences(rdtsc, a, b).empty());
    const KnownForm& cpuid = form_of(InsnId::cpuid);
    CHECK(differences(cpuid, a, b) == std::vector<std::string>{"eax 00000001, not 00000002"});
}
