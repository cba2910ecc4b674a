#include "monitor/cli_demo.hpp"

#include <fmt/format.h>

#include "monitor/cli_run.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/embedded_kernel.hpp"

// The kernel of examples/demo, which the build puts into the program (embed_file in
// guestkit/add_guest.cmake).
extern "C" const char ringpress_demo_guest_begin[], ringpress_demo_guest_end[];

namespace ringpress {
int command_demo(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"-kernel", "demo", "-m", "16", "-no-reboot", "-stats", "text"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    RunRequest request = parse_run(all, host_memory_bytes());
    if (request.what != RunRequest::What::run) {
        fmt::print("ringpress demo takes the options of ringpress run, which see.\n");
        return 0;
    }
    const EmbeddedKernel kernel("demo", ringpress_demo_guest_begin, ringpress_demo_guest_end);
    request.config.kernel = kernel.path();
    return run_command(request.config);
}

}  // namespace ringpress
