// Everything `ringpress run` was told, after the command line was checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "monitor/control/monitor_channel.hpp"
#include "traps/policy.hpp"

namespace ringpress {

enum class Engine : std::uint8_t { seccomp, ptrace };
enum class Sensitive : std::uint8_t {
    ignore,
    trap,
    inline_
};  ///< what is done about instructions that do not trap
enum class UserCode : std::uint8_t { view, direct };
enum class Board : std::uint8_t { pc, isapc };
enum class Display : std::uint8_t { none, text };

/// Holes left open as an experiment, whatever Sensitive says: see Policy.
struct OpenHoles {
    std::uint64_t ids = 0;                       ///< bit n: InsnId n
    std::uint32_t first = 0, last = 0xFFFFFFFF;  ///< at these linear addresses only
};

struct DriveConfig {
    std::string file;
    bool snapshot = false;  ///< writes are forgotten when the guest ends
};

struct RunConfig {
    std::string kernel;
    std::vector<std::string> initrds;  ///< Linux: one; Multiboot: modules, each "file [arguments]"
    std::string append;
    std::uint32_t ram_bytes = 128u << 20;
    Engine engine = Engine::seccomp;
    Sensitive sensitive = Sensitive::inline_;
    OpenHoles open;
    UserCode user_code = UserCode::view;
    Tuning tuning;
    Board board = Board::pc;
    Display display = Display::none;
    std::string serial = "stdio";   ///< stdio | none | file:PATH
    bool serial_escapes = false;    ///< mon:stdio: Ctrl-A is for ringpress even if input comes from a pipe
    std::string debugcon = "none";  ///< the same choices
    MonitorChannel monitor;
    std::vector<DriveConfig>
        drives;               ///< IDE: primary master, primary slave, secondary master, secondary slave
    bool debug_exit = false;  ///< -device isa-debug-exit
    std::uint16_t debug_exit_port = 0x501;
    unsigned debug_exit_size = 2;
    bool no_reboot = false;
    std::string name;                        ///< never empty once the machine runs
    std::vector<std::string> log_items;      ///< -d
    std::string log_file;                    ///< -D; empty: standard error
    std::string trace_file;                  ///< --trace; empty: none
    std::uint64_t trace_bytes = 512u << 20;  ///< the trace ends before it is larger
    std::vector<std::string> arguments;      ///< the command line as it was given, for the trace's header
    std::string symbols;                     ///< --symbols; empty: those of the kernel file, if it has any
    enum class Stats : std::uint8_t { none, text, json } stats = Stats::none;
    std::string load_file;                        ///< --load: a snapshot to go on from; empty: power on
    bool ram_given = false, board_given = false;  ///< -m, -M were said
    double time_limit = 0;                        ///< seconds that the guest runs; 0: none
    bool stop_at_start = false;                   ///< -S
    std::string gdb = "none";                     ///< -gdb, see GdbAddress; -s
    std::uint32_t low_memory_floor = 0;           ///< test aid: pretend vm.mmap_min_addr is at least this
};

}  // namespace ringpress
