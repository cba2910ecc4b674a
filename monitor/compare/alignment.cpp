#include "monitor/compare/alignment.hpp"

#include <algorithm>
#include <cstdint>

namespace ringpress {

namespace {

// Costs: a line that is only elsewhere costs 2, one that was replaced less than one missing and one extra.
constexpr std::uint32_t kGap = 2, kReplaced = 3, kNumbers = 1;
constexpr std::size_t kMostCells = 16u << 20;

struct Keyed {
    const std::string* plain;
    std::string masked;
};
std::vector<Keyed> keyed(const std::vector<OutputLine>& lines) {
    std::vector<Keyed> keys;
    for (const OutputLine& line : lines) keys.push_back({&line.text, masked_line(line.text)});
    return keys;
}

LineMatch match(const Keyed& a, const Keyed& b) {
    return *a.plain == *b.plain   ? LineMatch::same
           : a.masked == b.masked ? LineMatch::numbers
                                  : LineMatch::other;
}
std::uint32_t cost(LineMatch m) {
    return m == LineMatch::same ? 0 : m == LineMatch::numbers ? kNumbers : kReplaced;
}

/// Line by line, for outputs too long for a table of all pairs.
std::vector<LinePair> by_number(const std::vector<Keyed>& a, const std::vector<Keyed>& b) {
    std::vector<LinePair> pairs;
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
        const int n = static_cast<int>(i);
        if (i >= a.size())
            pairs.push_back({-1, n, LineMatch::extra});
        else if (i >= b.size())
            pairs.push_back({n, -1, LineMatch::missing});
        else
            pairs.push_back({n, n, match(a[i], b[i])});
    }
    return pairs;
}

}  // namespace

std::vector<LinePair> align(const std::vector<OutputLine>& reference, const std::vector<OutputLine>& other) {
    const std::vector<Keyed> a = keyed(reference), b = keyed(other);
    const std::size_t rows = a.size() + 1, columns = b.size() + 1;
    if (rows * columns > kMostCells) return by_number(a, b);
    // Wagner and Fischer's table: costs[i][j] turns the first i lines into the first j.
    std::vector<std::uint32_t> costs(rows * columns);
    const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return costs[i * columns + j]; };
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            if (i == 0 || j == 0) {
                at(i, j) = static_cast<std::uint32_t>(i + j) * kGap;
                continue;
            }
            at(i, j) = std::min({at(i - 1, j) + kGap, at(i, j - 1) + kGap,
                                 at(i - 1, j - 1) + cost(match(a[i - 1], b[j - 1]))});
        }
    }
    std::vector<LinePair> pairs;
    for (std::size_t i = a.size(), j = b.size(); i > 0 || j > 0;) {
        if (i > 0 && j > 0) {
            const LineMatch m = match(a[i - 1], b[j - 1]);
            if (at(i, j) == at(i - 1, j - 1) + cost(m)) {
                --i, --j;
                pairs.push_back({static_cast<int>(i), static_cast<int>(j), m});
                continue;
            }
        }
        if (i > 0 && at(i, j) == at(i - 1, j) + kGap) {
            --i;
            pairs.push_back({static_cast<int>(i), -1, LineMatch::missing});
        } else {
            --j;
            pairs.push_back({-1, static_cast<int>(j), LineMatch::extra});
        }
    }
    std::reverse(pairs.begin(), pairs.end());
    return pairs;
}

std::set<int> unstable_lines(const std::vector<LinePair>& pairs) {
    std::set<int> lines;
    for (const LinePair& p : pairs)
        if (p.match == LineMatch::numbers) lines.insert(p.reference);
    return lines;
}

std::optional<std::size_t> first_divergence(const std::vector<LinePair>& pairs, const GuestOutput& reference,
                                            const GuestOutput& other, const std::set<int>& unstable) {
    const auto cut = [](const GuestOutput& o) {
        return o.end == RunEnd::time_limit || o.end == RunEnd::stopped;
    };
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const LinePair& p = pairs[i];
        if (p.match == LineMatch::same) continue;
        if (p.match == LineMatch::numbers && unstable.count(p.reference)) continue;
        const int last_other = static_cast<int>(other.lines.size()) - 1;
        const int last_reference = static_cast<int>(reference.lines.size()) - 1;
        if (cut(reference) && (p.match == LineMatch::extra || p.reference == last_reference)) {
            const bool behind = std::all_of(
                pairs.begin() + static_cast<std::ptrdiff_t>(i), pairs.end(),
                [&](const LinePair& q) { return q.reference < 0 || q.reference == last_reference; });
            if (behind) return std::nullopt;
        }
        if (p.reference >= 0 && cut(other)) {
            // Its last line may be half a line.
            const OutputLine& wanted = reference.lines[static_cast<std::size_t>(p.reference)];
            const bool half = last_other >= 0 && wanted.text.starts_with(other.lines.back().text);
            const bool tail = std::all_of(
                pairs.begin() + static_cast<std::ptrdiff_t>(i), pairs.end(), [&](const LinePair& q) {
                    return q.match == LineMatch::missing || (half && q.other == last_other);
                });
            constexpr double kPatience = 3;
            if (tail && (other.end == RunEnd::stopped || wanted.seconds * kPatience > other.seconds))
                return std::nullopt;
        }
        return i;
    }
    return std::nullopt;
}

}  // namespace ringpress
