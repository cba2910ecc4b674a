#include "monitor/holes/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"
#include "monitor/cli_values.hpp"

namespace ringpress {

namespace {

std::string normal(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool gap = c == '_' || c == '-' || c == ' ';
        out += gap ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

/// The manual's mnemonic, where ours says more ("mov from segment") or is the assembler's ("ljmp"): the last
/// part of the section's title, "2A 3-JMP".
std::string manual_name(InsnId id) {
    const std::string_view sdm = info(id).sdm;
    return normal(sdm.substr(sdm.find('-') + 1));
}

}  // namespace

std::vector<InsnId> instructions_named(std::string_view text) {
    const std::string wanted = normal(text);
    const auto matching = [&](auto&& matches) {
        std::vector<InsnId> found;
        for (const InsnExplanation& e : explanations())
            if (matches(e)) found.push_back(e.id);
        return found;
    };
    const auto exact = matching([&](const InsnExplanation& e) {
        return normal(e.key) == wanted || normal(info(e.id).mnemonic) == wanted;
    });
    if (!exact.empty()) return exact;
    const auto wider = matching([&](const InsnExplanation& e) {
        const std::string mnemonic = normal(info(e.id).mnemonic);
        return normal(e.printed) == wanted || manual_name(e.id) == wanted ||
               mnemonic.substr(0, mnemonic.find(' ')) == wanted;
    });
    if (!wider.empty()) return wider;
    std::vector<std::string> known;
    for (const InsnExplanation& e : explanations())
        for (const std::string& name :
             {std::string(info(e.id).mnemonic), std::string(e.key), manual_name(e.id)})
            if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
    throw std::runtime_error(fmt::format("'{}' is no sensitive instruction{}; see ringpress holes", text,
                                         did_you_mean(wanted, known)));
}

OpenHoles parse_open_holes(const std::string& text) {
    OpenHoles open;
    const std::size_t at = text.find('@');
    if (at != std::string::npos)
        open.first = open.last =
            static_cast<std::uint32_t>(parse_number(text.substr(at + 1), 0xFFFFFFFF, "address of a hole"));
    std::string_view names = std::string_view(text).substr(0, at);
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(','), names.size());
        for (const InsnId id : instructions_named(names.substr(0, end)))
            open.ids |= std::uint64_t{1} << static_cast<unsigned>(id);
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    if (open.ids == 0)
        throw std::runtime_error("--leave-open: name instructions, as popf,sgdt or popf@0x100abc");
    return open;
}

std::vector<std::string> sensitivity_words(unsigned kinds) {
    std::vector<std::string> words;
    if (kinds & sensitivity::control) words.emplace_back("control");
    if (kinds & sensitivity::location) words.emplace_back("location");
    if (kinds & sensitivity::mode) words.emplace_back("mode");
    if (kinds & sensitivity::beyond) words.emplace_back("beyond");
    return words;
}

std::string sensitivity_text(unsigned kinds) {
    return kinds == sensitivity::none ? "none" : fmt::format("{}", fmt::join(sensitivity_words(kinds), ", "));
}

std::string_view family_name(InsnFamily family) {
    switch (family) {
        case InsnFamily::flags: return "flags";
        case InsnFamily::control: return "control";
        case InsnFamily::io: return "input and output";
        case InsnFamily::tables: return "descriptor tables";
        case InsnFamily::model: return "the processor's model";
        case InsnFamily::gates: return "gates";
        case InsnFamily::transfers: return "far transfers";
        case InsnFamily::segments: return "segment registers";
    }
    return "?";
}

}  // namespace ringpress
