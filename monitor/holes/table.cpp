#include <fmt/format.h>

#include <algorithm>

#include "monitor/holes/count.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/holes/render.hpp"

namespace ringpress {

namespace {

constexpr std::string_view kReset = "\033[0m", kBold = "\033[1m", kRed = "\033[31m", kGreen = "\033[32m",
                           kYellow = "\033[33m", kMagenta = "\033[35m", kDim = "\033[2m";

std::string_view colour_of(HostAnswer answer) {
    switch (answer) {
        case HostAnswer::faults: return kGreen;
        case HostAnswer::silent: return kRed;
        case HostAnswer::kernel: return kYellow;
        case HostAnswer::system_call:
        case HostAnswer::lost: return kMagenta;
        case HostAnswer::same:
        case HostAnswer::unknown: break;
    }
    return kDim;
}

std::string_view colour_of(GuestAnswer answer) {
    switch (answer) {
        case GuestAnswer::right: return kGreen;
        case GuestAnswer::wrong: return kRed;
        case GuestAnswer::ended: return kMagenta;
        case GuestAnswer::unknown: break;
    }
    return kDim;
}

std::string_view answer_word(GuestAnswer answer) {
    switch (answer) {
        case GuestAnswer::right: return "right";
        case GuestAnswer::wrong: return "WRONG";
        case GuestAnswer::ended: return "ENDS";
        case GuestAnswer::unknown: break;
    }
    return "-";
}

/// Exactly `width` columns: cut, with a mark that it was, or filled up.
std::string fitted(const std::string& text, unsigned width) {
    if (text.size() <= width) return fmt::format("{:<{}}", text, width);
    if (width <= 2) return text.substr(0, width);
    return fmt::format("{}..", std::string_view(text).substr(0, width - 2));
}

std::string painted(std::string_view colour, const std::string& text, bool on) {
    return on && !colour.empty() ? fmt::format("{}{}{}", colour, text, kReset) : text;
}

/// Column widths for a terminal: what a line has too little room for is cut, then left out.
struct Columns {
    explicit Columns(unsigned width) {
        constexpr unsigned kMost = 170;
        width = std::clamp(width, 40u, kMost) - 1;
        levels = width >= 66;
        const unsigned fixed = answer + 1 + (levels ? kLevelCount * (level + 1) : 0);
        unsigned left = width - fixed;
        if (left >= 90) bytes = 21;
        if (left >= 115) ring0 = 30;
        left -= (bytes ? bytes + 1 : 0) + (ring0 ? ring0 + 1 : 0);
        name = std::clamp(left / 2, 14u, 46u);
        host = left - name - 2;
    }
    static constexpr unsigned answer = 11, level = 6;
    bool levels = true;
    unsigned name = 0, bytes = 0, ring0 = 0, host = 0;
};

std::string header(const Columns& c, const RenderStyle& style) {
    std::string line = fitted("instruction", c.name) + " ";
    if (c.bytes) line += fitted("bytes", c.bytes) + " ";
    if (c.ring0) line += fitted("ring 0", c.ring0) + " ";
    line += fitted("this host", c.answer + 1 + c.host) + " ";
    if (c.levels)
        for (const std::string_view name : kLevelNames) line += fitted(std::string(name), c.level) + " ";
    while (line.ends_with(' ')) line.pop_back();
    return fmt::format("{}\n", painted(kBold, line, style.colour));
}

/// Under a level that deals with it, the means says more than "right".
std::string level_word(const LevelFinding& l, unsigned level) {
    if (l.answer == GuestAnswer::right && kLevels[level] != SensitiveLevel::ignore) return l.how;
    return std::string(answer_word(l.answer));
}

std::string row(const FormFinding& f, const Columns& c, const RenderStyle& style) {
    const std::string note = f.form->form.note;
    std::string line = fitted(note.empty() ? f.text : fmt::format("{}  {}", f.text, note), c.name) + " ";
    if (c.bytes) line += painted(kDim, fitted(f.bytes, c.bytes), style.colour) + " ";
    if (c.ring0) line += fitted(f.ring0, c.ring0) + " ";
    line +=
        painted(colour_of(f.host), fitted(std::string(answer_name(f.host)), c.answer), style.colour) + " ";
    line += fitted(f.host_text.substr(0, f.host_text.find(';')), c.host) + " ";
    for (unsigned i = 0; c.levels && i < kLevelCount; ++i) {
        const std::string word = level_word(f.levels[i], i);
        const bool last = i + 1 == kLevelCount;  // nothing to fill up to
        line += painted(colour_of(f.levels[i].answer), last ? word : fitted(word, c.level), style.colour);
        if (!last) line += " ";
    }
    while (line.ends_with(' ')) line.pop_back();
    return line + "\n";
}

/// The forms in chapters, each in the table's order.
std::vector<const FormFinding*> by_family(const HolesReport& report) {
    std::vector<const FormFinding*> forms;
    for (const FormFinding& f : report.forms) forms.push_back(&f);
    std::stable_sort(forms.begin(), forms.end(), [](const FormFinding* a, const FormFinding* b) {
        return info(a->form->id).family < info(b->form->id).family;
    });
    return forms;
}

std::string legend(const RenderStyle& style) {
    return wrapped(
               "This host: faults (a monitor gets to know), silent (runs, and does or shows something else "
               "than ring 0), kernel (faults, but the host's kernel answers in its place), system call "
               "(enters the host's kernel), lost (does not come back), same (runs, and does what ring 0 "
               "does).",
               style.width) +
           wrapped(
               "Levels of --sensitive: what a guest's ring 0 gets; int3 and gate are how the code view "
               "catches it, native that it runs as it is; ENDS: the guest did not survive it. ringpress "
               "holes NAME explains one.",
               style.width);
}

std::string labelled(std::string_view label, const std::string& text, unsigned width) {
    constexpr unsigned kLabel = 15;
    return fmt::format("{:<{}}", label, kLabel) +
           wrapped(text, std::max(width, 2 * kLabel), kLabel).substr(kLabel);
}

}  // namespace

std::string holes_table(const HolesReport& report, const RenderStyle& style) {
    const Columns columns(style.width);
    std::string text = header(columns, style);
    const InsnFamily* family = nullptr;
    for (const FormFinding* f : by_family(report)) {
        const InsnFamily& own = info(f->form->id).family;
        if (!family || *family != own)
            text += painted(kBold, fmt::format("\n{}", family_name(own)), style.colour) + "\n";
        family = &own;
        text += row(*f, columns, style);
    }
    text += "\n";
    text += wrapped(fmt::format("{}; {}; {:.1f} s", report.processor, report.kernel, report.seconds),
                    style.width);
    text += "\n";
    text += legend(style) + "\n" + count_text(count_holes(report), style.width);
    if (!report.no_guest.empty())
        text += wrapped(fmt::format("Guests did not run: {} (see ringpress doctor)", report.no_guest),
                        style.width);
    return text;
}

std::string holes_detail(const HolesReport& report, const std::vector<InsnId>& ids,
                         const RenderStyle& style) {
    std::string text;
    for (const InsnId id : ids) {
        const InsnInfo& i = info(id);
        const InsnExplanation& e = explanation(id);
        if (!text.empty()) text += "\n";
        text += painted(kBold, std::string(i.mnemonic), style.colour) + "\n\n";
        text += labelled("ring 0", std::string(e.ring0), style.width);
        text += labelled("deprivileged", std::string(e.why), style.width);
        text += labelled("class", fmt::format("{}: it {}", class_name(i.insn_class), i.effect), style.width);
        text += labelled("sensitive", fmt::format("{} (Popek and Goldberg)", sensitivity_text(e.sensitivity)),
                         style.width);
        text += labelled("manual", fmt::format("SDM Vol. {}", i.sdm), style.width);
        text +=
            labelled("Robin, Irvine",
                     e.printed.empty() ? "not in their list" : fmt::format("in their list as {}", e.printed),
                     style.width);
        for (const FormFinding& f : report.forms) {
            if (f.form->id != id) continue;
            const std::string note = f.form->form.note;
            text += "\n";
            text += painted(kBold, fmt::format("  {}", f.text), style.colour);
            text += fmt::format("   bytes {}{}{}\n", f.bytes, note.empty() ? "" : "   with ", note);
            text += labelled("    ring 0", f.ring0, style.width);
            text += labelled("    this host", fmt::format("{}: {}", answer_name(f.host), f.host_text),
                             style.width);
            for (unsigned n = 0; n < kLevelCount; ++n) {
                const LevelFinding& l = f.levels[n];
                const std::string what = fmt::format("{}: {}{}{}", l.how, answer_word(l.answer),
                                                     l.what.empty() ? "" : ": ", l.what);
                text += labelled(fmt::format("    {}", kLevelNames[n]), what, style.width);
            }
        }
    }
    text += fmt::format("\nExecuted on {}, {}.\n", report.processor, report.kernel);
    if (!report.no_guest.empty())
        text += wrapped(fmt::format("Guests did not run: {} (see ringpress doctor)", report.no_guest),
                        style.width);
    return text;
}

}  // namespace ringpress
