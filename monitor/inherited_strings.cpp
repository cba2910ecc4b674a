#include "monitor/inherited_strings.hpp"

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace ringpress {
namespace {

void wipe(std::uintptr_t begin, std::uintptr_t end) {
    if (begin != 0 && begin < end) std::memset(reinterpret_cast<void*>(begin), 0, end - begin);
}

}  // namespace

void wipe_inherited_strings() {
    // proc(5), /proc/PID/stat: fields 48 to 51 are arg_start, arg_end, env_start, env_end.  Field 2 is a name
    // in parentheses, with anything in it.
    std::ifstream file("/proc/self/stat");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    const std::size_t behind_name = line.rfind(')');
    if (behind_name == std::string::npos) return;
    std::istringstream fields(line.substr(behind_name + 1));
    std::string skipped;
    for (int field = 3; field < 48; ++field) fields >> skipped;
    std::uintptr_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    if (!(fields >> arg_start >> arg_end >> env_start >> env_end)) return;
    // What setenv(3) has added lives elsewhere.
    for (char** variable = environ; variable && *variable; ++variable)
        std::memset(*variable, 0, std::strlen(*variable));
    wipe(arg_start, arg_end);
    wipe(env_start, env_end);
    environ = nullptr;
}

}  // namespace ringpress
