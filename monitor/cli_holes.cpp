#include "monitor/cli_holes.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"
#include "monitor/exit_codes.hpp"
#include "monitor/holes/count.hpp"
#include "monitor/holes/findings.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/holes/render.hpp"
#include "monitor/terminal_style.hpp"

namespace ringpress {
namespace {

struct HolesOptions {
    bool help = false, json = false, html = false, count = false, markdown = false;
    std::string output;
    std::vector<std::string> names;
};

HolesOptions parse_holes(const std::vector<std::string>& arguments, std::string& help) {
    HolesOptions o;
    CLI::App app(
        "Executes every sensitive instruction of IA-32 at ring 3 of this host, and in a guest under each "
        "--sensitive level.",
        "ringpress holes");
    app.set_help_flag();
    app.add_option("INSTRUCTION", o.names, "explain this one: popf, \"mov from segment\", mov, ...")
        ->expected(-1);
    app.add_flag("--json", o.json, "for programs");
    app.add_flag("--html", o.html, "a page that needs nothing else");
    app.add_flag("--count", o.count, "how many there are, here and in the literature");
    app.add_flag("--markdown", o.markdown)->group("");
    app.add_option("--o", o.output, "write to this file")->type_name("FILE");
    app.add_flag("--help,--h", o.help, "this text");
    app.formatter(std::make_shared<OptionFormatter>());
    std::vector<std::string> normal = normalise_arguments(app, arguments);
    try {
        app.parse(std::vector<std::string>(normal.rbegin(), normal.rend()));
    } catch (const CLI::ParseError& error) {
        throw std::runtime_error(error.what());
    }
    if (o.json + o.html + o.count > 1)
        throw std::runtime_error("--json, --html and --count: ask for one of them");
    if ((o.html || o.count) && !o.names.empty())
        throw std::runtime_error("--html and --count are about all instructions: leave the name out");
    help = app.help();
    return o;
}

void write_output(const std::string& text, const std::string& file) {
    if (file.empty()) {
        fmt::print("{}", text);
        return;
    }
    std::FILE* out = std::fopen(file.c_str(), "we");
    const bool written = out && std::fwrite(text.data(), 1, text.size(), out) == text.size();
    const bool closed = out && std::fclose(out) == 0;
    if (!written || !closed)
        throw std::runtime_error(fmt::format("cannot write '{}' (-o): {}", file, std::strerror(errno)));
}

std::vector<InsnId> named(const std::vector<std::string>& names) {
    std::vector<InsnId> ids;
    for (const std::string& name : names)
        for (const InsnId id : instructions_named(name))
            if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    return ids;
}

}  // namespace

int command_holes(const std::vector<std::string>& arguments) {
    std::string help;
    const HolesOptions o = parse_holes(arguments, help);
    if (o.help) {
        fmt::print("{}", help);
        return exit_status(ExitCode::ended);
    }
    if (o.markdown) {
        write_output(holes_markdown(), o.output);
        return exit_status(ExitCode::ended);
    }
    const std::vector<InsnId> ids = named(o.names);
    const HolesReport report = find_holes();
    RenderStyle style;
    if (o.output.empty()) style = {wants_colour(stdout), output_width(stdout)};
    write_output(o.json        ? holes_json(report, ids)
                 : o.html      ? holes_html(report)
                 : o.count     ? count_text(count_holes(report), style.width)
                 : ids.empty() ? holes_table(report, style)
                               : holes_detail(report, ids, style),
                 o.output);
    return exit_status(report.no_guest.empty() ? ExitCode::ended : ExitCode::host_error);
}

}  // namespace ringpress
