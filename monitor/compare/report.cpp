#include "monitor/compare/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "monitor/compare/rows.hpp"
#include "monitor/holes/count.hpp"
#include "traps/instruction_forms.hpp"

namespace ringpress {

namespace {

constexpr std::string_view kReset = "\033[0m", kBold = "\033[1m", kRed = "\033[31m", kBoldRed = "\033[1;31m",
                           kDim = "\033[2m";
constexpr unsigned kNarrowest = 26;  // columns of text, or the runs are shown one below the other
constexpr std::size_t kBefore = 6, kBehind = 14;

std::string painted(std::string_view colour, std::string_view text, bool on) {
    return on ? fmt::format("{}{}{}", colour, text, kReset) : std::string(text);
}

/// A cell's text in pieces of `width` columns, broken at blanks where that is possible.
std::vector<std::string> pieces(std::string_view text, unsigned width) {
    std::vector<std::string> list;
    while (text.size() > width) {
        std::size_t end = text.rfind(' ', width);
        if (end == std::string_view::npos || end == 0) end = width;
        list.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
        while (text.starts_with(' ')) text.remove_prefix(1);
    }
    list.emplace_back(text);
    return list;
}

/// The rows to show: all, or those around the first difference of the open run.
struct Range {
    std::size_t first, last;
};
Range shown_rows(const std::vector<CompareRow>& rows, bool all) {
    if (all || rows.size() <= kBefore + kBehind) return {0, rows.size()};
    const auto at =
        std::find_if(rows.begin(), rows.end(), [](const CompareRow& r) { return r.back().first; });
    if (at == rows.end()) return {rows.size() - kBehind, rows.size()};
    const auto n = static_cast<std::size_t>(at - rows.begin());
    return {n > kBefore ? n - kBefore : 0, std::min(rows.size(), n + kBehind)};
}

std::string left_out(std::size_t lines, bool colour) {
    return lines == 0 ? "" : painted(kDim, fmt::format("({} lines)", lines), colour) + "\n";
}

std::string_view colour_of(const CompareCell& cell) {
    return cell.first ? kBoldRed : cell.differs ? kRed : std::string_view();
}

std::string column_lines(const std::vector<std::string>& texts, const std::vector<std::string_view>& colours,
                         const std::string& mark, unsigned width, bool colour) {
    std::vector<std::vector<std::string>> columns;
    std::size_t height = 1;
    for (const std::string& text : texts) {
        columns.push_back(pieces(text, width));
        height = std::max(height, columns.back().size());
    }
    std::string out;
    for (std::size_t n = 0; n < height; ++n) {
        std::string line = n == 0 ? mark : std::string(mark.size(), ' ');
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string piece = n < columns[i].size() ? columns[i][n] : "";
            const bool last = i + 1 == columns.size();
            const std::string cell = last ? piece : fmt::format("{:<{}}", piece, width);
            line += colours[i].empty() || piece.empty() ? cell : painted(colours[i], cell, colour);
            if (!last) line += " | ";
        }
        while (line.ends_with(' ')) line.pop_back();
        out += line;
        out += '\n';
    }
    return out;
}

std::string in_columns(const Comparison& c, const std::vector<CompareRow>& rows, Range range, unsigned width,
                       bool colour) {
    std::vector<std::string> titles, ends;
    for (const ComparedRun& run : c.runs) {
        const bool level = run.title != "QEMU";
        titles.push_back(level ? "--sensitive " + run.title : run.title);
        ends.push_back(run.unavailable.empty() ? fmt::format("({})", run.end_text)
                                               : fmt::format("({})", run.unavailable));
    }
    const std::vector<std::string_view> bold(c.runs.size(), kBold), dim(c.runs.size(), kDim);
    std::string text = column_lines(titles, bold, "  ", width, colour);
    text += left_out(range.first, colour);
    for (std::size_t i = range.first; i < range.last; ++i) {
        std::vector<std::string> cells;
        std::vector<std::string_view> colours;
        bool parts = false;
        for (std::size_t r = 0; r < c.runs.size(); ++r) {
            cells.push_back(rows[i][r].present ? rows[i][r].text : rows[i][r].first ? "(nothing)" : "");
            colours.push_back(colour_of(rows[i][r]));
            parts = parts || (rows[i][r].first && r + 1 == c.runs.size());
        }
        text += column_lines(cells, colours, parts ? "> " : "  ", width, colour);
    }
    text += left_out(rows.size() - range.last, colour);
    return text + column_lines(ends, dim, "  ", width, colour);
}

/// The reference in full; of the others, what is different.
std::string stacked(const Comparison& c, const std::vector<CompareRow>& rows, Range range,
                    const CompareStyle& style) {
    std::string text;
    for (std::size_t r = 0; r < c.runs.size(); ++r) {
        const ComparedRun& run = c.runs[r];
        if (r > 0) text += '\n';
        text += painted(kBold, run.title == "QEMU" ? run.title : "--sensitive " + run.title, style.colour);
        text += '\n';
        if (!run.unavailable.empty()) {
            text += wrapped(run.unavailable, style.width, 2);
            continue;
        }
        if (r > 0 && !run.parts) {
            text += wrapped(fmt::format("the same ({})", run.end_text), style.width, 2);
            continue;
        }
        text += left_out(range.first, style.colour);
        for (std::size_t i = range.first; i < range.last; ++i) {
            const CompareCell& cell = rows[i][r];
            if (!cell.present && !cell.first) continue;
            text +=
                column_lines({cell.present ? cell.text : "(nothing)"}, {colour_of(cell)},
                             cell.first ? "> " : "  ", std::max(style.width, kNarrowest) - 2, style.colour);
        }
        text += left_out(rows.size() - range.last, style.colour);
        text += wrapped(fmt::format("({})", run.end_text), style.width, 2);
    }
    return text;
}

std::string site_text(const CulpritSite& site) {
    return fmt::format("{:08x}{}{}", site.address, site.symbol.empty() ? "" : " ", site.symbol);
}

std::string line_name(const Comparison& c, int line) {
    const auto& lines = c.reference().output.lines;
    return line >= 0 && static_cast<std::size_t>(line) < lines.size()
               ? fmt::format("line {}, \"{}\"", line + 1, lines[static_cast<std::size_t>(line)].text)
               : std::string("the end");
}

std::string cause_text(const Comparison& c, const CompareStyle& style) {
    if (!c.culprit) return {};
    const Culprit& culprit = *c.culprit;
    if (!culprit.id)
        return wrapped(
            fmt::format("{} experiments found no single instruction that does it: several holes together.",
                        culprit.runs),
            style.width);
    const InsnInfo& insn = info(*culprit.id);
    std::string what = fmt::format("The cause: {}", insn.mnemonic);
    if (c.sites.size() == 1) what += fmt::format(" at {}", site_text(c.sites.front()));
    std::string text = painted(kBoldRed, wrapped(what, style.width), style.colour);
    text += wrapped(
        fmt::format(
            "Deprivileged it does not fault, and {}. With {}, and everything else caught, the guest parts "
            "from the right run at the same line ({} experiments). ringpress holes {} explains it.",
            insn.effect,
            culprit.alone
                ? (c.sites.size() == 1 ? "this one place left open" : "this instruction alone left open")
                : "this instruction caught and everything else open it does not, so that it takes it",
            culprit.runs, explanation(*culprit.id).key),
        style.width);
    if (c.sites.size() > 1) {
        std::string list;
        for (const CulpritSite& site : c.sites) {
            if (!list.empty()) list += ", ";
            list += site_text(site);
        }
        text += wrapped(fmt::format("It takes these places together: {}", list), style.width);
    }
    bool any = false;
    for (const Effect& effect : culprit.effects) {
        if (effect.id == *culprit.id || effect.reference_line < 0) continue;
        if (!any) {
            text += '\n';
            text += wrapped("Each by itself, these break the guest too:", style.width);
        }
        any = true;
        text += wrapped(fmt::format("{}: {}{}", info(effect.id).mnemonic, line_name(c, effect.reference_line),
                                    effect.shown.empty() ? std::string(" is not printed")
                                                         : fmt::format(" becomes \"{}\"", effect.shown)),
                        style.width, 2);
    }
    return text;
}

}  // namespace

