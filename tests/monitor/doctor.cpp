#include "monitor/doctor.hpp"

#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "monitor/doctor_child.hpp"
#include "monitor/doctor_compat.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;

TEST_CASE("A probe's answer comes back, and its crash, error or hang stays in the child") {
    const ProbeAnswer good = in_child([](ProbeAnswer& a) { a.values[0] = 42; });
    CHECK(good.finished);
    CHECK(good.values[0] == 42);
    const ProbeAnswer crashed = in_child([](ProbeAnswer&) { kill(getpid(), SIGKILL); });
    CHECK_FALSE(crashed.finished);
    CHECK(crashed.killed_by == SIGKILL);
    CHECK_THAT(failure(crashed), Contains("Killed"));
    const ProbeAnswer threw = in_child([](ProbeAnswer&) { throw std::runtime_error("no luck"); });
    CHECK_FALSE(threw.finished);
    CHECK(failure(threw) == "no luck");
}

TEST_CASE("32-bit code runs until it faults, and the fault says where") {
    const ProbeAnswer answer = in_child([](ProbeAnswer& a) {
        CompatCode code;
        const CompatOutcome trap = code.run({0xB8, 1, 0, 0, 0, 0xCC});  // mov $1,%eax; int3
        const CompatOutcome privileged = code.run({0x90, 0xFA});        // nop; cli
        const CompatOutcome undefined = code.run({0x0F, 0x0B});         // ud2
        a.values[0] = trap.signal;
        a.values[1] = trap.eax;
        a.values[2] = trap.eip;
        a.values[3] = privileged.signal;
        a.values[4] = privileged.eip;
        a.values[5] = undefined.signal;
        a.costs[0] = code.fault_nanoseconds({0xFA}, 100);
    });
    REQUIRE(answer.finished);
    CHECK(answer.values[0] == SIGTRAP);
    CHECK(answer.values[1] == 1);
    CHECK(answer.values[2] == 6);
    CHECK(answer.values[3] == SIGSEGV);
    CHECK(answer.values[4] == 1);
    CHECK(answer.values[5] == SIGILL);
    CHECK(answer.costs[0] > 50);
}

TEST_CASE("The doctor examines everything once, and a host that runs these tests can run guests") {
    const auto findings = examine_host();
    std::set<std::string> ids;
    for (const Finding& f : findings) {
        INFO(f.id);
        CHECK(ids.insert(f.id).second);
        CHECK_FALSE(f.finding.empty());
        if (f.verdict != HostVerdict::ok) CHECK((!f.cost.empty() || f.finding == "could not be measured"));
    }
    for (const char* id :
         {"compat", "modify_ldt", "cpuid_faulting", "tsc_faulting", "syscall_dispatch", "seccomp",
          "umip_sgdt", "umip_smsw", "low_memory", "max_map_count", "ptrace", "user_namespaces", "fsgsbase",
          "cost_cli", "cost_int3", "cost_ptrace", "cost_gate", "cost_map", "cost_ldt"}) {
        INFO(id);
        CHECK(ids.count(id) == 1);
    }
#ifndef __SANITIZE_ADDRESS__  // which has the low 4 GiB for itself
    CHECK(can_run_guests(findings));
#endif
}

TEST_CASE("Only what is essential and missing keeps guests from running") {
    const Finding fine{"a", "A", "yes", HostVerdict::ok, "", true};
    const Finding slower{"b", "B", "no", HostVerdict::slower, "slow", true};
    const Finding dispensable{"c", "C", "no", HostVerdict::missing, "less", false};
    const Finding fatal{"d", "D", "no", HostVerdict::missing, "no guests", true};
    CHECK(can_run_guests({fine, slower, dispensable}));
    CHECK_FALSE(can_run_guests({fine, fatal}));
    CHECK_THAT(doctor_text({fine, fatal}, false), Contains("cannot run") && Contains("-> no guests"));
    CHECK_THAT(doctor_text({fine}, false), !Contains("\033"));
    CHECK_THAT(doctor_text({fine}, true), Contains("\033[32m"));
    const auto json = nlohmann::json::parse(doctor_json({fine, fatal}));
    CHECK(json.at("can_run") == false);
    CHECK(json.at("findings").at(1).at("verdict") == "missing");
}
