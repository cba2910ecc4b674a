#include "monitor/holes/count.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ringpress {

namespace {

constexpr unsigned kClaimed = 17;  // "seventeen", says the paper; its list is in instruction_forms.def

bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

/// "faults 27, silent 22, kernel 5".
std::string by_answer(const unsigned (&counts)[7]) {
    std::string text;
    for (unsigned i = 0; i < std::size(counts); ++i) {
        if (counts[i] == 0) continue;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", answer_name(static_cast<HostAnswer>(i)),
                            counts[i]);
    }
    return text;
}

}  // namespace

HolesCount count_holes(const HolesReport& report) {
    HolesCount c;
    for (const FormFinding& f : report.forms) {
        ++c.forms;
        ++c.forms_by_answer[static_cast<unsigned>(f.host)];
    }
    for (const InsnExplanation& e : explanations()) {
        const HostAnswer worst = worst_answer(report, e.id);
        const std::string name(e.printed);
        ++c.instructions;
        ++c.instructions_by_answer[static_cast<unsigned>(worst)];
        c.holes += is_hole(worst);
        if (name.empty()) {
            if (is_hole(worst)) c.unlisted.emplace_back(info(e.id).mnemonic);
            continue;
        }
        ++c.printed_lines;
        if (!contains(c.printed, name)) c.printed.push_back(name);
        if (is_hole(worst) && !contains(c.printed_holes, name)) c.printed_holes.push_back(name);
    }
    return c;
}

std::string wrapped(std::string_view text, unsigned width, unsigned indent) {
    std::string out, line(indent, ' ');
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) continue;
        if (line.size() > indent && line.size() + 1 + word.size() > width) {
            out += line + "\n";
            line.assign(indent, ' ');
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
        line += word;
    }
    return out + line + "\n";
}

std::string count_text(const HolesCount& c, unsigned width) {
    std::string text = wrapped(fmt::format("{} instructions, by the worst of their forms on this host: {}. "
                                           "{} forms: {}. So {} instructions have a hole here.",
                                           c.instructions, by_answer(c.instructions_by_answer), c.forms,
                                           by_answer(c.forms_by_answer), c.holes),
                               width);
    text += "\n";
    text += wrapped(
        fmt::format("Robin and Irvine (USENIX Security 2000) count {} instructions that are sensitive but "
                    "not privileged, and nearly everybody since has repeated the number. The list that goes "
                    "with it has {} names: {}. No two of them are the same, and it is not said which are "
                    "counted as one. They are {} lines of this table: MOV is two holes, reading a segment "
                    "register and loading one, as PUSH and POP are.",
                    kClaimed, c.printed.size(), fmt::join(c.printed, " "), c.printed_lines),
        width);
    text += "\n";
    text += wrapped(fmt::format("On this host {} of the {} names are holes{}{}. {} more have holes that the "
                                "list does not have{}{}.",
                                c.printed_holes.size(), c.printed.size(), c.printed_holes.empty() ? "" : ": ",
                                fmt::join(c.printed_holes, " "), c.unlisted.size(),
                                c.unlisted.empty() ? "" : ": ", fmt::join(c.unlisted, ", ")),
                    width);
    return text;
}

}  // namespace ringpress
