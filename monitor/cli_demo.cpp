#include "monitor/cli_demo.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "monitor/cli_run.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/unique_fd.hpp"

// The kernel of examples/demo, which the build puts into the program (embed_file in
// guestkit/add_guest.cmake).
extern "C" const char ringpress_demo_guest_begin[], ringpress_demo_guest_end[];

namespace ringpress {
namespace {

/// The demo kernel as a file without a name.
UniqueFd demo_kernel() {
    UniqueFd file(memfd_create("demo", MFD_CLOEXEC));
    const char* at = ringpress_demo_guest_begin;
    while (file && at < ringpress_demo_guest_end) {
        const ssize_t n = write(file.get(), at, static_cast<std::size_t>(ringpress_demo_guest_end - at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) file.reset();
        at += n;
    }
    if (!file)
        throw std::runtime_error(fmt::format("no memory for the demo guest: {}", std::strerror(errno)));
    return file;
}

}  // namespace

int command_demo(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"-kernel", "demo", "-m", "16", "-no-reboot", "-stats", "text"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    RunRequest request = parse_run(all, host_memory_bytes());
    if (request.what != RunRequest::What::run) {
        fmt::print("ringpress demo takes the options of ringpress run, which see.\n");
        return 0;
    }
    const UniqueFd kernel = demo_kernel();
    request.config.kernel = fmt::format("/proc/self/fd/{}", kernel.get());
    return run_command(request.config);
}

}  // namespace ringpress
