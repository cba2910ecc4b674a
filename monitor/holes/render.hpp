// A HolesReport for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "monitor/holes/findings.hpp"

namespace ringpress {

struct RenderStyle {
    bool colour = false;
    unsigned width = 100;  ///< columns; lines are cut to it
};

/// One line for each form, in chapters, and the count behind them.
std::string holes_table(const HolesReport& report, const RenderStyle& style);
/// Everything about some instructions, explained.
std::string holes_detail(const HolesReport& report, const std::vector<InsnId>& ids, const RenderStyle& style);

/// {"host": {...}, "instructions": [{..., "forms": [...]}...], "count": {...}} and a line end; only those
/// named in `ids`, or all if that is empty.
std::string holes_json(const HolesReport& report, const std::vector<InsnId>& ids);
/// A page that needs nothing else.
std::string holes_html(const HolesReport& report);
/// The table of docs/holes.md: what does not depend on the host.
std::string holes_markdown();

}  // namespace ringpress