std::string compare_text(const Comparison& c, const CompareStyle& style) {
    const std::vector<CompareRow> rows = merged_rows(c);
    const Range range = shown_rows(rows, style.all);
    const auto columns = static_cast<unsigned>(c.runs.size());
    constexpr unsigned kMark = 2, kBetween = 3;
    const unsigned taken = kMark + kBetween * (columns - 1);
    const unsigned width = style.width > taken ? (style.width - taken) / columns : 0;
    std::string text = painted(kBold, wrapped(c.kernel, style.width), style.colour);
    text += '\n';
    text += width >= kNarrowest ? in_columns(c, rows, range, width, style.colour)
                                : stacked(c, rows, range, style);
    text += '\n';
    if (c.reference().output.lines.empty())
        return text +
               wrapped("The guest printed nothing on its serial port, so that there is nothing to compare.",
                       style.width);
    if (!c.open().parts)
        return text + wrapped("No difference: this guest does not notice the holes.", style.width);
    return text + cause_text(c, style);
}

std::string compare_json(const Comparison& c) {
    using Json = nlohmann::ordered_json;
    Json json;
    json["kernel"] = c.kernel;
    json["runs"] = Json::array();
    for (const ComparedRun& run : c.runs) {
        Json r = {{"title", run.title}};
        if (!run.unavailable.empty()) {
            r["unavailable"] = run.unavailable;
        } else {
            r["end"] = run.end_text;
            r["seconds"] = run.output.seconds;
            r["same"] = !run.parts;
            if (run.parts) r["parts_at"] = parting_line(c.reference().output, run.output, c.unstable) + 1;
            r["lines"] = Json::array();
            for (const OutputLine& line : run.output.lines) r["lines"].push_back(line.text);
        }
        json["runs"].push_back(std::move(r));
    }
    if (c.culprit) {
        Json culprit = {{"found", c.culprit->id.has_value()}, {"experiments", c.culprit->runs}};
        if (c.culprit->id) {
            culprit["instruction"] = explanation(*c.culprit->id).key;
            culprit["alone"] = c.culprit->alone;
            culprit["sites"] = Json::array();
            for (const CulpritSite& site : c.sites)
                culprit["sites"].push_back({{"address", fmt::format("0x{:08x}", site.address)},
                                            {"text", site.text},
                                            {"symbol", site.symbol}});
        }
        culprit["effects"] = Json::array();
        for (const Effect& e : c.culprit->effects) {
            Json effect = {{"instruction", explanation(e.id).key}, {"breaks", e.reference_line >= 0}};
            if (e.reference_line >= 0) {
                effect["line"] = e.reference_line + 1;
                effect["shown"] = e.shown;
            }
            culprit["effects"].push_back(std::move(effect));
        }
        json["culprit"] = std::move(culprit);
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ringpress
