#include "monitor/control/monitor_terminal.hpp"

#include <fmt/format.h>

#include "monitor/version.hpp"

namespace ringpress {

namespace {

std::string with_carriage_returns(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') out += '\r';
        out += c;
    }
    return out;
}

}  // namespace

std::string MonitorTerminal::begin() const {
    const char* const line_end = style_ == Style::edited ? "\r\n" : "\n";
    return fmt::format("ringpress {} monitor - type 'help' for more information{}{}", kVersion, line_end,
                       prompt());
}

std::string MonitorTerminal::prompt() const {
    return style_ == Style::edited ? editor_.redraw() : std::string(HumanMonitor::kPrompt);
}

std::string MonitorTerminal::feed(std::span<const std::uint8_t> typed) {
    if (style_ == Style::plain) return feed_lines(typed);
    std::string out;
    for (const std::uint8_t byte : typed) {
        const LineEditor::Result result = editor_.feed(byte);
        out += result.echo;
        if (result.complete) out += with_carriage_returns(monitor_.run(editor_.take_line()));
        if (result.complete || result.interrupted) out += editor_.redraw();
    }
    return out;
}

std::string MonitorTerminal::feed_lines(std::span<const std::uint8_t> typed) {
    std::string out;
    for (const std::uint8_t byte : typed) {
        if (byte != '\n' && byte != '\r') {
            if (line_.size() < kMaxLine) line_ += static_cast<char>(byte);
            continue;
        }
        if (line_.empty() && byte == '\n') continue;  // the second half of CR LF, or an empty line
        out += monitor_.run(line_) + prompt();
        line_.clear();
    }
    return out;
}

}  // namespace ringpress
