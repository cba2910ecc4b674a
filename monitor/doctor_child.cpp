#include "monitor/doctor_child.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

namespace ringpress {
namespace {

constexpr unsigned kPatienceSeconds = 10;

}  // namespace

ProbeAnswer in_child(const std::function<void(ProbeAnswer&)>& probe) {
    void* shared =
        mmap(nullptr, sizeof(ProbeAnswer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ProbeAnswer failed;
    failed.error = errno;
    if (shared == MAP_FAILED) return failed;
    auto* answer = new (shared) ProbeAnswer;

    std::fflush(nullptr);  // or the child's copies of unwritten output would come twice
    const pid_t child = fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGALRM, SIG_DFL);
        alarm(kPatienceSeconds);
        try {
            probe(*answer);
            answer->finished = true;
        } catch (const std::exception& error) {
            std::strncpy(answer->text, error.what(), sizeof answer->text - 1);
        }
        _exit(0);
    }
    if (child < 0) {
        answer->error = errno;
    } else {
        int status = 0;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        if (WIFSIGNALED(status)) answer->killed_by = WTERMSIG(status);
    }
    const ProbeAnswer result = *answer;
    munmap(shared, sizeof(ProbeAnswer));
    return result;
}

std::string failure(const ProbeAnswer& answer) {
    if (answer.text[0] != 0) return answer.text;
    if (answer.killed_by != 0)
        return fmt::format("the attempt was killed by {}", strsignal(answer.killed_by));
    return answer.error != 0 ? std::strerror(answer.error) : "no answer";
}

}  // namespace ringpress
