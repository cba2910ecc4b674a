// The guest process: what it has, what it has not, and that it goes when it has to.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <sstream>
#include <string>

#include "fence_child.hpp"
#include "guest_run.hpp"
#include "host_files.hpp"
#include "monitor/guest_process.hpp"
#include "monitor/vm_directory.hpp"

using namespace ringpress;
using test::GuestRun;

namespace {

/// The text that `body` returns when run as a guest process; descriptor `keep` is kept besides the test's
/// own.
std::string ask_guest_process(const std::function<std::string()>& body, int keep = -1) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd from(ends[0]);
    UniqueFd to(ends[1]);
    std::vector<int> kept{to.get()};
    if (keep >= 0) kept.push_back(keep);
    std::string answer;
    {
        GuestProcess process(kept, [&] {
            alarm(20);
            const std::string text = body();
            if (write(ends[1], text.data(), text.size()) < 0) _exit(3);
            _exit(7);
        });
        to.reset();
        CHECK(WEXITSTATUS(process.wait()) == 7);
    }
    char buffer[4096];
    for (ssize_t n; (n = read(from.get(), buffer, sizeof buffer)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(n));
    return answer;
}

std::string open_descriptors() {
    std::ostringstream out;
    for (int fd = 0; fd < 1024; ++fd)
        if (fcntl(fd, F_GETFD) >= 0) out << fd << ' ';
    return out.str();
}

std::string status_line(const std::string& process, const std::string& key) {
    std::istringstream lines(test::content_of("/proc/" + process + "/status"));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(key + ":")) return line.substr(line.find_first_not_of(" \t", key.size() + 1));
    return {};
}

std::string name_space(const char* which) {
    char text[64] = {};
    return readlink((std::string("/proc/self/ns/") + which).c_str(), text, sizeof text - 1) < 0 ? "" : text;
}

bool exists(pid_t pid) {
    const std::string state = status_line(std::to_string(pid), "State");
    return !state.empty() && state[0] != 'Z';
}

}  // namespace

TEST_CASE("A guest process has the descriptors that were named, and no others") {
    const UniqueFd secret(open("/etc/passwd", O_RDONLY)), kept(open("/dev/null", O_RDWR));
    // Far out, too.
    const UniqueFd far(fcntl(secret.get(), F_DUPFD, 900));
    const std::string answer = ask_guest_process(open_descriptors, kept.get());
    std::istringstream numbers(answer);
    unsigned count = 0;
    bool has_kept = false;
    for (int fd; numbers >> fd; ++count) has_kept |= fd == kept.get();
    INFO("open: " << answer);
    CHECK(count == 2);  // and the pipe of the answer
    CHECK(has_kept);
}

TEST_CASE("A guest process has no capability, no core dump and no terminal") {
    CHECK(ask_guest_process([] { return status_line("self", "CapEff") + status_line("self", "CapPrm"); }) ==
          "00000000000000000000000000000000");
    CHECK(ask_guest_process([] { return std::to_string(prctl(PR_GET_DUMPABLE)); }) == "0");
    CHECK(ask_guest_process([] {
              return std::to_string(getsid(0) == getpid()) + std::to_string(open("/dev/tty", O_RDWR));
          }) == "1-1");
}

TEST_CASE("A guest process has namespaces of its own where the host allows it") {
    // In a child, because trying it out changes the process.
    const pid_t pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS) == 0 ? 0 : 1);
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != 0) {
        WARN("this host gives no user namespaces");
        return;
    }
    for (const char* which : {"user", "ipc", "uts", "mnt"}) {
        INFO(which);
        CHECK(ask_guest_process([&] { return name_space(which); }) != name_space(which));
    }
}

TEST_CASE("Behind the fence no privilege can be had any more") {
    test::FenceChild child;
    std::string privileges, mode;
    child.run([&] { return core_futex(child.config.doorbell, FUTEX_WAIT, 0, nullptr); }, {},
              [&](pid_t pid) {
                  const std::string process = std::to_string(pid);
                  test::eventually([&] { return status_line(process, "Seccomp") == "2"; });
                  privileges = status_line(process, "NoNewPrivs");
                  mode = status_line(process, "Seccomp");
                  kill(pid, SIGKILL);
              });
    CHECK(privileges == "1");
    CHECK(mode == "2");
}

