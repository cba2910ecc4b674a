#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "monitor/scan/scan_report.hpp"

namespace ringpress {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint32_t address) {
    return fmt::format("{:#010x}", address);
}

Json counts_json(const ScanCounts& counts) {
    Json json;
    json["sensitive"] = counts.sensitive;
    for (unsigned i = 0; i < kInsnClasses; ++i)
        json[class_word(static_cast<InsnClass>(i))] = counts.by_class[i];
    json["gate"] = counts.gates;
    return json;
}

Json section_json(const SectionScan& s) {
    Json json;
    json["bytes"] = s.bytes;
    json["instructions"] = s.instructions;
    json.update(counts_json(s.counts));
    json["boxed"] = s.boxed;
    json["foreign"] = s.foreign;
    json["filler_bytes"] = s.filler_bytes;
    json["data_bytes"] = s.data_bytes;
    json["cut_bytes"] = s.cut_bytes;
    json["unknown_bytes"] = s.unknown_bytes;
    return json;
}

Json kinds_json(const std::array<std::uint64_t, kInsnKinds>& by_kind) {
    Json json = Json::object();
    for (unsigned i = 0; i < kInsnKinds; ++i)
        if (by_kind[i] != 0) json[std::string(name(static_cast<InsnId>(i)))] = by_kind[i];
    return json;
}

Json sites_json(const ScanReport& report, Decoder& decoder) {
    Json json = Json::array();
    for (const ScanSite& site : report.result.sites) {
        std::string bytes;
        for (unsigned i = 0; i < site.length; ++i) bytes += fmt::format("{:02x}", site.bytes[i]);
        json.push_back(
            {{"address", hex(site.address)},
             {"bytes", bytes},
             {"instruction", name(site.id)},
             {"class", class_word(info(site.id).insn_class)},
             {"treatment", treatment_word(site.treatment)},
             {"text", decoder.text(site.bytes, site.length, site.address, report.options.code_size)},
             {"section", report.code.sections[site.section].name},
             {"symbol", report.code.symbols.name_of(site.address)}});
    }
    return json;
}

}  // namespace

std::string scan_json(const ScanReport& report, Decoder& decoder) {
    const ScanResult& result = report.result;
    Json json;
    json["format"] = "ringpress-scan";
    json["version"] = 1;
    json["file"] = report.file;
    json["kind"] = report.code.kind;
    json["bits"] = report.options.code_size * 8;
    json["known_symbols"] = report.code.symbols.size();
    json["notes"] = report.code.notes;
    json["total"] = section_json(result.total);
    json["sections"] = Json::array();
    for (std::size_t i = 0; i < result.sections.size(); ++i) {
        Json section{{"name", report.code.sections[i].name},
                     {"address", hex(report.code.sections[i].address)}};
        section.update(section_json(result.sections[i]));
        json["sections"].push_back(std::move(section));
    }
    json["instructions"] = Json::array();
    for (unsigned i = 0; i < kInsnKinds; ++i) {
        if (result.by_kind[i] == 0) continue;
        const InsnInfo& line = info(static_cast<InsnId>(i));
        json["instructions"].push_back({{"name", line.mnemonic},
                                        {"class", class_word(line.insn_class)},
                                        {"sdm", line.sdm},
                                        {"effect", line.effect},
                                        {"sites", result.by_kind[i]}});
    }
    json["symbols"] = Json::array();
    for (const SymbolScan& symbol : result.symbols) {
        Json entry{{"name", symbol.name}, {"address", hex(symbol.address)}};
        entry.update(counts_json(symbol.counts));
        json["symbols"].push_back(std::move(entry));
    }
    if (report.options.hidden) {
        json["hidden"] = {{"instructions", result.hidden.instructions},
                          {"with_far_transfer", result.hidden.with_far_transfer},
                          {"found", kinds_json(result.hidden.by_kind)}};
    }
    if (report.list) json["sites"] = sites_json(report, decoder);
    // A name in a damaged file need not be UTF-8.
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ringpress
