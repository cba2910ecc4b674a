#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "monitor/holes/count.hpp"
#include "monitor/holes/names.hpp"
#include "monitor/holes/render.hpp"

namespace ringpress {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view guest_answer_name(GuestAnswer answer) {
    switch (answer) {
        case GuestAnswer::right: return "right";
        case GuestAnswer::wrong: return "wrong";
        case GuestAnswer::ended: return "ended";
        case GuestAnswer::unknown: break;
    }
    return "unknown";
}

Json form_json(const FormFinding& f) {
    Json form = {
        {"text", f.text},
        {"bytes", f.bytes},
        {"note", f.form->form.note},
        {"ring0", f.ring0},
        {"host", {{"answer", answer_name(f.host)}, {"hole", is_hole(f.host)}, {"text", f.host_text}}}};
    for (unsigned i = 0; i < kLevelCount; ++i) {
        const LevelFinding& l = f.levels[i];
        form["levels"][std::string(kLevelNames[i])] = {
            {"answer", guest_answer_name(l.answer)}, {"how", l.how}, {"text", l.what}};
    }
    return form;
}

Json by_answer(const unsigned (&counts)[7]) {
    Json json;
    for (unsigned i = 0; i < std::size(counts); ++i)
        json[std::string(answer_name(static_cast<HostAnswer>(i)))] = counts[i];
    return json;
}

}  // namespace

std::string holes_json(const HolesReport& report, const std::vector<InsnId>& ids) {
    Json json;
    json["host"] = {{"processor", report.processor}, {"kernel", report.kernel}};
    json["guests_ran"] = report.no_guest.empty();
    if (!report.no_guest.empty()) json["no_guest"] = report.no_guest;
    json["seconds"] = report.seconds;
    json["instructions"] = Json::array();
    for (const InsnExplanation& e : explanations()) {
        if (!ids.empty() && std::find(ids.begin(), ids.end(), e.id) == ids.end()) continue;
        const InsnInfo& i = info(e.id);
        Json insn = {{"id", e.key},
                     {"mnemonic", i.mnemonic},
                     {"class", class_name(i.insn_class)},
                     {"family", family_name(i.family)},
                     {"sensitive", sensitivity_words(e.sensitivity)},
                     {"sdm", fmt::format("Vol. {}", i.sdm)},
                     {"effect", i.effect},
                     {"ring0", e.ring0},
                     {"deprivileged", e.why},
                     {"host", answer_name(worst_answer(report, e.id))}};
        if (!e.printed.empty()) insn["robin_irvine"] = e.printed;
        insn["forms"] = Json::array();
        for (const FormFinding& f : report.forms)
            if (f.form->id == e.id) insn["forms"].push_back(form_json(f));
        json["instructions"].push_back(std::move(insn));
    }
    const HolesCount c = count_holes(report);
    json["count"] = {
        {"instructions", c.instructions},
        {"forms", c.forms},
        {"holes", c.holes},
        {"instructions_by_answer", by_answer(c.instructions_by_answer)},
        {"forms_by_answer", by_answer(c.forms_by_answer)},
        {"robin_irvine", {{"printed", c.printed}, {"lines", c.printed_lines}, {"holes", c.printed_holes}}},
        {"holes_not_listed", c.unlisted}};
    return json.dump(2) + "\n";
}

}  // namespace ringpress
