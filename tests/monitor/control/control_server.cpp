#include "monitor/control/control_server.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <nlohmann/json.hpp>

#include "fake_machine.hpp"
#include "monitor/control/control_client.hpp"
#include "monitor/memory_file.hpp"
#include "monitor/vm_directory.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;

namespace {

struct Served {
    Served() : name("control-test." + std::to_string(getpid())), server(name.fd(), machine) {}

    /// Has the server work until the client, on a thread of its own, is done.
    template <class Client>
    auto with(Client client) {
        auto done = std::async(std::launch::async, client);
        while (done.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
            std::vector<pollfd> fds;
            server.add_poll_fds(fds);
            poll(fds.data(), fds.size(), 10);
            server.handle(fds);
        }
        return done.get();
    }
    std::string ask(const std::string& request) {
        return with([&] { return ControlClient(name.text()).ask(request); });
    }

    FakeMachine machine;
    VmName name;
    ControlServer server;
};

}  // namespace

TEST_CASE("A machine is listed by its name and tells its status") {
    Served served;
    const std::vector<std::string> names = running_vm_names();
    CHECK(std::find(names.begin(), names.end(), served.name.text()) != names.end());
    served.machine.settings.kernel = "odd \xFF name";
    const auto status = nlohmann::json::parse(served.ask("status"));
    CHECK(status["engine"] == "seccomp");
    CHECK(status["state"] == "running");
    CHECK(status["ram_bytes"] == served.machine.settings.ram_bytes);
}

TEST_CASE("Monitor commands are answered over the control socket, long answers whole") {
    Served served;
    CHECK(served.ask("monitor p 1+1") == "0x2\n");
    CHECK(served.ask("monitor ") == "");
    const std::string dump = served.ask("monitor xp/65536xb 0");
    CHECK(dump.size() == 8192 * (17 + 8 * 5 + 1));
    CHECK_THAT(dump, Catch::Matchers::EndsWith(" 0x00\n"));
}

TEST_CASE("Addresses are named by the machine, which knows where its kernel is") {
    Served served;
    CHECK(served.ask("names 1234 5678 x") == "start_kernel+0x4\n\n\n");
}

TEST_CASE("One connection serves many requests and keeps its own format") {
    Served served;
    const std::string last = served.with([&] {
        ControlClient client(served.name.text());
        client.monitor("p/d 1");
        return client.monitor("p 16");
    });
    CHECK(last == "16\n");
    CHECK(served.ask("monitor p 16") == "0x10\n");
}

TEST_CASE("The arena is handed out for reading only") {
    Served served;
    const MemoryFile arena("arena", 4096);
    served.machine.arena_descriptor = arena.fd();
    UniqueFd received;
    served.with([&] { return ControlClient(served.name.text()).ask("arena", &received); });
    REQUIRE(received);
    CHECK((fcntl(received.get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, received.get(), 0) == MAP_FAILED);
    void* const view = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, received.get(), 0);
    CHECK(view != MAP_FAILED);
    munmap(view, 4096);
}

TEST_CASE("Requests that are none are refused, and the connection lives on") {
    Served served;
    const std::string answer = served.with([&] {
        ControlClient client(served.name.text());
        for (const std::string& request :
             {std::string("nonsense"), std::string("monitor"), std::string(8000, 'x')})
            CHECK_THROWS_WITH(client.ask(request), Contains("unknown request"));
        return client.monitor("p 3");
    });
    CHECK(answer == "0x3\n");
}

TEST_CASE("A client that never reads, and one that leaves at once, hold nobody up") {
    Served served;
    const UniqueFd stubborn = connect_to_vm(served.name.text());
    const std::string request = "monitor xp/65536xb 0";
    for (int i = 0; i < 3; ++i) CHECK(send(stubborn.get(), request.data(), request.size(), 0) > 0);
    { const UniqueFd fleeting = connect_to_vm(served.name.text()); }
    CHECK(served.ask("monitor p 4") == "0x4\n");
}

TEST_CASE("There is no talking to a machine that does not run") {
    CHECK_THROWS_WITH(ControlClient("no-such-machine"),
                      Contains("no virtual machine named 'no-such-machine'"));
    CHECK_THROWS_WITH(ControlClient("../x"), Contains("cannot name a virtual machine"));
}
