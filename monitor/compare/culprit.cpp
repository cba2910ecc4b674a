#include "monitor/compare/culprit.hpp"

namespace ringpress {

namespace {

std::uint64_t bit(InsnId id) {
    return std::uint64_t{1} << static_cast<unsigned>(id);
}

/// The experiments of one search.
struct Search {
    const GuestOutput& reference;
    const std::set<int>& unstable;
    int line;
    const OpenRun& run;
    Culprit& culprit;

    int parts_at(const OpenHoles& open, std::string* shown = nullptr) {
        ++culprit.runs;
        return parting_line(reference, run(open), unstable, shown);
    }
    /// The lowest number of leading sites that, left open, break the line.
    std::size_t sites_needed(InsnId id, const std::vector<std::uint32_t>& sites) {
        std::size_t low = 1, high = sites.size();
        while (low < high) {
            const std::size_t middle = (low + high) / 2;
            if (parts_at({bit(id), 0, sites[middle - 1]}) == line)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }
    void find_site(InsnId id, const std::vector<std::uint32_t>& sites) {
        if (sites.size() <= 1) {
            culprit.sites = sites;
            return;
        }
        const std::uint32_t last = sites[sites_needed(id, sites) - 1];
        if (parts_at({bit(id), last, last}) == line) {
            culprit.sites = {last};
            return;
        }
        for (const std::uint32_t site : sites)
            if (site <= last) culprit.sites.push_back(site);
    }
};

}  // namespace

int parting_line(const GuestOutput& reference, const GuestOutput& other, const std::set<int>& unstable,
                 std::string* shown) {
    const std::vector<LinePair> pairs = align(reference.lines, other.lines);
    const auto at = first_divergence(pairs, reference, other, unstable);
    if (!at) return -1;
    if (shown)
        *shown = pairs[*at].other < 0 ? "" : other.lines[static_cast<std::size_t>(pairs[*at].other)].text;
    // A line too many belongs to the reference's line that it comes before.
    for (std::size_t i = *at; i < pairs.size(); ++i)
        if (pairs[i].reference >= 0) return pairs[i].reference;
    return static_cast<int>(reference.lines.size());
}

Culprit find_culprit(const GuestOutput& reference, const std::set<int>& unstable, int line,
                     const std::vector<InsnId>& candidates, const OpenRun& run, const SitesOf& sites) {
    Culprit culprit;
    Search search{reference, unstable, line, run, culprit};
    for (const InsnId id : candidates) {
        Effect effect{id, -1, {}};
        effect.reference_line = search.parts_at({bit(id), 0, ~0u}, &effect.shown);
        culprit.effects.push_back(effect);
        if (!culprit.id && effect.reference_line == line) culprit.id = id;
    }
    if (culprit.id) {
        culprit.alone = true;
        search.find_site(*culprit.id, sites(*culprit.id));
        return culprit;
    }
    // None is enough: which one is needed?  All open but one, and the line comes right.
    std::uint64_t all = 0;
    for (const InsnId id : candidates) all |= bit(id);
    for (const InsnId id : candidates) {
        const int parted = search.parts_at({all & ~bit(id), 0, ~0u});
        if (parted == -1 || parted > line) {
            culprit.id = id;
            break;
        }
    }
    return culprit;
}

}  // namespace ringpress
