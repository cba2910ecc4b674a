// `ringpress run` in a child with a terminal of its own, with a guest of a few bytes; and its arena, from
// outside.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "boot/images.hpp"
#include "host_files.hpp"
#include "monitor/arena.hpp"
#include "monitor/cli_run.hpp"
#include "monitor/unique_fd.hpp"
#include "pty_child.hpp"

namespace ringpress::test {

inline bool eventually(const std::function<bool()>& condition) {
    return PtyChild::eventually(condition);
}

using GuestCode = std::vector<std::uint8_t>;

/// 32-bit code, flat, interrupts off.  Both begin by writing "{}" to the debug console.
inline const GuestCode kBusyGuest = {0xB0, '{',  0xE6, 0xE9,
                                     0xB0, '}',  0xE6, 0xE9,  // mov $'{',%al; out %al,$0xE9 ...
                                     0x40,                    // 1: inc %eax
                                     0xE6, 0x80,              // out %al,$0x80
                                     0xEB, 0xFB};             // jmp 1b
inline const GuestCode kIdleGuest = {0xB0, '{',  0xE6, 0xE9, 0xB0, '}',  0xE6,
                                     0xE9, 0xB0, 0xFF, 0xE6, 0x21, 0xE6, 0xA1,  // all interrupts masked
                                     0xFB,                                      // sti
                                     0xF4, 0xEB, 0xFD};                         // 1: hlt; jmp 1b

class GuestRun {
  public:
    GuestRun(const std::string& engine, const GuestCode& code, const std::vector<std::string>& more = {})
        : child_([&, kernel = make_kernel(code)] {
              alarm(60);
              std::vector<std::string> arguments = {kernel,  "-m",       "4",   "-debugcon",
                                                    "stdio", "--engine", engine};
              arguments.insert(arguments.end(), more.begin(), more.end());
              return run_command(parse_run(arguments, std::uint64_t{1} << 34).config);
          }) {}

    PtyChild& terminal() { return child_; }
    pid_t pid() const { return child_.pid(); }
    /// Waits until the guest runs.
    bool is_up() {
        const bool up = child_.shows("{}"), runs = up && eventually([&] { return guest_pid() > 0; });
        if (!runs) WARN((up ? "no guest process; the screen: " : "not up; the screen: ") << child_.screen());
        return runs;
    }
    /// The supervisor's child that runs the guest, or -1.
    pid_t guest_pid() const {
        std::error_code gone;
        for (const auto& task :
             std::filesystem::directory_iterator("/proc/" + std::to_string(pid()) + "/task", gone)) {
            std::istringstream children(content_of(task.path().string() + "/children"));
            for (pid_t child; children >> child;)
                if (content_of("/proc/" + std::to_string(child) + "/comm") == "ringpress-guest\n")
                    return child;
        }
        return -1;
    }
    bool has_ended() const {
        siginfo_t info{};
        return waitid(P_PID, static_cast<id_t>(pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid != 0;
    }
    /// Reads the screen meanwhile, so that the terminal does not fill up.
    int wait() {
        eventually([&] {
            child_.shows_again("");
            return has_ended();
        });
        return child_.wait();
    }

  private:
    std::string make_kernel(const GuestCode& code) const {
        std::fflush(nullptr);  // or the child would write the test's own words to its terminal
        Bytes image = elf_image(0x100000, {{0x100000, 0x100000, 0x100, 0x100, true}});
        std::memcpy(image.data() + 0x200, code.data(), code.size());
        return folder_.file("kernel", std::string(reinterpret_cast<const char*>(image.data()), image.size()));
    }

    TemporaryFolder folder_;
    PtyChild child_;
};

/// The arena of a supervisor, by its descriptor: what a guest process that was taken over could write to.
class SharedArena {
  public:
    explicit SharedArena(pid_t supervisor) {
        const std::string folder = "/proc/" + std::to_string(supervisor) + "/fd";
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            std::error_code closed;  // meanwhile
            if (std::filesystem::read_symlink(entry.path(), closed).string().find("ringpress-arena") ==
                std::string::npos)
                continue;
            const UniqueFd fd(open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
            struct stat file {};
            REQUIRE(fstat(fd.get(), &file) == 0);
            REQUIRE(file.st_size == sizeof(Arena));
            memory_ = mmap(nullptr, sizeof(Arena), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        }
        REQUIRE(memory_ != MAP_FAILED);
    }
    ~SharedArena() { munmap(memory_, sizeof(Arena)); }

    Arena& arena() { return *static_cast<Arena*>(memory_); }
    /// Overwrites `words` words, most of them in the part before the large tables.
    void scribble(std::mt19937_64& random, unsigned words) {
        auto* bytes = static_cast<std::uint8_t*>(memory_);
        const auto* arena = static_cast<const Arena*>(memory_);
        const auto head =
            static_cast<std::size_t>(reinterpret_cast<const std::uint8_t*>(&arena->shadow) - bytes);
        for (unsigned i = 0; i < words; ++i) {
            const std::uint64_t value = random(), at = random() % ((random() % 8 ? head : sizeof(Arena)) - 8);
            std::memcpy(bytes + at, &value, sizeof value);
        }
    }

  private:
    void* memory_ = MAP_FAILED;
};

}  // namespace ringpress::test
