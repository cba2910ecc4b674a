#include "monitor/cli_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace ringpress {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    // A third of the letters may be wrong; more than that is another word.
    std::size_t best_distance = std::max<std::size_t>(1, (word.size() + 2) / 3) + 1;
    for (const auto& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string_view prefix) {
    const std::string near = nearest(word, candidates);
    return near.empty() ? std::string() : fmt::format("; did you mean {}{}?", prefix, near);
}

std::vector<std::string> normalise_arguments(const CLI::App& app, const std::vector<std::string>& arguments,
                                             const std::vector<std::string>& optional_values) {
    std::map<std::string, const CLI::Option*> known;
    std::vector<std::string> visible;
    for (const CLI::Option* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) {
            known[name] = option;
            if (!option->get_group().empty()) visible.push_back(name);
        }
    }

    std::vector<std::string> result;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--") {
            result.insert(result.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
            break;
        }
        if (argument.size() < 2 || argument[0] != '-') {
            result.push_back(argument);
            continue;
        }
        const std::size_t dashes = argument[1] == '-' ? 2 : 1;
        const std::size_t equals = argument.find('=');
        const bool attached = equals != std::string::npos;
        const std::string name = argument.substr(dashes, attached ? equals - dashes : std::string::npos);
        const auto found = known.find(name);
        if (found == known.end()) {
            throw std::runtime_error(
                fmt::format("unknown option {}{}; see {} --help", argument.substr(0, dashes + name.size()),
                            did_you_mean(name, visible, argument.substr(0, dashes)), app.get_name()));
        }
        const CLI::Option& option = *found->second;
        const bool takes_value = option.get_items_expected_max() > 0;
        const bool needs_value = option.get_items_expected_min() > 0;
        result.push_back("--" + name);
        if (!takes_value) {
            if (attached) throw std::runtime_error(fmt::format("option -{} takes no value", name));
        } else if (attached) {
            result.push_back(argument.substr(equals + 1));
        } else if (needs_value) {
            if (i + 1 == arguments.size()) {
                throw std::runtime_error(
                    fmt::format("option -{0} needs a value: -{0} {1}", name, option.get_type_name()));
            }
            result.push_back(arguments[++i]);
        } else {
            const bool value_follows =
                i + 1 < arguments.size() && std::find(optional_values.begin(), optional_values.end(),
                                                      arguments[i + 1]) != optional_values.end();
            result.push_back(value_follows ? arguments[++i] : std::string(option.get_default_str()));
        }
    }
    return result;
}

void parse_command(CLI::App& app, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& optional_values) {
    app.formatter(std::make_shared<OptionFormatter>());
    const std::vector<std::string> normal = normalise_arguments(app, arguments, optional_values);
    try {
        app.parse(std::vector<std::string>(normal.rbegin(), normal.rend()));
    } catch (const CLI::ExtrasError&) {
        throw std::runtime_error(fmt::format("{} takes no '{}'; see {} --help", app.get_name(),
                                             app.remaining().empty() ? "" : app.remaining().front(),
                                             app.get_name()));
    } catch (const CLI::ParseError& error) {
        throw std::runtime_error(error.what());
    }
}

std::string OptionFormatter::make_option_name(const CLI::Option* option, bool positional) const {
    if (positional) return option->get_name(true);
    std::string text;
    for (const auto& name : option->get_lnames()) {
        if (!text.empty()) text += ", ";
        text += "-" + name;
    }
    return text;
}

std::string OptionFormatter::make_option_opts(const CLI::Option* option) const {
    return option->get_items_expected_max() > 0 && !option->get_positional() ? " " + option->get_type_name()
                                                                             : "";
}

}  // namespace ringpress
