#include "monitor/terminal.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace ringpress {
namespace {

constexpr std::size_t kMaxFarewell = 128;

// What a signal handler needs to restore the terminal; hence not members.
int g_fd = -1;
termios g_saved;
termios g_raw;
std::atomic<bool> g_is_raw{false};
int g_janitor = -1;  ///< the pipe's end to write to
char g_farewell[kMaxFarewell];
std::atomic<std::size_t> g_farewell_size{0};

// What the janitor is told through the pipe; all other bytes are farewell bytes.
constexpr char kRestored = 0, kTaken = 1;

void write_all(int fd, const char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        bytes += n;
        size -= static_cast<std::size_t>(n);
    }
}

/// True if this process may set and read the terminal.  Job control binds only the processes of the session
/// whose controlling terminal it is; a pseudo-terminal that a program handed down is often nobody's
/// (tcgetpgrp(3): ENOTTY), and then there is nobody to wait for.
bool in_foreground() {
    const pid_t group = tcgetpgrp(g_fd);
    return group < 0 ? errno == ENOTTY : group == getpgrp();
}

/// The janitor's whole life.  Only async-signal-safe calls: the process that forked it may have had threads.
[[noreturn]] void janitor_main(int pipe_fd, int tty_fd) {
    // A session of its own: it survives a kill of the process group, and may set a terminal that is not its
    // controlling one without being stopped for it (SIGTTOU).
    setsid();
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2}) {
        signal(s, SIG_IGN);
    }
    prctl(PR_SET_NAME, "ringpress-tty");
    // Keep two descriptors only.  Every other one would keep alive what should end with the supervisor: a
    // lock on a disk image, a name, the pipe that a reader of its output waits on.
    const int pipe_high = fcntl(pipe_fd, F_DUPFD, 10);
    const int tty_high = fcntl(tty_fd, F_DUPFD, 10);
    if (dup2(pipe_high, 0) < 0 || dup2(tty_high, 1) < 0) _exit(1);
    close_range(2, ~0u, 0);

    char farewell[kMaxFarewell];
    std::size_t size = 0;
    bool taken = false;
    for (;;) {
        char byte;
        const ssize_t n = read(0, &byte, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (byte == kTaken || byte == kRestored) {
            taken = byte == kTaken;
        } else if (size < kMaxFarewell) {
            farewell[size++] = byte;
        }
    }
    if (taken) {
        write_all(1, farewell, size);
        // Whoever set the modes meanwhile (a shell does, when its job is killed) knows better what they shall
        // be.
        termios now;
        if (tcgetattr(1, &now) == 0 && !(now.c_lflag & ISIG)) tcsetattr(1, TCSANOW, &g_saved);
    }
    _exit(0);
}

}  // namespace

Terminal::Terminal(int fd) {
    if (tcgetattr(fd, &g_saved) != 0) {
        throw std::runtime_error(
            "standard input is not a terminal: run ringpress in one, or use -serial file:PATH");
    }
    g_fd = fd;
    g_farewell_size = 0;
    // Keys arrive one by one and unchanged; output keeps its line-end translation, for our own messages and
    // for guests that send bare line feeds.  Source: termios(3).
    g_raw = g_saved;
    g_raw.c_iflag &= ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    g_raw.c_oflag |= OPOST;
    g_raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    g_raw.c_cflag = (g_raw.c_cflag & ~static_cast<tcflag_t>(CSIZE | PARENB)) | CS8;
    g_raw.c_cc[VMIN] = 1;
    g_raw.c_cc[VTIME] = 0;
    start_janitor();
    acquire();
}

Terminal::~Terminal() {
    emergency_restore();
    g_fd = -1;
    g_janitor = -1;
    if (janitor_ > 0) {
        // Its work is done; and a copy of the pipe in some other process must not keep it waiting.
        kill(janitor_, SIGKILL);
        while (waitpid(janitor_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

void Terminal::start_janitor() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
    UniqueFd read_end(ends[0]);
    janitor_pipe_.reset(ends[1]);
    janitor_ = fork();
    if (janitor_ < 0)
        throw std::runtime_error(std::string("cannot start a process: ") + std::strerror(errno));
    if (janitor_ == 0) janitor_main(ends[0], g_fd);
    g_janitor = ends[1];
}

bool Terminal::raw() const {
    return g_is_raw;
}

void Terminal::acquire() {
    if (g_is_raw || !in_foreground()) return;
    // First the flag: a signal between the two lines then restores once too often rather than never.
    g_is_raw = true;
    write_all(g_janitor, &kTaken, 1);
    if (tcsetattr(g_fd, TCSANOW, &g_raw) != 0) g_is_raw = false;
}

void Terminal::set_farewell(const std::string& bytes) {
    const std::size_t size = std::min(bytes.size(), kMaxFarewell);
    std::memcpy(g_farewell, bytes.data(), size);
    g_farewell_size = size;
    write_all(janitor_pipe_.get(), g_farewell, size);
}

void Terminal::emergency_restore() {
    if (g_fd < 0 || !g_is_raw.exchange(false)) return;
    write_all(g_fd, g_farewell, g_farewell_size);
    tcsetattr(g_fd, TCSANOW, &g_saved);
    write_all(g_janitor, &kRestored, 1);
}

}  // namespace ringpress
