#include "monitor/cli_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "monitor/cli_arguments.hpp"

namespace ringpress {
namespace {

template <class... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
    throw std::runtime_error(fmt::format(format, std::forward<Args>(args)...));
}

/// Splits at single commas; ",," stands for a comma, as in QEMU's option lists.
std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != ',') {
            parts.back() += text[i];
        } else if (i + 1 < text.size() && text[i + 1] == ',') {
            parts.back() += ',';
            ++i;
        } else {
            parts.emplace_back();
        }
    }
    return parts;
}

struct Property {
    std::string key, value;
};
/// "key=value"; without '=' the value is empty.
Property split_property(const std::string& part) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) return {part, ""};
    return {part.substr(0, equals), part.substr(equals + 1)};
}

bool parse_on_off(const Property& p, std::string_view option) {
    if (p.value != "on" && p.value != "off")
        refuse("{} {}='{}': write {}=on or {}=off", option, p.key, p.value, p.key, p.key);
    return p.value == "on";
}

void must_be(const Property& p, const char* only, std::string_view option, std::string_view why) {
    if (p.value != only)
        refuse("{} {}='{}': only {}={} is supported{}", option, p.key, p.value, p.key, only, why);
}

}  // namespace

std::uint64_t host_memory_bytes() {
    struct sysinfo si {};
    if (sysinfo(&si) != 0) return kMaxRam;
    return (static_cast<std::uint64_t>(si.totalram) + si.totalswap) * si.mem_unit;
}

std::uint64_t parse_number(const std::string& text, std::uint64_t max, std::string_view what) {
    const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char* first = text.data() + (hex ? 2 : 0);
    const char* last = text.data() + text.size();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value, hex ? 16 : 10);
    if (first == last || end != last || error != std::errc() || value > max) {
        refuse("{} '{}' is not a number from 0 to {} (or 0x0 to {:#x})", what, text, max, max);
    }
    return value;
}

std::uint32_t parse_memory_size(const std::string& text, std::uint64_t host_bytes) {
    constexpr const char* kSyntax = "write -m 64 or -m 64M (MiB), 65536K or 2G";
    std::string digits = text.starts_with("size=") ? text.substr(5) : text;
    unsigned shift = 20;
    if (!digits.empty()) {
        constexpr std::string_view units = "KMGT";
        const std::size_t unit = units.find(static_cast<char>(digits.back() & ~0x20));
        if (unit != std::string_view::npos) {
            shift = 10 + 10 * static_cast<unsigned>(unit);
            digits.pop_back();
        }
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range || (error == std::errc() && value > (~0ull >> shift))) {
        refuse("-m {}: a guest can have at most 2G", text);
    }
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
        refuse("-m '{}' is not a size: {}", text, kSyntax);
    }
    const std::uint64_t bytes = value << shift;
    if (bytes < kMinRam) refuse("-m {}: a guest needs at least 1M; {}", text, kSyntax);
    if (bytes > kMaxRam) refuse("-m {}: a guest can have at most 2G", text);
    if (bytes > host_bytes) {
        refuse("-m {}: this host has only {} MiB of memory and swap; give the guest less", text,
               host_bytes >> 20);
    }
    if (bytes % 4096 != 0) refuse("-m {}: not a multiple of 4K", text);
    return static_cast<std::uint32_t>(bytes);
}

std::string parse_channel(const std::string& text, std::string_view option) {
    if (text == "stdio" || text == "mon:stdio") return "stdio";
    if (text == "none" || text == "null") return "none";
    if (text.starts_with("file:") && text.size() > 5) return text;
    refuse("{} '{}' goes nowhere: choose stdio, none or file:PATH", option, text);
}

