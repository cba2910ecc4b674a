// Command-line spelling: QEMU writes -kernel, GNU writes --kernel; both are accepted for every option.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringpress {

/// Rewrites arguments into what CLI11 reads: -name becomes --name, --name=value becomes two arguments.  The
/// value of an option is passed on untouched, even if it begins with '-' (-append -v).
/// `app` tells which options exist and which of them take a value; the value of an option that may go without
/// (--stats) is only taken if it is one of its `optional_values`.
/// Throws std::runtime_error with one line for an unknown option (naming the nearest) or a missing value.
std::vector<std::string> normalise_arguments(const CLI::App& app, const std::vector<std::string>& arguments,
                                             const std::vector<std::string>& optional_values = {});

/// normalise_arguments() and app's parsing, with help in the form of OptionFormatter.  Throws
/// std::runtime_error with one line for whatever is wrong; one argument too many is named.
void parse_command(CLI::App& app, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& optional_values = {});

/// The candidate that `word` was most likely meant to be, or an empty string if none is near.
/// Distance: insertions, deletions, substitutions and swaps of neighbours (restricted Damerau-Levenshtein).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean WORD?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string_view prefix = "");

/// Help as QEMU's users know it: -name VALUE, one option a line.
class OptionFormatter : public CLI::Formatter {
  public:
    OptionFormatter() { column_width(34); }
    std::string make_option_name(const CLI::Option* option, bool positional) const override;
    std::string make_option_opts(const CLI::Option* option) const override;
};

}  // namespace ringpress
