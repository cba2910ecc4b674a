// Names for the addresses of a running guest: a symbol table, and the search for where the kernel went.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "monitor/run_config.hpp"
#include "monitor/symbols/kernel_text.hpp"
#include "monitor/symbols/symbol_table.hpp"

namespace ringpress {

class GuestSymbols {
  public:
    GuestSymbols() = default;

    /// kernel: the file that is booted; symbols: what --symbols names, or empty: the kernel file itself, if
    /// it has any.  Throws std::runtime_error, one line, if `symbols` cannot be used. A kernel that cannot be
    /// read or unpacked has no symbols: loading it is where that is said.
    static GuestSymbols load(const std::string& kernel, const std::string& symbols);

    /// Looks for the kernel in guest RAM, unless it was found already, and slides the symbols accordingly.
    /// True once it has been found: from then on names are right.  Cheap enough for every batch of addresses.
    bool locate(std::span<const std::byte> ram);
    /// The guest was reset: the next boot may choose another place.
    void forget_place() { located_ = !text_; }

    /// What locate() found so far is applied.
    const SymbolTable& table() const { return table_; }
    std::string name_of(std::uint32_t address) const { return table_.name_of(address); }

  private:
    SymbolTable table_;
    std::optional<KernelText> text_;
    bool located_ = true;
};

/// The symbols of one run, read when they are first asked for and only once: unpacking a kernel takes a
/// while, and most runs name nothing.
class SymbolsOnDemand {
  public:
    /// config: must outlive this; looked at when the symbols are asked for.
    explicit SymbolsOnDemand(const RunConfig& config) : config_(config) {}

    /// Throws as GuestSymbols::load().
    GuestSymbols& get();
    void forget_place() {
        if (loaded_) loaded_->forget_place();
    }

  private:
    const RunConfig& config_;
    std::optional<GuestSymbols> loaded_;
};

}  // namespace ringpress
