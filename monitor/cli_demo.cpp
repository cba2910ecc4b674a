#include "monitor/cli_demo.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "monitor/cli_run.hpp"
#include "monitor/cli_values.hpp"

namespace ringpress {
namespace {

/// The demo guest: beside the program in a build folder, or where `cmake --install` puts it.
std::string find_demo_guest() {
    namespace fs = std::filesystem;
    const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
    const fs::path places[] = {here / "examples" / "demo" / "demo", here / "../share/ringpress/demo"};
    for (const fs::path& place : places) {
        std::error_code ignored;
        if (fs::is_regular_file(place, ignored)) return place.lexically_normal().string();
    }
    throw std::runtime_error(fmt::format("the demo guest is not at {}: build it with ./demo or cmake --build",
                                         places[0].string()));
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
    request.config.kernel = find_demo_guest();
    return run_command(request.config);
}

}  // namespace ringpress
