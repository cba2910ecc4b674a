#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "monitor/doctor.hpp"
#include "monitor/exit_codes.hpp"

namespace ringpress {
namespace {

constexpr std::string_view kReset = "\033[0m";

std::string_view colour_of(HostVerdict verdict) {
    switch (verdict) {
        case HostVerdict::ok: return "\033[32m";
        case HostVerdict::slower: return "\033[33m";
        case HostVerdict::missing: return "\033[31m";
    }
    return "";
}

}  // namespace

std::string_view verdict_name(HostVerdict verdict) {
    switch (verdict) {
        case HostVerdict::ok: return "ok";
        case HostVerdict::slower: return "slower";
        case HostVerdict::missing: return "missing";
    }
    return "?";
}

bool can_run_guests(const std::vector<Finding>& findings) {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& f) { return f.essential && f.verdict == HostVerdict::missing; });
}

std::string doctor_text(const std::vector<Finding>& findings, bool colour) {
    std::size_t width = 0;
    for (const Finding& f : findings) width = std::max(width, f.name.size());
    std::string text;
    for (const Finding& f : findings) {
        const std::string verdict = fmt::format("{:<8}", verdict_name(f.verdict));
        text += colour ? fmt::format("{}{}{}", colour_of(f.verdict), verdict, kReset) : verdict;
        text += fmt::format("{:<{}}  {}\n", f.name, width, f.finding);
        if (!f.cost.empty()) text += fmt::format("{:<{}}  -> {}\n", "", width + 8, f.cost);
    }
    text += can_run_guests(findings) ? "\nGuests can run on this host.\n"
                                     : "\nGuests cannot run on this host: see what is missing above.\n";
    return text;
}

std::string doctor_json(const std::vector<Finding>& findings) {
    nlohmann::ordered_json json;
    json["can_run"] = can_run_guests(findings);
    json["findings"] = nlohmann::ordered_json::array();
    for (const Finding& f : findings) {
        json["findings"].push_back({{"id", f.id},
                                    {"name", f.name},
                                    {"finding", f.finding},
                                    {"verdict", verdict_name(f.verdict)},
                                    {"cost", f.cost},
                                    {"essential", f.essential}});
    }
    return json.dump(2) + "\n";
}

int doctor_command(bool json) {
    const std::vector<Finding> findings = examine_host();
    fmt::print("{}", json ? doctor_json(findings) : doctor_text(findings, isatty(STDOUT_FILENO)));
    return can_run_guests(findings) ? exit_status(ExitCode::ended) : exit_status(ExitCode::host_error);
}

}  // namespace ringpress
