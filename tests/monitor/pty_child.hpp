// A child process in a pseudo-terminal of its own, as a user's shell would start it, and the test at the
// keyboard.
#pragma once

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <string>

namespace ringpress::test {

class PtyChild {
  public:
    /// Runs `body` in the child; its result is the exit status.
    explicit PtyChild(const std::function<int()>& body) {
        // A second slave keeps the terminal alive, and readable by the test, after the child's end.
        REQUIRE(openpty(&master_, &slave_, nullptr, nullptr, nullptr) == 0);
        pid_ = fork();
        if (pid_ == 0) {
            close(master_);
            login_tty(slave_);
            int status = 99;
            try {
                status = body();
            } catch (const std::exception& error) {
                dprintf(STDERR_FILENO, "%s\n", error.what());
            }
            _exit(status);
        }
    }
    ~PtyChild() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        close(slave_);
        close(master_);
    }

    pid_t pid() const { return pid_; }
    bool raw() const {
        termios modes{};
        tcgetattr(slave_, &modes);
        return !(modes.c_lflag & ICANON);
    }
    std::string terminal() const { return ttyname(slave_); }
    void change_modes(const std::function<void(termios&)>& change) {
        termios modes{};
        tcgetattr(slave_, &modes);
        change(modes);
        tcsetattr(slave_, TCSANOW, &modes);
    }
    bool becomes_raw(bool wanted) const {
        return eventually([&] { return raw() == wanted; });
    }
    /// True once the child has stopped, as a shell waits for it: SIGCONT before that would be lost.
    bool stops() const {
        return eventually([&] {
            int status = 0;
            return waitpid(pid_, &status, WUNTRACED | WNOHANG) == pid_ && WIFSTOPPED(status);
        });
    }
    void type(const std::string& keys) {
        REQUIRE(write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
    }
    /// Reads the screen until `text` has appeared on it (true) or five seconds have passed.
    bool shows(const std::string& text) {
        return eventually([&] {
            read_screen();
            return screen_.find(text) != std::string::npos;
        });
    }
    /// True if what has been written to the screen so far holds `text` more than once.
    bool shows_again(const std::string& text) {
        read_screen();
        const std::size_t first = screen_.find(text);
        return first != std::string::npos && screen_.find(text, first + 1) != std::string::npos;
    }
    /// What was read from the screen so far.
    const std::string& screen() const { return screen_; }
    /// The wait status of the child's end.
    int wait() {
        int status = -1;
        eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
        if (status != -1) pid_ = -1;
        return status;
    }

    static bool eventually(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            usleep(1000);
        }
        return true;
    }

  private:
    void read_screen() {
        pollfd ready{master_, POLLIN, 0};
        while (poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) {
            char bytes[4096];
            const ssize_t n = read(master_, bytes, sizeof bytes);
            if (n <= 0) break;
            screen_.append(bytes, static_cast<std::size_t>(n));
        }
    }

    int master_ = -1, slave_ = -1;
    pid_t pid_ = -1;
    std::string screen_;
};

}  // namespace ringpress::test
