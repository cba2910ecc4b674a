#include "monitor/cli_main.hpp"

#include <string>
#include <vector>

#include "pty_child.hpp"

using namespace ringpress;
using test::PtyChild;

namespace {

/// Runs the program with these arguments, without a machine to name; true if it ends with `status` and has
/// said `text`.
bool says(std::vector<std::string> arguments, int status, const std::string& text) {
    arguments.insert(arguments.begin(), "ringpress");
    PtyChild child([&] {
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        const int result = cli_main(static_cast<int>(argv.size()), argv.data());
        std::fflush(nullptr);
        return result;
    });
    const bool shown = child.shows(text);
    const int end = child.wait();
    UNSCOPED_INFO(child.screen());
    return shown && WIFEXITED(end) && WEXITSTATUS(end) == status;
}

}  // namespace

TEST_CASE("An unknown option sends its user to the help of the very command") {
    const std::vector<std::vector<std::string>> commands = {{"run"},
                                                            {"compare"},
                                                            {"doctor"},
                                                            {"holes"},
                                                            {"scan"},
                                                            {"symbols"},
                                                            {"ps"},
                                                            {"top"},
                                                            {"ctl"},
                                                            {"trace", "summary"},
                                                            {"trace", "convert"},
                                                            {"report"}};
    for (const auto& command : commands) {
        std::string called = "ringpress";
        for (const std::string& word : command) called += " " + word;
        std::vector<std::string> arguments = command;
        arguments.push_back("-nosuch");
        CHECK(says(arguments, 2, "see " + called + " --help"));
    }
    CHECK(says({"compare", "kernel", "-nosuch"}, 2, "see ringpress compare --help"));
    // The demonstration's options are those of run.
    CHECK(says({"demo", "-nosuch"}, 2, "see ringpress run --help"));
}

TEST_CASE("help knows every command, and --help does the same") {
    for (const std::string command :
         {"run", "compare", "doctor", "holes", "scan", "symbols", "ps", "top", "ctl", "report"}) {
        CHECK(says({"help", command}, 0, "ringpress " + command));
        CHECK(says({command, "--help"}, 0, "ringpress " + command));
    }
    CHECK(says({"help"}, 0, "ringpress run KERNEL"));
    CHECK(says({"help", "exit-codes"}, 0, "124"));
    CHECK(says({"help", "scna"}, 2, "did you mean scan?"));
}
