#include "monitor/control/line_editor.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace ringpress;

namespace {

std::vector<std::string> two_commands(std::string_view line) {
    std::vector<std::string> found;
    for (const std::string command : {"info mem", "info mtree", "quit"})
        if (command.starts_with(line)) found.push_back(command);
    return found;
}

/// Types keys; returns the last finished line.
std::string typed(LineEditor& editor, std::string_view keys) {
    std::string line = "(none)";
    for (const char c : keys)
        if (editor.feed(static_cast<std::uint8_t>(c)).complete) line = editor.take_line();
    return line;
}

}  // namespace

TEST_CASE("A line is edited where the cursor is") {
    LineEditor editor("> ", two_commands);
    CHECK(typed(editor, "abc\r") == "abc");
    CHECK(typed(editor, "abd\x1B[Dc\r") == "abcd");
    CHECK(typed(editor,
                "abx\x7F"
                "c\r") == "abc");
    CHECK(typed(editor,
                "bc\x01"
                "a\x05"
                "d\r") == "abcd");
    CHECK(typed(editor, "one two\x17three\r") == "one three");
    CHECK(typed(editor,
                "junk\x15"
                "good\r") == "good");
    CHECK(typed(editor, "ab\x1B[H\x1B[3~\r") == "b");
    CHECK(typed(editor, "abc\x1BOD\x1BOD\x0B\r") == "a");
    CHECK(typed(editor, "x\x03y\r") == "y");
}

TEST_CASE("Older lines come back with the cursor keys, and the line begun is kept") {
    LineEditor editor("> ", two_commands);
    typed(editor, "first\rsecond\rsecond\r");
    CHECK(typed(editor, "\x1B[A\x1B[A\r") == "first");
    CHECK(typed(editor, "\x1B[A\x1B[A\x1B[A\x1B[A\x1B[A!\r") == "first!");
    CHECK(typed(editor, "begun\x1B[A\x1B[B\r") == "begun");
}

TEST_CASE("Tab completes what is unambiguous and lists what is not") {
    LineEditor editor("> ", two_commands);
    CHECK(typed(editor, "q\t\r") == "quit ");
    CHECK(typed(editor, "i\t\r") == "info m");
    for (const char c : std::string("info m")) editor.feed(static_cast<std::uint8_t>(c));
    const std::string echo = editor.feed('\t').echo;
    CHECK(echo.find("info mem\r\ninfo mtree\r\n") != std::string::npos);
}

TEST_CASE("Any keys at all leave a line of bounded length") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    LineEditor editor("> ", two_commands);
    for (unsigned i = 0; i < 100000; ++i) {
        const auto result = editor.feed(
            static_cast<std::uint8_t>(random() % 3 ? random() % 128 : "\x1B[ABCD~"[random() % 7]));
        if (result.complete) CHECK(editor.take_line().size() <= LineEditor::kMaxLine);
    }
}
