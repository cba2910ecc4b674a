// The report itself, with everything executed on the host that runs the tests.
#include "monitor/holes/findings.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <map>
#include <set>

#include "monitor/holes/count.hpp"
#include "monitor/holes/levels.hpp"
#include "monitor/holes/native.hpp"

using namespace ringpress;

namespace {

const HolesReport& report() {
    static const HolesReport r = find_holes();
    return r;
}

const KnownForm& form_with(InsnId id, std::uint8_t first_byte) {
    const auto forms = instruction_forms();
    return *std::find_if(forms.begin(), forms.end(),
                         [&](const KnownForm& f) { return f.id == id && f.form.bytes[0] == first_byte; });
}

std::string output_of(const std::string& command) {
    std::string text;
    std::FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe);
    char chunk[4096];
    while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, pipe)) text.append(chunk, n);
    pclose(pipe);
    return text;
}

}  // namespace

TEST_CASE("Executed at ring 3, cli faults, popf loses IF, and int 0x80 calls the host") {
    const NativeRun cli = run_natively(form_with(InsnId::cli, 0xFA));
    REQUIRE(cli.came_back);
    CHECK(cli.outcome.faulted());
    CHECK(cli.outcome[kResultVector] == 13);
    CHECK(cli.outcome[kResultEip] == 0);

    const NativeRun popf = run_natively(form_with(InsnId::popf, 0x9D));
    REQUIRE(popf.came_back);
    CHECK(popf.outcome.reached_end());
    CHECK(popf.outcome[kResultEflags] & kFormIF);
    CHECK(popf.outcome[kResultEsp] == 4);

    const auto forms = instruction_forms();
    const auto int80 = std::find_if(forms.begin(), forms.end(), [](const KnownForm& f) {
        return f.id == InsnId::int_n && f.form.bytes[1] == 0x80;
    });
    CHECK(run_natively(*int80).host_call);
}

TEST_CASE("Privileged instructions fault on every host, and the classic holes are holes") {
    for (const FormFinding& f : report().forms) {
        INFO(f.text << ": " << f.host_text);
        if (info(f.form->id).insn_class == InsnClass::privileged) CHECK(f.host == HostAnswer::faults);
        if (f.host == HostAnswer::unknown) FAIL("not judged");
    }
    for (const InsnId id : {InsnId::pushf, InsnId::popf, InsnId::push_seg, InsnId::mov_from_seg, InsnId::lar,
                            InsnId::iret, InsnId::far_jmp, InsnId::lfs})
        CHECK(is_hole(worst_answer(report(), id)));
    // Whether it is the processor or the kernel who answers depends on the host; the monitor hears of
    // neither.
    CHECK(is_hole(worst_answer(report(), InsnId::sgdt)));
}

TEST_CASE("A guest's ring 0 gets the same from every form under trap and inline, and open holes show") {
    REQUIRE(report().no_guest.empty());
    unsigned wrong = 0;
    for (const FormFinding& f : report().forms) {
        INFO(f.text << " (" << f.form->form.note << "): " << f.levels[1].what << f.levels[2].what);
        CHECK(f.levels[1].answer == GuestAnswer::right);
        CHECK(f.levels[2].answer == GuestAnswer::right);
        // What faults can be emulated at every level, but for the int3 that the views themselves are made of.
        if (f.host == HostAnswer::faults && f.text != "int 3")
            CHECK(f.levels[0].answer == GuestAnswer::right);
        if (f.host == HostAnswer::silent) CHECK(f.levels[0].answer != GuestAnswer::right);
        wrong += f.levels[0].answer == GuestAnswer::wrong;
    }
    CHECK(wrong > 20);
}

TEST_CASE("What the guest kernel finds at ring 0 is what QEMU's ring 0 does") {
    if (access("/usr/bin/qemu-system-i386", X_OK) != 0) return;
    const std::string output = output_of(
        "timeout 30 qemu-system-i386 -M pc -cpu qemu32,-sep -m 16 -display none -serial none -no-reboot "
        "-debugcon stdio -kernel " HOLES_KERNEL " </dev/null 2>/dev/null");
    const LevelRun qemu = parse_level_run(output);
    const LevelRun ours = run_levels({Sensitive::trap}).front();
    REQUIRE(qemu.outcomes.size() == instruction_forms().size());
    REQUIRE(ours.outcomes.size() == instruction_forms().size());
    // Another processor model, and what TCG is known to do differently: sysenter and sysexit without SEP are
    // #GP, rdpmc and int1 are #UD.
    const std::set<InsnId> other = {InsnId::cpuid, InsnId::rdpmc, InsnId::sysenter, InsnId::sysexit,
                                    InsnId::int1};
    for (const auto& [number, right] : qemu.outcomes) {
        const KnownForm& form = instruction_forms()[number];
        if (other.count(form.id)) continue;
        const auto found = differences(form, ours.outcomes.at(number), right);
        INFO(explanation(form.id).key << " " << form.form.note << ": "
                                      << (found.empty() ? "" : found.front()));
        CHECK(found.empty());
    }
}

TEST_CASE("Lines of a run tell outcomes, ends and failures apart") {
    const LevelRun run =
        parse_level_run("begin 3\n\ndied 3 the guest died of a triple fault\nfailed no memory");
    CHECK(run.outcomes.empty());
    CHECK(run.ends == std::map<unsigned, std::string>{{3, "the guest died of a triple fault"}});
    CHECK(run.failure == "no memory");
    CHECK(parse_level_run("").failure.empty());
}

TEST_CASE("The list of the literature has eighteen names, which are nineteen lines of the table") {
    const HolesCount c = count_holes(report());
    CHECK(c.printed.size() == 18);
    CHECK(c.printed_lines == 19);
    CHECK(c.forms == instruction_forms().size());
    unsigned by_answer = 0;
    for (const unsigned n : c.instructions_by_answer) by_answer += n;
    CHECK(by_answer == c.instructions);
    CHECK(std::count(c.unlisted.begin(), c.unlisted.end(), "iret") == 1);
    CHECK(count_text(c, 80).find("17 instructions") != std::string::npos);
}
