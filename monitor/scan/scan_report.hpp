// A scan's result, for people and for programs.
#pragma once

#include <string>

#include "monitor/scan/scan.hpp"
#include "traps/decode.hpp"

namespace ringpress {

struct ScanReport {
    std::string file;
    const CodeImage& code;
    const ScanResult& result;
    ScanOptions options;
    std::size_t top = 20;  ///< so many symbols are shown
    bool list = false;     ///< every site, too
};

/// Tables for a terminal.
std::string scan_text(const ScanReport& report);
/// One line for every site: address, bytes, what becomes of it, assembler text, symbol.
std::string scan_list(const ScanReport& report, Decoder& decoder);
/// One JSON object; docs/scan.md explains its fields.
std::string scan_json(const ScanReport& report, Decoder& decoder);

/// "trap", "hole", "host" or "depends": the class of instructions.def as one word for what ring 3 makes of
/// it.
const char* class_word(InsnClass insn_class);
const char* treatment_word(Treatment treatment);

}  // namespace ringpress
