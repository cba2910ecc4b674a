#include "monitor/compare/qemu.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace ringpress {

namespace {

/// A comma in a value of QEMU's is written twice.
std::string with_commas(const std::string& text) {
    std::string out;
    for (const char c : text) out.append(c == ',' ? 2 : 1, c);
    return out;
}

}  // namespace

std::string find_qemu() {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path ? path : "/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string program = fmt::format("{}/qemu-system-i386", folder.empty() ? "." : folder);
        if (access(program.c_str(), X_OK) == 0) return program;
    }
    return {};
}

std::vector<std::string> qemu_arguments(const std::string& program, const RunConfig& config) {
    std::vector<std::string> a = {program,
                                  "-accel",
                                  "tcg",
                                  "-M",
                                  config.board == Board::isapc ? "isapc" : "pc",
                                  "-cpu",
                                  "qemu32,-sep",
                                  "-m",
                                  fmt::format("{}", config.ram_bytes >> 20),
                                  "-kernel",
                                  config.kernel,
                                  "-serial",
                                  "stdio",
                                  "-display",
                                  "none",
                                  "-monitor",
                                  "none",
                                  "-no-reboot"};
    const auto add = [&a](const std::string& option, const std::string& value) {
        a.push_back(option);
        a.push_back(value);
    };
    if (!config.initrds.empty()) {
        std::string list;
        for (const std::string& module : config.initrds) {
            if (!list.empty()) list += ',';
            list += with_commas(module);
        }
        add("-initrd", list);
    }
    if (!config.append.empty()) add("-append", config.append);
    for (std::size_t i = 0; i < config.drives.size(); ++i) {
        if (config.drives[i].file.empty()) continue;
        add("-drive", fmt::format("file={},format=raw,if=ide,index={},snapshot=on",
                                  with_commas(config.drives[i].file), i));
    }
    if (config.debug_exit)
        add("-device", fmt::format("isa-debug-exit,iobase={:#x},iosize={}", config.debug_exit_port,
                                   config.debug_exit_size));
    return a;
}

int exec_qemu(const std::vector<std::string>& arguments) {
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    std::fprintf(stderr, "cannot run %s: %s\n", argv[0], std::strerror(errno));
    return 127;
}

}  // namespace ringpress