DriveOption parse_drive(const std::string& text) {
    DriveOption option;
    for (const auto& part : split_list(text)) {
        const Property p = split_property(part);
        if (p.key == "file") {
            option.drive.file = p.value;
        } else if (p.key == "format") {
            must_be(p, "raw", "-drive", "; convert others with qemu-img convert -O raw");
        } else if (p.key == "snapshot") {
            option.drive.snapshot = parse_on_off(p, "-drive");
        } else if (p.key == "if") {
            must_be(p, "ide", "-drive", "");
        } else if (p.key == "media") {
            must_be(p, "disk", "-drive", "");
        } else if (p.key == "index") {
            option.index = static_cast<int>(parse_number(p.value, 3, "-drive index"));
        } else {
            refuse(
                "-drive knows no '{}'{}; write -drive "
                "file=PATH[,format=raw][,snapshot=on|off][,if=ide][,index=0..3]"
                "[,media=disk]",
                p.key, did_you_mean(p.key, {"file", "format", "snapshot", "if", "media", "index"}));
        }
    }
    if (option.drive.file.empty()) refuse("-drive {} names no image: write -drive file=PATH", text);
    return option;
}

std::vector<DriveConfig> place_drives(const std::vector<DriveOption>& options, bool snapshot_all) {
    constexpr std::size_t kPlaces = 4;
    std::vector<DriveConfig> places(kPlaces);
    const auto put = [&](std::size_t index, const DriveOption& option) {
        places[index] = option.drive;
        places[index].snapshot |= snapshot_all;
    };
    for (const auto& option : options) {
        if (option.index < 0) continue;
        const auto index = static_cast<std::size_t>(option.index);
        if (!places[index].file.empty()) {
            refuse("two drives at index {}: '{}' and '{}'; give one another index", index, places[index].file,
                   option.drive.file);
        }
        put(index, option);
    }
    for (const auto& option : options) {
        if (option.index >= 0) continue;
        const auto free =
            std::find_if(places.begin(), places.end(), [](const auto& d) { return d.file.empty(); });
        if (free == places.end()) refuse("too many drives: a PC has room for four");
        put(static_cast<std::size_t>(free - places.begin()), option);
    }
    while (!places.empty() && places.back().file.empty()) places.pop_back();
    return places;
}

void parse_device(const std::string& text, RunConfig& config) {
    const auto parts = split_list(text);
    if (parts[0] != "isa-debug-exit") {
        refuse("-device knows no '{}'{}; only isa-debug-exit can be added", parts[0],
               did_you_mean(parts[0], {"isa-debug-exit"}));
    }
    config.debug_exit = true;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const Property p = split_property(parts[i]);
        if (p.key == "iobase") {
            config.debug_exit_port =
                static_cast<std::uint16_t>(parse_number(p.value, 0xFFFF, "isa-debug-exit iobase"));
        } else if (p.key == "iosize") {
            config.debug_exit_size = static_cast<unsigned>(parse_number(p.value, 4, "isa-debug-exit iosize"));
            if (config.debug_exit_size != 1 && config.debug_exit_size != 2 && config.debug_exit_size != 4) {
                refuse("isa-debug-exit iosize '{}': 1, 2 or 4 ports", p.value);
            }
        } else {
            refuse(
                "isa-debug-exit knows no '{}'{}; write -device isa-debug-exit[,iobase=PORT][,iosize=1|2|4]",
                p.key, did_you_mean(p.key, {"iobase", "iosize"}));
        }
    }
    if (config.debug_exit_port + config.debug_exit_size > 0x10000u) {
        refuse("isa-debug-exit at {:#x} with {} ports reaches beyond port 0xffff", config.debug_exit_port,
               config.debug_exit_size);
    }
}

void parse_trace(const std::string& text, RunConfig& config) {
    constexpr std::uint64_t kLeast = 4096;  // the header and some traps
    const auto parts = split_list(text);
    if (parts[0].empty()) refuse("-trace {} names no file: write -trace FILE[,size=N]", text);
    config.trace_file = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const Property p = split_property(parts[i]);
        if (p.key != "size") {
            refuse("-trace knows no '{}'{}; write -trace FILE[,size=N], and ',,' for a comma in FILE", p.key,
                   did_you_mean(p.key, {"size"}));
        }
        std::string digits = p.value;
        unsigned shift = 0;
        constexpr std::string_view units = "KMG";
        const std::size_t unit =
            digits.empty() ? units.npos : units.find(static_cast<char>(digits.back() & ~0x20));
        if (unit != units.npos) {
            shift = 10 + 10 * static_cast<unsigned>(unit);
            digits.pop_back();
        }
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
            value > (~0ull >> 1) >> shift || value << shift < kLeast) {
            refuse("-trace size='{}' is not a size of 4K or more: write size=64M or size=2G", p.value);
        }
        config.trace_bytes = value << shift;
    }
}

