#include <fmt/format.h>

#include "monitor/holes/count.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/holes/render.hpp"

namespace ringpress {

namespace {

constexpr const char* kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ringpress holes</title>
<style>
:root { color-scheme: light dark; --line: #8884; --green: #1a7f37; --red: #c62828; --amber: #9a6700; --violet: #8250df; }
@media (prefers-color-scheme: dark) { :root { --green: #56d364; --red: #ff7b72; --amber: #e3b341; --violet: #d2a8ff; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 88rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
code { font: .9em ui-monospace, monospace; white-space: nowrap; }
.note { opacity: .75; }
.faults, .right { color: var(--green); } .silent, .wrong { color: var(--red); font-weight: 600; }
.kernel { color: var(--amber); font-weight: 600; } .lost, .call, .ended { color: var(--violet); font-weight: 600; }
details { border-bottom: 1px solid var(--line); padding: .4rem 0; } summary { cursor: pointer; }
summary b { display: inline-block; min-width: 11rem; font-family: ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; } dd { margin: 0; }
</style>
</head>
<body>
<h1>The holes of IA-32, on this host</h1>
)";

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string_view style_of(HostAnswer answer) {
    switch (answer) {
        case HostAnswer::faults: return "faults";
        case HostAnswer::silent: return "silent";
        case HostAnswer::kernel: return "kernel";
        case HostAnswer::system_call: return "call";
        case HostAnswer::lost: return "lost";
        case HostAnswer::same:
        case HostAnswer::unknown: break;
    }
    return "note";
}

std::string level_cell(const LevelFinding& l) {
    const char* style = "note";
    const char* word = "-";
    switch (l.answer) {
        case GuestAnswer::right: style = word = "right"; break;
        case GuestAnswer::wrong: style = word = "wrong"; break;
        case GuestAnswer::ended: style = "ended", word = "ends the guest"; break;
        case GuestAnswer::unknown: break;
    }
    std::string cell =
        fmt::format("<td><span class=\"{}\">{}</span> <span class=\"note\">{}</span>", style, word, l.how);
    if (!l.what.empty()) cell += fmt::format("<br>{}", escaped(l.what));
    return cell + "</td>";
}

std::string form_row(const FormFinding& f) {
    const std::string_view note = f.form->form.note;
    std::string row = fmt::format("<tr><td><code>{}</code>", escaped(f.text));
    if (!note.empty()) row += fmt::format("<br><span class=\"note\">{}</span>", escaped(note));
    row += fmt::format("</td><td><code>{}</code></td><td>{}</td>", f.bytes, escaped(f.ring0));
    row += fmt::format("<td><span class=\"{}\">{}</span><br>{}</td>", style_of(f.host), answer_name(f.host),
                       escaped(f.host_text));
    for (const LevelFinding& l : f.levels) row += level_cell(l);
    return row + "</tr>\n";
}

std::string instruction(const HolesReport& report, const InsnExplanation& e) {
    const InsnInfo& i = info(e.id);
    const HostAnswer worst = worst_answer(report, e.id);
    std::string html = fmt::format(
        "<details id=\"{}\"><summary><b>{}</b> <span class=\"{}\">{}</span> "
        "<span class=\"note\">{}</span></summary>\n<dl>",
        e.key, escaped(i.mnemonic), style_of(worst), answer_name(worst), escaped(i.effect));
    const auto term = [&html](std::string_view name, const std::string& text) {
        html += fmt::format("<dt>{}</dt><dd>{}</dd>", name, escaped(text));
    };
    term("ring 0", std::string(e.ring0));
    term("deprivileged", std::string(e.why));
    term("class", std::string(class_name(i.insn_class)));
    term("sensitive", sensitivity_text(e.sensitivity));
    term("manual", fmt::format("SDM Vol. {}", i.sdm));
    term("Robin and Irvine", e.printed.empty() ? "not in their list" : std::string(e.printed));
    html +=
        "</dl>\n<div class=\"scroll\"><table><tr><th>form</th><th>bytes</th><th>ring 0</th><th>this "
        "host</th>";
    for (const std::string_view level : kLevelNames) html += fmt::format("<th>{}</th>", level);
    html += "</tr>\n";
    for (const FormFinding& f : report.forms)
        if (f.form->id == e.id) html += form_row(f);
    return html + "</table></div></details>\n";
}

std::string paragraphs(std::string_view text) {
    std::string html = "<p>";
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at, 2) == "\n\n") {
            html += "</p>\n<p>";
            ++at;
        } else {
            html += text[at] == '\n' ? " " : escaped(text.substr(at, 1));
        }
    }
    return html + "</p>\n";
}

}  // namespace

std::string holes_html(const HolesReport& report) {
    std::string html = kHead;
    html += fmt::format(
        "<p>Every sensitive instruction, executed at ring 3 by a process of this host and at ring 0 of "
        "a guest.<br>{}; {}</p>\n",
        escaped(report.processor), escaped(report.kernel));
    if (!report.no_guest.empty())
        html += fmt::format("<p class=\"silent\">Guests did not run: {}</p>\n", escaped(report.no_guest));
    constexpr unsigned kNoWrap = 1u << 20;
    html += paragraphs(count_text(count_holes(report), kNoWrap));
    for (unsigned family = 0; family <= static_cast<unsigned>(InsnFamily::segments); ++family) {
        html += fmt::format("<h2>{}</h2>\n", escaped(family_name(static_cast<InsnFamily>(family))));
        for (const InsnExplanation& e : explanations())
            if (info(e.id).family == static_cast<InsnFamily>(family)) html += instruction(report, e);
    }
    return html + "</body>\n</html>\n";
}

std::string holes_markdown() {
    std::string text =
        "| Instruction | Class | Sensitive | Robin, Irvine | SDM Vol. | Ring 0 "
        "|\n|---|---|---|---|---|---|\n";
    for (const InsnExplanation& e : explanations()) {
        const InsnInfo& i = info(e.id);
        text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", i.mnemonic, class_name(i.insn_class),
                            sensitivity_text(e.sensitivity), e.printed, i.sdm, e.ring0);
    }
    return text;
}

}  // namespace ringpress
