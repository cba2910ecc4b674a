// The values of command-line options, from text.  Every function throws std::runtime_error with one line that
// says what is wrong and what would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/run_config.hpp"

namespace ringpress {

inline constexpr std::uint64_t kMinRam = 1ull << 20;
inline constexpr std::uint64_t kMaxRam = 2ull << 30;

/// "64" and "64M" (MiB), "512K", "2G", "size=64M": bytes, a multiple of 4 KiB between kMinRam and kMaxRam,
/// and no more than the host's memory (host_bytes).
std::uint32_t parse_memory_size(const std::string& text, std::uint64_t host_bytes);

/// Memory and swap of this host, in bytes.
std::uint64_t host_memory_bytes();

/// stdio, mon:stdio, none, null, file:PATH -> "stdio", "none" or "file:PATH".  `option` names it in messages.
std::string parse_channel(const std::string& text, std::string_view option);

/// One -drive: where it goes (0..3: primary master, primary slave, secondary master, secondary slave; -1: the
/// next free place) and what it is.
struct DriveOption {
    int index = -1;
    DriveConfig drive;
};
/// file=PATH[,format=raw][,snapshot=on|off][,if=ide][,index=N][,media=disk]; a comma in PATH is written ",,".
DriveOption parse_drive(const std::string& text);

/// Puts drives where they belong: RunConfig::drives, in which a free place in between has no file name.
std::vector<DriveConfig> place_drives(const std::vector<DriveOption>& options, bool snapshot_all);

/// isa-debug-exit[,iobase=PORT][,iosize=1|2|4]
void parse_device(const std::string& text, RunConfig& config);

/// -trace FILE[,size=N[K|M|G]] -> trace_file and trace_bytes; a comma in FILE is written ",,".
void parse_trace(const std::string& text, RunConfig& config);

/// pc or isapc, with or without "type="; other properties are errors.
Board parse_machine(const std::string& text);

/// "mod1 args,mod2 args" -> {"mod1 args", "mod2 args"}; ",," is a comma.
std::vector<std::string> parse_modules(const std::string& text);

/// Seconds, with an optional s, m or h behind; greater than 0.
double parse_time_limit(const std::string& text);

/// A decimal or 0x-hexadecimal number up to max.
std::uint64_t parse_number(const std::string& text, std::uint64_t max, std::string_view what);

/// "a,b,c" -> {"a", "b", "c"}, each one of `known`.
std::vector<std::string> parse_log_items(const std::string& text, const std::vector<std::string>& known);

/// "NAME=VALUE,NAME=VALUE": settings of tunes.def; a name alone stands for the default, NAME=off for 0.
void parse_tunes(const std::string& text, Tuning& into);
/// The list for `--tune help`.
std::string tunes_text();

/// One of `choices`, by position.  `what` names the option in the message.
std::size_t parse_choice(const std::string& text, const std::vector<std::string>& choices,
                         std::string_view what);

}  // namespace ringpress
