#include "monitor/trace/cli_trace.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/trace/trace_convert.hpp"
#include "monitor/trace/trace_file.hpp"
#include "monitor/trace/trace_report.hpp"
#include "monitor/trace/trace_summary.hpp"

namespace ringpress {
namespace {

struct Options {
    bool help = false, json = false;
    std::string trace, to, out, sites;
};

/// The options of one command; `has` lists those that it takes besides the trace.
class Parser {
  public:
    Parser(const std::string& name, const std::string& description) : app_(description, name) {
        app_.set_help_flag();
        app_.formatter(std::make_shared<OptionFormatter>());
        app_.add_option("TRACE", raw.trace, "file that ringpress run -trace FILE has written")
            ->type_name("FILE");
        app_.add_flag("--help,--h", raw.help, "this text");
    }
    void value(const char* names, std::string& into, const char* type, const char* help) {
        app_.add_option(names, into, help)
            ->type_name(type)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
    void flag(const char* names, bool& into, const char* help) { app_.add_flag(names, into, help); }

    /// False: help was asked for, and printed.
    bool parse(const std::vector<std::string>& arguments) {
        const auto normal = normalise_arguments(app_, arguments, {});
        try {
            app_.parse(std::vector<std::string>(normal.rbegin(), normal.rend()));
        } catch (const CLI::ExtrasError&) {
            throw std::runtime_error(fmt::format("{} takes one trace", app_.get_name()));
        } catch (const CLI::ParseError& error) {
            throw std::runtime_error(error.what());
        }
        if (raw.help) {
            fmt::print("{}", app_.help());
            return false;
        }
        if (raw.trace.empty()) {
            throw std::runtime_error(fmt::format(
                "no trace: write {} FILE, with what ringpress run -trace FILE has written", app_.get_name()));
        }
        return true;
    }

    Options raw;

  private:
    CLI::App app_;
};

/// Where to write what was made of a trace; nobody means the trace itself.
OutputFile output(const std::string& path, const std::string& trace) {
    std::error_code none;
    if (std::filesystem::equivalent(path, trace, none))
        throw std::runtime_error(fmt::format("'{}' is the trace itself: write to another file (-o)", path));
    return OutputFile(path);
}

int summary(const std::vector<std::string>& arguments) {
    Parser parser("ringpress trace summary", "Where the traps of a trace come from, and what they cost.");
    parser.value("--sites", parser.raw.sites, "N", "how many of the hottest sites to show; default 20");
    parser.flag("--json", parser.raw.json, "one JSON object instead of tables");
    if (!parser.parse(arguments)) return 0;
    const std::size_t sites =
        parser.raw.sites.empty() ? 20 : parse_number(parser.raw.sites, 1'000'000, "-sites");
    const TraceSummary s = summarise(read_trace(parser.raw.trace));
    OutputFile out("-");
    out.put(parser.raw.json ? summary_json(s, sites) : summary_text(s, sites));
    out.finish();
    return 0;
}

int convert(const std::vector<std::string>& arguments) {
    Parser parser("ringpress trace convert", "A trace for other tools.");
    parser.value("--to", parser.raw.to, "chrome|folded|text",
                 "trace events for Perfetto; stacks for flame graphs; lines");
    parser.value("--o,--output", parser.raw.out, "FILE", "where to write; default standard output");
    if (!parser.parse(arguments)) return 0;
    if (parser.raw.to.empty()) throw std::runtime_error("-to what? Choose -to chrome, folded or text");
    constexpr void (*kWriters[])(const TraceFile&, OutputFile&) = {write_chrome, write_folded, write_text};
    const auto write = kWriters[parse_choice(parser.raw.to, {"chrome", "folded", "text"}, "form (-to)")];
    const TraceFile trace = read_trace(parser.raw.trace);
    OutputFile out = output(parser.raw.out.empty() ? "-" : parser.raw.out, parser.raw.trace);
    write(trace, out);
    out.finish();
    return 0;
}

constexpr const char* kTraceHelp =
    "ringpress trace summary TRACE [-sites N] [-json]\n"
    "    where the traps come from, and what they cost\n"
    "ringpress trace convert TRACE -to chrome|folded|text [-o FILE]\n"
    "    a trace for other tools: Perfetto and chrome://tracing, flame graphs, grep\n";

}  // namespace

int command_trace(const std::vector<std::string>& arguments) {
    const std::string what = arguments.empty() ? "" : arguments[0];
    if (what == "--help" || what == "-help" || what == "-h") {
        fmt::print("{}", kTraceHelp);
        return 0;
    }
    const std::vector<std::string> rest(arguments.begin() + !arguments.empty(), arguments.end());
    if (what == "summary") return summary(rest);
    if (what == "convert") return convert(rest);
    throw std::runtime_error(
        fmt::format("ringpress trace does summary or convert{}; see ringpress trace -help",
                    did_you_mean(what, {"summary", "convert"})));
}

int command_report(const std::vector<std::string>& arguments) {
    Parser parser("ringpress report", "A trace as a web page to look into.");
    parser.value("--o,--output", parser.raw.out, "FILE", "where to write; default TRACE.html");
    if (!parser.parse(arguments)) return 0;
    const TraceFile trace = read_trace(parser.raw.trace);
    OutputFile out =
        output(parser.raw.out.empty() ? parser.raw.trace + ".html" : parser.raw.out, parser.raw.trace);
    write_report(trace, out);
    out.finish();
    return 0;
}

}  // namespace ringpress
