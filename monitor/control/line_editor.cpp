#include "monitor/control/line_editor.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringpress {

namespace {

/// The Ctrl key with a letter.
constexpr std::uint8_t ctrl(char letter) {
    return static_cast<std::uint8_t>(letter - 'a' + 1);
}

std::string common_prefix(const std::vector<std::string>& words) {
    std::string prefix = words.front();
    for (const std::string& word : words) {
        std::size_t same = 0;
        while (same < prefix.size() && same < word.size() && prefix[same] == word[same]) ++same;
        prefix.resize(same);
    }
    return prefix;
}

}  // namespace

std::string LineEditor::redraw() const {
    std::string text = "\r\x1B[K" + prompt_ + line_;
    if (cursor_ < line_.size()) text += fmt::format("\x1B[{}D", line_.size() - cursor_);
    return text;
}

std::string LineEditor::take_line() {
    std::string line;
    line.swap(finished_);
    return line;
}

LineEditor::Result LineEditor::feed(std::uint8_t byte) {
    Result result;
    switch (state_) {
        case State::escape:
            state_ = byte == '[' || byte == 'O' ? State::bracket : State::plain;
            parameter_.clear();
            break;
        case State::bracket:
            // ECMA-48, section 5.4: parameters, then one final byte from '@' on.
            if (byte >= '@' || parameter_.size() > 8) {
                state_ = State::plain;
                bracket(byte, result);
            } else {
                parameter_ += static_cast<char>(byte);
            }
            break;
        case State::plain:
            if (byte == 27)
                state_ = State::escape;
            else if (byte < ' ' || byte == 127)
                control(byte, result);
            else
                insert(std::string(1, static_cast<char>(byte)), result);
    }
    return result;
}

void LineEditor::control(std::uint8_t byte, Result& result) {
    switch (byte) {
        case ctrl('a'): move_to(0, result); break;
        case ctrl('b'): move_to(cursor_ ? cursor_ - 1 : 0, result); break;
        case ctrl('c'):
            result.interrupted = line_.empty();
            result.echo += "\r\n";
            line_.clear();
            cursor_ = 0;
            if (!result.interrupted) result.echo += redraw();
            break;
        case ctrl('d'):
            if (line_.empty())
                result.interrupted = true;
            else
                erase(cursor_, 1, result);
            break;
        case ctrl('e'): move_to(line_.size(), result); break;
        case ctrl('f'): move_to(cursor_ + 1, result); break;
        case ctrl('h'):
        case 127:
            if (cursor_ > 0) erase(cursor_ - 1, 1, result);
            break;
        case ctrl('i'): complete(result); break;
        case ctrl('j'):
        case ctrl('m'): finish(result); break;
        case ctrl('k'): erase(cursor_, line_.size(), result); break;
        case ctrl('l'): result.echo += "\x1B[H\x1B[2J" + redraw(); break;
        case ctrl('n'): recall(1, result); break;
        case ctrl('p'): recall(-1, result); break;
        case ctrl('u'): erase(0, cursor_, result); break;
        case ctrl('w'): {
            std::size_t from = cursor_;
            while (from > 0 && line_[from - 1] == ' ') --from;
            while (from > 0 && line_[from - 1] != ' ') --from;
            erase(from, cursor_ - from, result);
            break;
        }
        default: break;
    }
}

void LineEditor::bracket(std::uint8_t byte, Result& result) {
    switch (byte) {
        case 'A': recall(-1, result); break;
        case 'B': recall(1, result); break;
        case 'C': move_to(cursor_ + 1, result); break;
        case 'D': move_to(cursor_ ? cursor_ - 1 : 0, result); break;
        case 'H': move_to(0, result); break;
        case 'F': move_to(line_.size(), result); break;
        case '~':
            if (parameter_ == "3") erase(cursor_, 1, result);
            if (parameter_ == "1" || parameter_ == "7") move_to(0, result);
            if (parameter_ == "4" || parameter_ == "8") move_to(line_.size(), result);
            break;
        default: break;
    }
}

void LineEditor::insert(std::string_view text, Result& result) {
    if (line_.size() + text.size() > kMaxLine) return;
    line_.insert(cursor_, text);
    cursor_ += text.size();
    // At the end of the line, which is the rule, only what is new is sent.
    result.echo += cursor_ == line_.size() ? std::string(text) : redraw();
}

void LineEditor::erase(std::size_t from, std::size_t count, Result& result) {
    if (from >= line_.size()) return;
    line_.erase(from, count);
    cursor_ = from;
    result.echo += redraw();
}

void LineEditor::move_to(std::size_t at, Result& result) {
    cursor_ = std::min(at, line_.size());
    result.echo += redraw();
}

void LineEditor::replace(const std::string& line, Result& result) {
    line_ = line;
    cursor_ = line_.size();
    result.echo += redraw();
}

void LineEditor::recall(int step, Result& result) {
    if ((step < 0 && recalled_ == 0) || (step > 0 && recalled_ == history_.size())) return;
    if (recalled_ == history_.size()) kept_ = line_;
    recalled_ = step < 0 ? recalled_ - 1 : recalled_ + 1;
    replace(recalled_ == history_.size() ? kept_ : history_[recalled_], result);
}

void LineEditor::complete(Result& result) {
    if (!completer_ || cursor_ != line_.size()) return;
    const std::vector<std::string> found = completer_(line_);
    if (found.empty()) return;
    if (found.size() == 1) return replace(found.front() + " ", result);
    const std::string prefix = common_prefix(found);
    if (prefix.size() > line_.size()) return replace(prefix, result);
    result.echo += "\r\n";
    for (const std::string& word : found) result.echo += word + "\r\n";
    result.echo += redraw();
}

void LineEditor::finish(Result& result) {
    result.echo += "\r\n";
    result.complete = true;
    finished_ = line_;
    if (!line_.empty() && (history_.empty() || history_.back() != line_)) {
        if (history_.size() == kMaxHistory) history_.erase(history_.begin());
        history_.push_back(line_);
    }
    recalled_ = history_.size();
    line_.clear();
    cursor_ = 0;
}

}  // namespace ringpress