TEST_CASE("A guest process dies with its supervisor, however that ends") {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    const pid_t supervisor = fork();
    if (supervisor == 0) {
        GuestProcess process({}, [] {
            for (;;) pause();
        });
        const pid_t pid = process.pid();
        if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
        for (;;) pause();
    }
    pid_t guest = 0;
    REQUIRE(read(ends[0], &guest, sizeof guest) == sizeof guest);
    close(ends[0]);
    close(ends[1]);
    usleep(20'000);
    CHECK(exists(guest));
    kill(supervisor, SIGKILL);
    waitpid(supervisor, nullptr, 0);
    CHECK(test::eventually([&] { return !exists(guest); }));
}

#ifndef __SANITIZE_ADDRESS__  // the sanitizer's own memory lies where guests have theirs
TEST_CASE("A running guest's process holds its two files and an event counter at most") {
    for (const char* engine : {"seccomp", "ptrace"}) {
        INFO(engine);
        GuestRun run(engine, test::kBusyGuest);
        REQUIRE(run.is_up());
        const std::string process = std::to_string(run.guest_pid());
        CHECK(status_line(process, "NoNewPrivs") == "1");
        CHECK(status_line(process, "Seccomp") == "2");
        CHECK(status_line(process, "CapEff") == "0000000000000000");
        std::error_code refused;  // to an ordinary user: the process is not dumpable
        std::string names;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/" + process + "/fd", refused))
            names += std::filesystem::read_symlink(entry.path(), refused).string() + " ";
        if (refused || names.empty()) continue;
        INFO(names);
        CHECK(names.find("ringpress-arena") == std::string::npos);
        CHECK(names.find("/dev/pts") == std::string::npos);
        const long count = std::count(names.begin(), names.end(), '/');
        CHECK(count <= 3);
    }
}

TEST_CASE("A supervisor that is killed leaves no process, no shared memory and no raw terminal") {
    // Names are this user's: another run of these tests may go on beside this one.
    const std::string name = "fence-test." + std::to_string(getpid());
    // A process that has just been forked still holds what it has inherited: it closes that once it runs.
    const auto name_is_free = [&] {
        return test::eventually([&] {
            const auto names = running_vm_names();
            return std::find(names.begin(), names.end(), name) == names.end();
        });
    };
    for (const char* engine : {"seccomp", "ptrace"}) {
        INFO(engine);
        GuestRun run(engine, test::kBusyGuest, {"-name", name});
        REQUIRE(run.is_up());
        REQUIRE(run.terminal().becomes_raw(true));
        const pid_t guest = run.guest_pid();
        kill(run.pid(), SIGKILL);
        run.wait();
        CHECK(test::eventually([&] { return !exists(guest); }));
        CHECK(run.terminal().becomes_raw(false));
        for (const char* folder : {"/dev/shm", "/tmp"})
            for (const auto& entry : std::filesystem::directory_iterator(folder))
                CHECK(entry.path().filename().string().find("ringpress-arena") == std::string::npos);
        CHECK(name_is_free());
        {
            GuestRun again(engine, test::kBusyGuest, {"-name", name});
            CHECK(again.is_up());
        }
        CHECK(name_is_free());
    }
}

TEST_CASE("A guest process that is killed ends the run with status 2 and a word about it") {
    for (const char* engine : {"seccomp", "ptrace"}) {
        for (const auto& code : {test::kBusyGuest, test::kIdleGuest}) {
            INFO(engine);
            GuestRun run(engine, code);
            REQUIRE(run.is_up());
            kill(run.guest_pid(), SIGKILL);
            CHECK(run.terminal().shows("the guest process was killed from outside"));
            const int status = run.wait();
            REQUIRE(WIFEXITED(status));
            CHECK(WEXITSTATUS(status) == 2);
            CHECK(run.terminal().becomes_raw(false));
        }
    }
}

TEST_CASE("A guest process that is rung while it starts neither dies nor runs its guest without the fence") {
    for (const std::string engine : {"seccomp", "ptrace"}) {
        for (int round = 0; round < 5; ++round) {
            INFO(engine);
            GuestRun run(engine, test::kIdleGuest);
            // Without a pause: what is to be hit lasts a few milliseconds.
            pid_t guest = -1;
            while (guest < 0 && !run.has_ended()) guest = run.guest_pid();
            for (int i = 0; i < 100000 && !run.has_ended(); ++i) kill(guest, SIGUSR1);
            CHECK(run.is_up());
            const std::string status = test::content_of("/proc/" + std::to_string(guest) + "/status");
            CHECK(status.find("Seccomp:\t2") != std::string::npos);
        }
    }
}

TEST_CASE("A guest that is stopped and continued goes on") {
    for (const char* engine : {"seccomp", "ptrace"}) {
        for (const auto& code : {test::kBusyGuest, test::kIdleGuest}) {
            INFO(engine);
            GuestRun run(engine, code, {"--time-limit", "1.5"});
            REQUIRE(run.is_up());
            usleep(100'000);
            kill(run.guest_pid(), SIGSTOP);
            usleep(100'000);
            kill(run.guest_pid(), SIGCONT);
            const int status = run.wait();
            REQUIRE(WIFEXITED(status));
            CHECK(WEXITSTATUS(status) == 124);
        }
    }
}

TEST_CASE("A running guest whose arena is overwritten takes nobody with it") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 6; ++round) {
        GuestRun run("seccomp", round % 2 ? test::kIdleGuest : test::kBusyGuest,
                     {"--time-limit", "3", "--stats", "-d", "trap", "-D", "/dev/null"});
        REQUIRE(run.is_up());
        const pid_t guest = run.guest_pid();
        test::SharedArena shared(run.pid());
        for (int i = 0; i < 200 && !run.has_ended(); ++i) {
            shared.scribble(random, round < 3 ? 1 : 4096);
            usleep(500);
        }
        const int status = run.wait();
        INFO("round " << round << ", status " << status);
        REQUIRE(WIFEXITED(status));
        const int code = WEXITSTATUS(status);
        CHECK(
            (code % 2 == 1 || code == 0 || code == 2 || code == 4 || code == 6 || code == 70 || code == 124));
        CHECK(run.terminal().becomes_raw(false));
        CHECK(!exists(guest));
    }
}
#endif
