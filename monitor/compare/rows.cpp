#include "monitor/compare/rows.hpp"

#include <algorithm>

namespace ringpress {

namespace {

CompareCell cell_of(const Comparison& c, const ComparedRun& run, std::size_t pair) {
    const LinePair& p = run.pairs[pair];
    CompareCell cell;
    cell.present = p.other >= 0;
    if (cell.present) cell.text = run.output.lines[static_cast<std::size_t>(p.other)].text;
    const bool noise = p.match == LineMatch::numbers && c.unstable.count(p.reference);
    cell.differs = p.match != LineMatch::same && !noise && run.parts && pair >= *run.parts;
    cell.first = run.parts == pair;
    return cell;
}

}  // namespace

std::vector<CompareRow> merged_rows(const Comparison& c) {
    std::vector<CompareRow> rows;
    std::vector<std::size_t> next(c.runs.size());  // the pair of each run that comes next
    const auto extras = [&](const ComparedRun& run, std::size_t at) {
        std::size_t n = 0;
        while (at + n < run.pairs.size() && run.pairs[at + n].match == LineMatch::extra) ++n;
        return n;
    };
    const auto lines = c.reference().output.lines.size();
    for (std::size_t line = 0; line <= lines; ++line) {
        std::size_t more = 0;
        for (std::size_t r = 0; r < c.runs.size(); ++r) more = std::max(more, extras(c.runs[r], next[r]));
        for (std::size_t n = 0; n < more; ++n) {
            CompareRow row(c.runs.size());
            for (std::size_t r = 0; r < c.runs.size(); ++r)
                if (extras(c.runs[r], next[r]) > 0) row[r] = cell_of(c, c.runs[r], next[r]++);
            rows.push_back(std::move(row));
        }
        if (line == lines) break;
        CompareRow row(c.runs.size());
        for (std::size_t r = 0; r < c.runs.size(); ++r)
            if (next[r] < c.runs[r].pairs.size()) row[r] = cell_of(c, c.runs[r], next[r]++);
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace ringpress
