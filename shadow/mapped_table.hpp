// Bookkeeping of mapped pages: which linear pages are mapped, to what, and under which aliases.
// Pure table work: no host calls.
#pragma once

#include <bit>

#include "shadow/shadow_state.hpp"

namespace ringpress {

class MappedPages {
  public:
    explicit MappedPages(MappedTable& table) : t_(table) {}

    const MappedPage& at(std::uint32_t page) const { return t_.page[page]; }
    bool present(std::uint32_t page) const { return t_.page[page].present(); }
    std::uint32_t total() const { return t_.total; }
    std::uint16_t count(std::uint32_t region) const { return t_.count[region]; }
    std::uint16_t supervisor(std::uint32_t region) const { return t_.supervisor[region]; }
    /// Pages that CPL 3 may reach.
    unsigned user(std::uint32_t region) const {
        return t_.count[region] - t_.supervisor[region] - t_.pads[region];
    }
    std::uint16_t local(std::uint32_t region) const { return t_.local[region]; }
    /// Parts of a 4 MiB page.
    std::uint16_t large(std::uint32_t region) const { return t_.large[region]; }

    /// bits as in MappedPage, with kPresent; the page must not be present.  head: the alias list it joins.
    void insert(std::uint32_t page, std::uint32_t bits, std::uint32_t& head) {
        MappedPage& p = t_.page[page];
        p.bits = bits;
        p.previous_alias = 0;
        p.next_alias = head;
        if (head) t_.page[head - 1].previous_alias = page + 1;
        head = page + 1;
        t_.present[page / 64] |= 1ull << (page % 64);
        adjust(page, bits, 1);
    }
    void erase(std::uint32_t page, std::uint32_t& head) {
        MappedPage& p = t_.page[page];
        if (p.previous_alias)
            t_.page[p.previous_alias - 1].next_alias = p.next_alias;
        else
            head = p.next_alias;
        if (p.next_alias) t_.page[p.next_alias - 1].previous_alias = p.previous_alias;
        adjust(page, p.bits, -1);
        p = MappedPage{};
        t_.present[page / 64] &= ~(1ull << (page % 64));
    }
    void set_writable(std::uint32_t page, bool writable) {
        if (writable)
            t_.page[page].bits |= MappedPage::kWritable;
        else
            t_.page[page].bits &= ~MappedPage::kWritable;
    }

    /// Calls f(page) for every present page of the region, in ascending order; f may erase that page.
    template <class F>
    void for_each_in_region(std::uint32_t region, F f) const {
        const std::uint32_t first = region * kPagesPerRegion;
        for (std::uint32_t w = first / 64; w < (first + kPagesPerRegion) / 64; ++w)
            for (std::uint64_t word = t_.present[w]; word; word &= word - 1)
                f(w * 64 + static_cast<std::uint32_t>(std::countr_zero(word)));
    }

    /// Calls f(region) for every region with mapped pages, in ascending order; f may erase pages.
    template <class F>
    void for_each_region(F f) const {
        for_each_bit(t_.regions, f);
    }
    /// The same for regions with pages that a CR3 load may take away.
    template <class F>
    void for_each_local_region(F f) const {
        for_each_bit(t_.local_regions, f);
    }

  private:
    template <class F>
    static void for_each_bit(const std::uint64_t (&map)[kRegions / 64], F f) {
        for (std::uint32_t w = 0; w < kRegions / 64; ++w)
            for (std::uint64_t word = map[w]; word; word &= word - 1)
                f(w * 64 + static_cast<std::uint32_t>(std::countr_zero(word)));
    }
    static void count_up(std::uint16_t& count, std::uint64_t* bits, std::uint32_t region, int by) {
        count = static_cast<std::uint16_t>(count + by);
        const std::uint64_t bit = 1ull << (region % 64);
        bits[region / 64] = count ? bits[region / 64] | bit : bits[region / 64] & ~bit;
    }
    void adjust(std::uint32_t page, std::uint32_t bits, int by) {
        const std::uint32_t region = page / kPagesPerRegion;
        count_up(t_.count[region], t_.regions, region, by);
        if (!(bits & MappedPage::kGlobal)) count_up(t_.local[region], t_.local_regions, region, by);
        if (bits & MappedPage::kSupervisor)
            t_.supervisor[region] = static_cast<std::uint16_t>(t_.supervisor[region] + by);
        if (bits & MappedPage::kPad) t_.pads[region] = static_cast<std::uint16_t>(t_.pads[region] + by);
        if (bits & MappedPage::kLarge) t_.large[region] = static_cast<std::uint16_t>(t_.large[region] + by);
        t_.total += static_cast<std::uint32_t>(by);
    }
    MappedTable& t_;
};

}  // namespace ringpress
