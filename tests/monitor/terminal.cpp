#include "monitor/terminal.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "host_files.hpp"
#include "monitor/host_signals.hpp"
#include "pty_child.hpp"

using namespace ringpress;
using test::PtyChild;

namespace {

int hold_terminal() {
    const HostSignals signals;
    Terminal terminal(STDIN_FILENO);
    terminal.set_farewell("<bye>");
    for (;;) pause();
}

/// True while a janitor of that terminal lives; it has the terminal on descriptor 1.
bool janitor_exists(const std::string& terminal) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        if (test::content_of((entry.path() / "comm").string()) != "ringpress-tty\n") continue;
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path() / "fd/1", gone).string() == terminal) return true;
    }
    return false;
}

}  // namespace

TEST_CASE("A terminal is raw while it is held, and as before afterwards") {
    PtyChild child([] {
        {
            const Terminal terminal(STDIN_FILENO);
            std::printf("held\n");
            std::fflush(stdout);
            char key;
            if (read(STDIN_FILENO, &key, 1) != 1) return 1;
        }
        char line[16];  // canonical again: reading ends at a line end
        return read(STDIN_FILENO, line, sizeof line) == 3 ? 7 : 2;
    });
    REQUIRE(child.shows("held"));
    CHECK(child.raw());
    child.type("k");
    REQUIRE(child.becomes_raw(false));
    child.type("ab\r");
    CHECK(WEXITSTATUS(child.wait()) == 7);
}

TEST_CASE("An exception gives the terminal back") {
    PtyChild child([]() -> int {
        const Terminal terminal(STDIN_FILENO);
        throw std::runtime_error("no such kernel");
    });
    CHECK(WEXITSTATUS(child.wait()) == 99);
    CHECK_FALSE(child.raw());
}

TEST_CASE("A crash gives the terminal back and still is a crash") {
    for (const int signal_number : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE}) {
        INFO("signal " << signal_number);
        PtyChild child(hold_terminal);
        REQUIRE(child.becomes_raw(true));
        kill(child.pid(), signal_number);
        const int status = child.wait();
        REQUIRE(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signal_number);
        CHECK_FALSE(child.raw());
        CHECK(child.shows("<bye>"));
    }
}

TEST_CASE("Even SIGKILL gives the terminal back, and leaves no process") {
    PtyChild child(hold_terminal);
    REQUIRE(child.becomes_raw(true));
    REQUIRE(PtyChild::eventually([&] { return janitor_exists(child.terminal()); }));
    kill(child.pid(), SIGKILL);
    const int status = child.wait();
    REQUIRE(WIFSIGNALED(status));
    CHECK(child.becomes_raw(false));
    CHECK(child.shows("<bye>"));
    CHECK(PtyChild::eventually([&] { return !janitor_exists(child.terminal()); }));
}

TEST_CASE("The janitor leaves a terminal alone that someone else has put right") {
    PtyChild child(hold_terminal);
    REQUIRE(child.becomes_raw(true));
    // A shell's line editor: no canonical mode either, but signals from keys.
    child.change_modes([](termios& modes) { modes.c_lflag |= ISIG; });
    kill(child.pid(), SIGKILL);
    child.wait();
    REQUIRE(PtyChild::eventually([&] { return !janitor_exists(child.terminal()); }));
    CHECK(child.raw());
    CHECK(child.shows("<bye>"));
}

TEST_CASE("A terminal that was given back in order gets its farewell once") {
    PtyChild child([] {
        Terminal terminal(STDIN_FILENO);
        terminal.set_farewell("<bye>");
        Terminal::emergency_restore();
        kill(getpid(), SIGKILL);
        return 0;
    });
    child.wait();
    REQUIRE(child.shows("<bye>"));
    REQUIRE(PtyChild::eventually([&] { return !janitor_exists(child.terminal()); }));
    CHECK_FALSE(child.shows_again("<bye>"));
}

TEST_CASE("A second terminating signal ends a process that does not listen") {
    PtyChild child(hold_terminal);
    REQUIRE(child.becomes_raw(true));
    kill(child.pid(), SIGTERM);
    usleep(1200 * 1000);
    REQUIRE(child.raw());
    kill(child.pid(), SIGTERM);
    const int status = child.wait();
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    CHECK_FALSE(child.raw());
}

TEST_CASE("Two terminating signals at once are one request") {
    PtyChild child([] {
        const HostSignals signals;
        kill(getpid(), SIGTERM);
        kill(getpid(), SIGINT);
        return signals.requested() == SIGTERM ? 7 : 1;
    });
    CHECK(WEXITSTATUS(child.wait()) == 7);
}

TEST_CASE("A stopped process gives the terminal back, and takes it again when it continues") {
    PtyChild child([] {
        HostSignals signals;
        Terminal terminal(STDIN_FILENO);
        for (;;) {
            pollfd ready{signals.fd(), POLLIN, 0};
            poll(&ready, 1, -1);
            signals.clear();
            if (signals.take_continued()) terminal.acquire();
            if (signals.requested() == SIGINT) return 7;
        }
    });
    REQUIRE(child.becomes_raw(true));
    kill(child.pid(), SIGTSTP);
    REQUIRE(child.stops());
    CHECK_FALSE(child.raw());
    kill(child.pid(), SIGCONT);
    REQUIRE(child.becomes_raw(true));
    kill(child.pid(), SIGINT);
    CHECK(WEXITSTATUS(child.wait()) == 7);
    CHECK_FALSE(child.raw());
}

TEST_CASE("A terminal that controls nobody's session is taken all the same") {
    PtyChild child([] {
        const pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            setsid();  // away from the terminal, which stays open
            hold_terminal();
        }
        int status = 0;
        waitpid(pid, &status, 0);
        return WIFSIGNALED(status) ? 7 : 1;
    });
    CHECK(child.becomes_raw(true));
    kill(child.pid(), SIGKILL);
    child.wait();
}

TEST_CASE("What is no terminal is refused") {
    const int null = open("/dev/null", O_RDWR);
    CHECK_THROWS_WITH(Terminal(null), Catch::Matchers::Contains("not a terminal"));
    close(null);
}
