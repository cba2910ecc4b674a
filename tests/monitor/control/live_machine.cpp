// The monitor at guests that really run, in processes of their own.
#include "monitor/control/live_machine.hpp"

#include "../guest_run.hpp"
#include "monitor/control/control_client.hpp"
#include "monitor/vm_directory.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

/// A machine with a name, and a connection to it.
class NamedRun {
  public:
    NamedRun(const std::string& engine, const GuestCode& code, std::vector<std::string> more = {})
        : name("live-test." + std::to_string(getpid())), run_(engine, code, with_name(more)) {}

    GuestRun& run() { return run_; }
    std::string ask(const std::string& line) {
        if (!client_) {
            REQUIRE(eventually([&] {
                const auto names = running_vm_names();
                return std::find(names.begin(), names.end(), name) != names.end();
            }));
            client_.emplace(name);
        }
        return client_->monitor(line);
    }
    std::uint64_t eax() { return std::stoull(ask("p/u $eax")); }
    /// The guest has come on; it is given time to, since each look stops it.
    bool counts_beyond(std::uint64_t before) {
        return eventually([&] {
            usleep(20000);
            return eax() > before;
        });
    }

    const std::string name;

  private:
    std::vector<std::string> with_name(std::vector<std::string> more) const {
        more.insert(more.end(), {"--name", name});
        return more;
    }
    GuestRun run_;
    std::optional<ControlClient> client_;
};

}  // namespace

TEST_CASE("A running guest is looked at, stopped and continued") {
    const std::string engine = GENERATE("seccomp", "ptrace");
    INFO(engine);
    NamedRun vm(engine, kBusyGuest, {"--sensitive", "trap"});
    REQUIRE(vm.run().is_up());
    // The loop of the busy guest: inc %eax; out; jmp.
    CHECK_THAT(vm.ask("x/1xb $eip"), Contains("0x40") || Contains("0xe6") || Contains("0xeb"));
    CHECK(vm.counts_beyond(vm.eax()));
    CHECK(vm.ask("info status") == "VM status: running\n");

    vm.ask("stop");
    CHECK(vm.ask("info status") == "VM status: paused\n");
    const std::uint64_t stopped = vm.eax();
    usleep(20000);
    CHECK(vm.eax() == stopped);
    for (int i = 0; i < 3; ++i) CHECK(vm.ask("step") == "");
    CHECK(vm.eax() == stopped + 1);
    CHECK(vm.ask("next-trap") == "");
    CHECK(vm.ask("info status") == "VM status: paused\n");

    vm.ask("cont");
    CHECK(vm.counts_beyond(stopped + 2));
    vm.ask("quit");
    CHECK(vm.run().wait() == 0);
}

TEST_CASE("A halted guest is looked at and stopped, too") {
    const std::string engine = GENERATE("seccomp", "ptrace");
    INFO(engine);
    NamedRun vm(engine, kIdleGuest);
    REQUIRE(vm.run().is_up());
    CHECK(eventually([&] { return vm.ask("info registers").find("HLT=1") != std::string::npos; }));
    vm.ask("stop");
    CHECK(vm.ask("info status") == "VM status: paused\n");
    vm.ask("cont");
    CHECK(vm.ask("info status") == "VM status: running\n");
    vm.ask("quit");
    CHECK(vm.run().wait() == 0);
}

TEST_CASE("A guest that is reset by the monitor starts over, and the connection stays") {
    NamedRun vm("seccomp", kBusyGuest);
    REQUIRE(vm.run().is_up());
    vm.ask("system_reset");
    CHECK(eventually([&] { return vm.run().terminal().shows_again("{}"); }));
    CHECK(vm.ask("info status") == "VM status: running\n");
}

TEST_CASE("A snapshot goes on in a new process under either engine, and in its own") {
    const std::string engine = GENERATE("seccomp", "ptrace"), other = GENERATE("seccomp", "ptrace");
    INFO(engine << " to " << other);
    const TemporaryFolder folder;
    const std::string file = folder.path("snapshot");
    std::uint64_t saved = 0;
    {
        NamedRun vm(engine, kBusyGuest);
        REQUIRE(vm.run().is_up());
        vm.ask("stop");
        saved = vm.eax();
        CHECK(vm.ask("savevm " + file) == "");
        vm.ask("cont");
        CHECK(vm.counts_beyond(saved));
        vm.ask("stop");
        CHECK(vm.ask("loadvm " + file) == "");
        CHECK(eventually([&] { return vm.eax() == saved; }));
        vm.ask("quit");
        CHECK(vm.run().wait() == 0);
    }
    NamedRun vm(other, kBusyGuest, {"--load", file, "-S"});
    CHECK(eventually([&] { return vm.eax() == saved; }));
    vm.ask("cont");
    CHECK(vm.counts_beyond(saved));
    vm.ask("quit");
    CHECK(vm.run().wait() == 0);
    CHECK_FALSE(vm.run().terminal().shows_again("{}"));
}

TEST_CASE("A snapshot that is damaged or does not fit is refused, and the guest goes on") {
    const TemporaryFolder folder;
    const std::string file = folder.path("snapshot");
    NamedRun vm("seccomp", kBusyGuest);
    REQUIRE(vm.run().is_up());
    CHECK(vm.ask("savevm " + file) == "");
    CHECK_THAT(vm.ask("savevm /no/such/folder/x"), Contains("cannot write the snapshot"));
    const std::string whole = content_of(file);
    const std::string cut = folder.file("cut", whole.substr(0, whole.size() / 2));
    CHECK_THAT(vm.ask("loadvm " + cut), Contains("damaged"));
    CHECK_THAT(vm.ask("loadvm " + folder.file("text", "text")), Contains("is no snapshot"));
    CHECK_THAT(vm.ask("loadvm"), Contains("needs a file"));
    CHECK(vm.counts_beyond(vm.eax()));
    vm.ask("quit");
    CHECK(vm.run().wait() == 0);

    GuestRun larger("seccomp", kBusyGuest, {"--load", file, "-m", "8"});
    CHECK(larger.wait() != 0);
}

TEST_CASE("Ctrl-A c brings the monitor to the guest's terminal and takes it away again") {
    const std::string engine = GENERATE("seccomp", "ptrace");
    INFO(engine);
    GuestRun run(engine, kBusyGuest);
    REQUIRE(run.is_up());
    REQUIRE(run.terminal().becomes_raw(true));
    run.terminal().type("\001c");
    CHECK(run.terminal().shows("monitor - type 'help'"));
    run.terminal().type("p 6*7\r");
    CHECK(run.terminal().shows("0x2a"));
    run.terminal().type("\001c");
    run.terminal().type("p 7*7\r");
    usleep(50000);
    run.terminal().type("\001cquit\r");
    CHECK(run.wait() == 0);
    CHECK(run.terminal().screen().find("0x31") == std::string::npos);
}