Board parse_machine(const std::string& text) {
    Board board = Board::pc;
    for (const auto& part : split_list(text)) {
        Property p = split_property(part);
        if (p.key == "type") p = {p.value, ""};
        if (!p.value.empty()) {
            refuse("-M knows no property '{}': write -M pc or -M isapc", p.key);
        }
        board = parse_choice(p.key, {"pc", "isapc"}, "machine") == 0 ? Board::pc : Board::isapc;
    }
    return board;
}

std::vector<std::string> parse_modules(const std::string& text) {
    std::vector<std::string> modules = split_list(text);
    for (auto& module : modules) {
        const std::size_t start = module.find_first_not_of(' ');
        if (start == std::string::npos)
            refuse("-initrd '{}' names an empty file: write -initrd \"FILE [ARGS],FILE...\"", text);
        module.erase(0, start);
    }
    return modules;
}

double parse_time_limit(const std::string& text) {
    std::string digits = text;
    double unit = 1;
    if (!digits.empty()) {
        switch (digits.back()) {
            case 's': digits.pop_back(); break;
            case 'm': unit = 60, digits.pop_back(); break;
            case 'h': unit = 3600, digits.pop_back(); break;
            default: break;
        }
    }
    double value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed);
    if (error != std::errc() || end != digits.data() + digits.size() || !(value > 0) || value * unit > 1e8) {
        refuse("--time-limit '{}' is not a time: write seconds above 0, as 10, 0.5 or 2m", text);
    }
    return value * unit;
}

std::vector<std::string> parse_log_items(const std::string& text, const std::vector<std::string>& known) {
    std::vector<std::string> items = split_list(text);
    for (const auto& item : items) {
        if (std::find(known.begin(), known.end(), item) == known.end()) {
            refuse("-d knows no '{}'{}; see ringpress run -d help", item, did_you_mean(item, known));
        }
    }
    return items;
}

namespace {

struct Tune {
    const char* name;
    unsigned Tuning::*member;
    unsigned greatest;
    const char* meaning;
};
constexpr Tune kTunes[] = {
#define RINGPRESS_TUNE(member, name, standard, greatest, meaning) {name, &Tuning::member, greatest, meaning},
#include "traps/tunes.def"
#undef RINGPRESS_TUNE
};

}  // namespace

void parse_tunes(const std::string& text, Tuning& into) {
    for (const std::string& setting : split_list(text)) {
        const std::size_t equals = setting.find('=');
        const std::string name = setting.substr(0, equals);
        const auto tune =
            std::find_if(std::begin(kTunes), std::end(kTunes), [&](const Tune& t) { return t.name == name; });
        if (tune == std::end(kTunes)) {
            std::vector<std::string> names;
            for (const Tune& t : kTunes) names.emplace_back(t.name);
            refuse("--tune knows no '{}'{}; see ringpress run --tune help", name, did_you_mean(name, names));
        }
        if (equals == std::string::npos) {
            into.*tune->member = Tuning{}.*tune->member;
        } else if (setting.substr(equals + 1) == "off") {
            into.*tune->member = 0;
        } else {
            into.*tune->member = static_cast<unsigned>(
                parse_number(setting.substr(equals + 1), tune->greatest, "--tune " + name));
        }
    }
}

std::string tunes_text() {
    std::string text = "Settings for --tune (NAME=NUMBER, NAME=off; separate several with commas):\n\n";
    for (const Tune& t : kTunes)
        text += fmt::format("  {:<11}{} (default {})\n", t.name, t.meaning, Tuning{}.*t.member);
    return text;
}

std::size_t parse_choice(const std::string& text, const std::vector<std::string>& choices,
                         std::string_view what) {
    const auto found = std::find(choices.begin(), choices.end(), text);
    if (found == choices.end()) {
        refuse("unknown {} '{}'{}; choose {}", what, text, did_you_mean(text, choices),
               fmt::join(choices, " or "));
    }
    return static_cast<std::size_t>(found - choices.begin());
}

}  // namespace ringpress
