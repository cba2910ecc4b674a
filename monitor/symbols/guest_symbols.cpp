#include "monitor/symbols/guest_symbols.hpp"

#include <stdexcept>

#include "monitor/host_file.hpp"

namespace ringpress {

GuestSymbols GuestSymbols::load(const std::string& kernel, const std::string& symbols) {
    GuestSymbols guest;
    if (!symbols.empty()) guest.table_ = SymbolTable::load(symbols);
    try {
        constexpr std::uint64_t kMaxFile = 1ull << 30;
        const auto file = read_host_file(kernel, "kernel", kMaxFile);
        const auto bytes = std::as_bytes(std::span(file));
        if (symbols.empty()) guest.table_ = SymbolTable::from_bytes(bytes);
        if (!guest.table_.empty()) guest.text_ = KernelText::of(bytes);
    } catch (const std::runtime_error&) {
        // The boot loader reads the same file and tells.
    }
    guest.located_ = !guest.text_;
    return guest;
}

bool GuestSymbols::locate(std::span<const std::byte> ram) {
    if (located_) return true;
    const auto slide = text_->slide_in(ram);
    if (!slide) return false;
    table_ = table_.with_slide(*slide);
    located_ = true;
    return true;
}

GuestSymbols& SymbolsOnDemand::get() {
    if (!loaded_) loaded_.emplace(GuestSymbols::load(config_.kernel, config_.symbols));
    return *loaded_;
}

}  // namespace ringpress
