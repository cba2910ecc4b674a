// Editing one line on a terminal in raw mode: cursor keys, history, completion.
//
// A pure state machine: bytes from the terminal go in, bytes for the terminal and finished lines come out.
// The keys are those of GNU readline's default (Emacs) mode, as far as a monitor needs them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

class LineEditor {
  public:
    static constexpr std::size_t kMaxLine = 1024, kMaxHistory = 200;
    /// What a line so far may become; whole lines up to the end of the word in question.
    using Completer = std::function<std::vector<std::string>(std::string_view line)>;

    LineEditor(std::string prompt, Completer completer)
        : prompt_(std::move(prompt)), completer_(std::move(completer)) {}

    struct Result {
        std::string echo;          ///< to be shown
        bool complete = false;     ///< Enter was struck: take_line() has the line, and a new one begins
        bool interrupted = false;  ///< Ctrl-C or Ctrl-D on an empty line
    };
    Result feed(std::uint8_t byte);
    std::string take_line();
    /// Draws prompt and line, for example after something else was printed.
    std::string redraw() const;

  private:
    enum class State : std::uint8_t { plain, escape, bracket };

    void control(std::uint8_t byte, Result& result);
    void bracket(std::uint8_t byte, Result& result);
    void insert(std::string_view text, Result& result);
    void erase(std::size_t from, std::size_t count, Result& result);
    void move_to(std::size_t at, Result& result);
    void replace(const std::string& line, Result& result);
    void recall(int step, Result& result);
    void complete(Result& result);
    void finish(Result& result);

    std::string prompt_;
    Completer completer_;
    std::string line_, finished_;
    std::size_t cursor_ = 0;
    State state_ = State::plain;
    std::string parameter_;  ///< of an escape sequence
    std::vector<std::string> history_;
    std::size_t recalled_ = 0;  ///< index into history_; its size: the line being written
    std::string kept_;          ///< the line being written, while an older one is shown
};

}  // namespace ringpress
