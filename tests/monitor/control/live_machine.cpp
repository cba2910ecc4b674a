// The monitor at guests that really run, in processes of their own.
#include "monitor/control/live_machine.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include "../guest_run.hpp"
#include "monitor/control/control_client.hpp"
#include "monitor/exit_codes.hpp"
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

TEST_CASE("Looking at a guest leaves it the host's time-stamp counter, stopping it does not") {
    const std::string engine = GENERATE("seccomp", "ptrace");
    INFO(engine);
    NamedRun vm(engine, kBusyGuest, {"-S"});
    REQUIRE(eventually([&] { return vm.run().guest_pid() > 0; }));
    CHECK(eventually([&] { return vm.ask("info status") == "VM status: paused\n"; }));
    SharedArena shared(vm.run().pid());
    const auto offset = [&] { return shared.arena().cpu.msr.tsc_offset; };
    usleep(20000);
    vm.ask("cont");
    REQUIRE(eventually([&] { return shared.arena().trap_count.load() > 0; }));
    CHECK(offset() == 0);  // it had not seen a counter before
    for (int round = 0; round < 20; ++round) {
        const std::uint64_t before = offset();
        const auto began = std::chrono::steady_clock::now();
        vm.ask("info registers");
        // On a busy host a look may be a long one.
        if (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(100))
            CHECK(offset() == before);
    }
    vm.ask("stop");
    usleep(20000);
    vm.ask("cont");
    CHECK(eventually([&] { return offset() != 0; }));
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

TEST_CASE("An NMI reaches a guest that runs and one that is halted, with its interrupts off") {
    const std::string engine = GENERATE("seccomp", "ptrace");
    const std::string board = GENERATE("pc", "isapc");
    const GuestCode code = GENERATE(kBusyGuest, kIdleGuest);
    INFO(engine << " " << board);
    NamedRun vm(engine, code, {"-M", board});
    REQUIRE(vm.run().is_up());
    CHECK(vm.ask("info status") == "VM status: running\n");
    vm.ask("nmi");
    const int status = vm.run().wait();  // these guests have no interrupt table
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == ringpress::exit_status(ExitCode::guest_died));
}

TEST_CASE("The debugger's port is opened and closed while the guest runs") {
    const std::string engine = GENERATE("seccomp", "ptrace");
    INFO(engine);
    const TemporaryFolder folder;
    const std::string path = folder.path("gdb"), other = folder.path("other");
    NamedRun vm(engine, kBusyGuest);
    REQUIRE(vm.run().is_up());
    const auto connects = [](const std::string& to) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, to.c_str(), to.size());
        UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (connect(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) fd.reset();
        return fd;
    };
    CHECK_FALSE(connects(path));
    CHECK_THAT(vm.ask("gdbserver unix:" + path), Contains("Waiting for gdb"));
    const UniqueFd debugger = connects(path);
    REQUIRE(debugger);
    CHECK(eventually([&] { return vm.ask("info status") == "VM status: paused\n"; }));
    CHECK_THAT(vm.ask("gdbserver unix:" + path), Contains("Waiting for gdb"));  // it is there already
    CHECK_THAT(vm.ask("gdbserver unix:/no/such/folder/x"), Contains("cannot listen"));
    CHECK_THAT(vm.ask("gdbserver tcp"), Contains("write tcp::PORT"));
    char byte;
    CHECK(recv(debugger.get(), &byte, 1, MSG_DONTWAIT) == -1);  // still connected
    CHECK_THAT(vm.ask("gdbserver unix:" + other), Contains("Waiting for gdb"));
    CHECK(recv(debugger.get(), &byte, 1, 0) == 0);
    CHECK(eventually([&] { return vm.ask("info status") == "VM status: running\n"; }));
    CHECK_FALSE(connects(path));
    // The command may come over the very connection that it ends.
    const UniqueFd second = connects(other);
    REQUIRE(second);
    const std::string_view none = "$qRcmd,676462736572766572206e6f6e65#80";  // gdbserver none
    REQUIRE(send(second.get(), none.data(), none.size(), 0) == static_cast<ssize_t>(none.size()));
    while (recv(second.get(), &byte, 1, 0) > 0) {
    }
    CHECK_FALSE(connects(other));
    CHECK(vm.counts_beyond(vm.eax()));
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
