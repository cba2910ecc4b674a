#include "monitor/symbols/cli_symbols.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"
#include "monitor/symbols/symbol_table.hpp"

namespace ringpress {

int command_symbols(const std::vector<std::string>& arguments) {
    CLI::App app("Prints the symbols of a kernel as nm does, in the order of their addresses.",
                 "ringpress symbols");
    std::string kernel;
    bool help = false;
    app.set_help_flag();
    app.add_option("KERNEL", kernel, "bzImage, ELF kernel, or a text such as System.map")->type_name("FILE");
    app.add_flag("--help,--h", help, "this text");
    parse_command(app, arguments);
    if (help) {
        fmt::print("{}", app.help());
        return 0;
    }
    if (kernel.empty()) throw std::runtime_error("no kernel: write ringpress symbols KERNEL");
    const SymbolTable table = SymbolTable::load(kernel);
    for (const Symbol& symbol : table.symbols())
        fmt::print("{:08x} {} {}\n", symbol.address, symbol.type, symbol.name);
    return 0;
}

}  // namespace ringpress
