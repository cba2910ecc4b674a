// Traces of real guests, from the trap to the file and back.
#include <signal.h>

#include <catch2/catch.hpp>
#include <initializer_list>

#include "../guest_run.hpp"
#include "monitor/trace/trace_file.hpp"
#include "monitor/trace/trap_causes.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t kStart = 0x100000;

/// Code with what a burst would run over in between, so that each of the parts traps by itself; then an exit.
GuestCode apart(std::initializer_list<GuestCode> parts) {
    GuestCode code;
    for (const GuestCode& part : parts) {
        code.insert(code.end(), part.begin(), part.end());
        code.insert(code.end(), 40, 0x90);
    }
    for (const int byte : {0x66, 0xBA, 0x01, 0x05, 0xEE})
        code.push_back(static_cast<std::uint8_t>(byte));  // out %al,$0x501
    return code;
}

TraceFile trace_of(const std::string& engine, const GuestCode& code, std::vector<std::string> options) {
    const TemporaryFolder folder;
    options.insert(options.end(), {"-device", "isa-debug-exit", "-trace", folder.path("trace")});
    GuestRun guest(engine, code, options);
    guest.wait();
    INFO(guest.terminal().screen());
    return read_trace(folder.path("trace"));
}

/// What does not depend on time: asynchronous events are left out.
std::vector<std::string> story(const TraceFile& trace) {
    std::vector<std::string> lines;
    for (const TraceEvent& e : trace.events) {
        if (e.cause == static_cast<std::uint8_t>(TrapCause::interrupt)) continue;
        std::string line(cause_name(e.cause));
        line += " " + std::to_string(trace.place(e).eip - kStart) + " ";
        line += instruction_of(trace, trace.place(e));
        line += " ";
        line += trace.text(e.handled);
        for (unsigned c = 0; c < e.changes; ++c) {
            const TraceChange& change = trace.changes[e.first_change + c];
            line += " " + std::string(kStateFields[change.field].name) + "=" + std::to_string(change.after);
        }
        lines.push_back(line);
    }
    return lines;
}

const GuestCode kCli = {0xFA}, kSti = {0xFB}, kMovCr0 = {0x0F, 0x20, 0xC0}, kPushPopf = {0x6A, 0x02, 0x9D};
const GuestCode kStack = {0xBC, 0x00, 0x80, 0x10, 0x00};  // mov $0x108000,%esp

}  // namespace

TEST_CASE("Both engines trace the same traps, with what each one changed") {
    const GuestCode code = apart({kStack, kCli, kMovCr0, kPushPopf, kCli});
    const std::vector<std::string> level = {"--sensitive", "trap"};
    const TraceFile seccomp = trace_of("seccomp", code, level), ptrace = trace_of("ptrace", code, level);
    CHECK(seccomp.complete);
    CHECK(seccomp.engine == "seccomp");
    CHECK(ptrace.engine == "ptrace");
    CHECK(seccomp.lost() == 0);
    CHECK(story(seccomp) == story(ptrace));
    std::vector<std::string> instructions;
    for (const TraceEvent& e : seccomp.events) {
        const TracePlace& place = seccomp.place(e);
        if (!place.insn) continue;
        instructions.emplace_back(seccomp.text(place.insn));
        CHECK(e.state[state_field_named("eip")] == place.eip);
        CHECK(e.cpl == 0);
        if (instructions.back() == "mov cr") {
            REQUIRE(e.changes >= 2);
            CHECK(seccomp.changes[e.first_change].field == state_field_named("eax"));
            CHECK(seccomp.changes[e.first_change].after == e.state[state_field_named("cr0")]);
        }
    }
    CHECK(instructions == std::vector<std::string>{"cli", "mov cr", "popf", "cli", "out"});
}

TEST_CASE("Gates are traced if they are asked for, and only then") {
    GuestCode code = {0xB9, 20, 0, 0, 0, 0xFA};  // mov $20,%ecx; 1: cli
    code.insert(code.end(), 40, 0x90);
    for (const int byte : {0x49, 0x75, 0xD4})
        code.push_back(static_cast<std::uint8_t>(byte));  // dec %ecx; jne 1b
    code = apart({code});
    const auto gates = [](const TraceFile& trace) {
        return std::count_if(trace.events.begin(), trace.events.end(), [](const TraceEvent& e) {
            return e.cause == static_cast<std::uint8_t>(TrapCause::gate);
        });
    };
    CHECK(gates(trace_of("seccomp", code, {})) == 0);
    const TraceFile traced = trace_of("seccomp", code, {"-d", "trap,gate"});
    CHECK(gates(traced) >= 10);
    for (const TraceEvent& e : traced.events) {
        if (e.cause != static_cast<std::uint8_t>(TrapCause::gate)) continue;
        CHECK(traced.place(e).eip == kStart + 5);
        CHECK(traced.text(traced.place(e).insn) == "cli");
        CHECK(traced.text(e.handled) == "gate");
    }
}

TEST_CASE("The trace of a run that was killed is there, but for its end") {
    const TemporaryFolder folder;
    for (const int signal : {SIGTERM, SIGKILL}) {
        GuestRun guest("seccomp", kBusyGuest, {"-trace", folder.path("trace")});
        REQUIRE(guest.is_up());
        REQUIRE(eventually([&] { return content_of(folder.path("trace")).size() > 10'000; }));
        kill(guest.pid(), signal);
        guest.wait();
        const TraceFile trace = read_trace(folder.path("trace"));
        CHECK(trace.events.size() > 10);
        CHECK(trace.complete == (signal == SIGTERM));
    }
}
