// What a guest printed, line by line, run in a child process whose output is caught.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ringpress {

struct OutputLine {
    std::string text;    ///< without control characters, escape sequences and kernel time stamps
    double seconds = 0;  ///< after the start
};

enum class RunEnd { exited, killed, time_limit, stopped };

struct GuestOutput {
    std::vector<OutputLine> lines;
    RunEnd end = RunEnd::exited;
    int status = 0;      ///< exit status, or the signal that killed it
    std::string errors;  ///< standard error
    double seconds = 0;
};

/// Asked after every new line; false ends the run (RunEnd::stopped).
using KeepGoing = std::function<bool(const std::vector<OutputLine>& lines)>;

/// Runs `body` in a child process, whose standard input is empty, and whose exit status is what it returns.
/// Kills it after `limit` seconds.  Throws std::runtime_error if the host refuses a process.
GuestOutput run_captured(const std::function<int()>& body, double limit, const KeepGoing& keep_going = {});

/// A line as it is compared: no carriage return, escape sequences, trailing blanks, or Linux' "[    0.123456]
/// ".
std::string plain_line(std::string_view line);
/// The same with every number replaced: what is left when two runs differ in addresses and times only.
std::string masked_line(std::string_view line);

}  // namespace ringpress
