#include "monitor/scan/cli_scan.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"
#include "monitor/cli_values.hpp"
#include "monitor/host_file.hpp"
#include "monitor/scan/scan_report.hpp"

namespace ringpress {
namespace {

constexpr std::uint64_t kMaxFile = 1ull << 30;

struct RawOptions {
    std::string kernel, base, bits = "32", symbols, top = "20";
    bool help = false, json = false, list = false, hidden = false;
};

void declare(CLI::App& app, RawOptions& raw) {
    app.set_help_flag();
    app.add_option("KERNEL", raw.kernel,
                   "bzImage, ELF or Multiboot kernel, compressed or not; or any file, with -base")
        ->type_name("FILE");
    app.add_flag("--list", raw.list, "every site: address, bytes, what becomes of it, text, symbol");
    app.add_flag("--json", raw.json, "one JSON object instead of tables; with -list, the sites are in it");
    app.add_flag("--hidden", raw.hidden, "count those that begin inside of other instructions as well");
    app.add_option("--top", raw.top, "functions to show in the table; default 20")->type_name("N");
    app.add_option("--symbols", raw.symbols, "names; default: those in the kernel file")->type_name("FILE");
    app.add_option("--base", raw.base, "the whole file is code, loaded at this address")
        ->type_name("ADDRESS");
    app.add_option("--bits", raw.bits, "of code segments; default 32")->type_name("32|16");
    app.add_flag("--help,--h", raw.help, "this text");
}

CodeImage read_code(const RawOptions& raw) {
    std::optional<std::uint32_t> base;
    if (!raw.base.empty()) base = static_cast<std::uint32_t>(parse_number(raw.base, 0xFFFFFFFF, "-base"));
    const auto file = read_host_file(raw.kernel, "kernel", kMaxFile);
    const auto bytes = std::as_bytes(std::span(file));
    try {
        CodeImage code = find_code({bytes.begin(), bytes.end()}, base);
        if (!raw.symbols.empty()) code.symbols = SymbolTable::load(raw.symbols);
        return code;
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("{}: {}", raw.kernel, error.what()));
    }
}

}  // namespace

int command_scan(const std::vector<std::string>& arguments) {
    RawOptions raw;
    CLI::App app("Finds the sensitive instructions in a kernel, without running it.", "ringpress scan");
    declare(app, raw);
    parse_command(app, arguments);
    if (raw.help) {
        fmt::print("{}", app.help());
        return 0;
    }
    if (raw.kernel.empty()) throw std::runtime_error("no kernel: write ringpress scan KERNEL");
    ScanOptions options;
    options.code_size = parse_choice(raw.bits, {"32", "16"}, "-bits") == 0 ? 4 : 2;
    options.hidden = raw.hidden;
    const auto top = static_cast<std::size_t>(parse_number(raw.top, 1u << 20, "-top"));

    const CodeImage code = read_code(raw);
    const ScanResult result = scan_code(code, options);
    const ScanReport report{raw.kernel, code, result, options, top, raw.list};
    Decoder decoder;
    if (raw.json) {
        fmt::print("{}", scan_json(report, decoder));
    } else if (raw.list) {
        fmt::print("{}", scan_list(report, decoder));
    } else {
        fmt::print("{}", scan_text(report));
    }
    return 0;
}

}  // namespace ringpress
