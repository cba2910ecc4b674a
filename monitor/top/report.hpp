// What `ringpress top` shows, as lines of text: the same for the live view and for one report without a
// terminal.
#pragma once

#include <string>
#include <vector>

#include "monitor/top/sample.hpp"

namespace ringpress {

struct TopSite {
    HotSites::Entry entry;
    std::string name;  ///< its symbol, or empty
};

struct TopReport {
    std::string title;  ///< which machine
    TopSample before, now;
    std::vector<TopSite> sites;
};

struct TopLine {
    std::string text;
    bool heading = false;
};

/// At most `columns` wide.
std::vector<TopLine> top_lines(const TopReport& report, unsigned columns);

}  // namespace ringpress
