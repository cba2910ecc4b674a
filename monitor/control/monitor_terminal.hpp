// The human monitor in a conversation: a banner, a prompt, a line, its answer, the prompt again.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "monitor/control/human_monitor.hpp"
#include "monitor/control/line_editor.hpp"

namespace ringpress {

class MonitorTerminal {
  public:
    enum class Style : std::uint8_t {
        edited,  ///< a terminal in raw mode: keys are echoed, lines end in CR LF
        plain,   ///< a pipe or a plain socket: whole lines come in, nothing is echoed
    };
    explicit MonitorTerminal(MachineControl& machine, Style style = Style::edited)
        : style_(style),
          monitor_(machine),
          editor_(std::string(HumanMonitor::kPrompt), HumanMonitor::completions) {}

    /// The banner and the first prompt.
    std::string begin() const;
    /// The prompt with what was typed so far: when the terminal comes to show the monitor again.
    std::string prompt() const;
    /// What to show for what was typed.
    std::string feed(std::span<const std::uint8_t> typed);

  private:
    static constexpr std::size_t kMaxLine = 4096;
    std::string feed_lines(std::span<const std::uint8_t> typed);

    Style style_;
    HumanMonitor monitor_;
    LineEditor editor_;
    std::string line_;  ///< plain: the beginning of one
};

}  // namespace ringpress
