// A HostSpace that keeps, page by page, what is mapped in the 4 GiB of the guest process and what its LDT
// holds, so that tests compare the host's state with the guest's tables instead of a list of calls.
#pragma once

#include <sys/mman.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "shadow/gate_sites.hpp"
#include "shadow/host_space.hpp"
#include "shadow/shadow_state.hpp"

namespace ringpress::test {

struct HostPage {
    enum Kind : std::uint8_t { none, ram, view };
    Kind kind = none;
    bool writable = false, executable = false;
    std::uint32_t index = 0;  ///< frame of RAM, or page of the view file
    bool operator==(const HostPage&) const = default;
};

class RecordedHost : public HostSpace {
  public:
    static constexpr std::uint32_t kViewFilePages = kViewSlots + kGateRange / kPageSize;

    std::map<unsigned, HostDescriptor> ldt;
    std::string error;  ///< the first impossible request
    unsigned calls = 0, populated = 0;
    std::uint32_t floor = 0, ram_bytes = 0;

    const HostPage& at(std::uint32_t page) const { return pages_[page]; }
    const HostPage& at(gva a) const { return pages_[a.page()]; }
    std::uint32_t mapped() const { return mapped_; }

    /// Mappings as the kernel counts them: neighbours that continue each other are one.
    unsigned mappings() const {
        unsigned n = 0;
        for_each_mapped([&](std::uint32_t page) {
            const HostPage& p = pages_[page];
            const HostPage expected{p.kind, p.writable, p.executable, p.index - 1};
            if (page == 0 || pages_[page - 1] != expected) ++n;
        });
        return n;
    }
    template <class F>
    void for_each_mapped(F f) const {
        for (std::uint32_t r = 0; r < kRegions; ++r)
            if (count_[r])
                for (std::uint32_t p = r * kPagesPerRegion; p < (r + 1) * kPagesPerRegion; ++p)
                    if (pages_[p].kind != HostPage::none) f(p);
    }

    /// Guest RAM with kBehindRam behind it, a mapping of ram_file: for frames that are gathered.
    std::uint8_t* ram = nullptr;
    int ram_file = -1;

    void map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                 bool populate) override {
        if (!range(at, bytes, "map_ram")) return;
        if (from & kPageMask) return fail("map_ram from between pages");
        if (writable && executable) fail("writable and executable");
        populated += populate;
        for (std::uint32_t i = 0; i < bytes >> kPageShift; ++i) {
            if (pages_[at.page() + i].kind == HostPage::view) fail("RAM replaces a view");
            const std::uint32_t frame = frame_at((from >> kPageShift) + i);
            if (frame >= ram_bytes >> kPageShift) return fail("map_ram of what is no RAM");
            put(at.page() + i, {HostPage::ram, writable, executable, frame});
        }
    }
    void show_ram(gpa page, std::uint32_t from) override {
        ++calls;
        const std::uint32_t frame = page.page();
        for_each_mapped([&](std::uint32_t p) {
            if (pages_[p].kind == HostPage::ram && pages_[p].index == frame)
                fail("a page moves while it is mapped");
        });
        std::erase_if(shown_, [&](const auto& shown) { return shown.second == frame; });
        if (page.value != from && !shown_.emplace(from >> kPageShift, frame).second)
            fail("two frames in one place");
        if (mmap(ram + page.value, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, ram_file,
                 from) == MAP_FAILED)
            fail("show_ram");
    }
    /// The frame whose contents a page of the file holds.
    std::uint32_t frame_at(std::uint32_t file_page) const {
        const auto shown = shown_.find(file_page);
        return shown == shown_.end() ? file_page : shown->second;
    }
    void map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) override {
        if (!range(at, std::uint64_t{pages} << kPageShift, "map_view")) return;
        if (first_slot + pages > kViewFilePages) return fail("map_view beyond the view file");
        for (std::uint32_t i = 0; i < pages; ++i) {
            if (pages_[at.page() + i].kind == HostPage::ram) fail("a view replaces RAM");
            put(at.page() + i, {HostPage::view, false, true, first_slot + i});
        }
    }
    void map_bounce(gva at) override {
        if (!range(at, kPageSize, "map_bounce")) return;
        if (pages_[at.page()].kind != HostPage::none) fail("the bounce replaces something");
        put(at.page(), {HostPage::view, true, false, kBounceSlot});
    }
    void map_anchor(gva at) override {
        if (!range(at, 2 * kPageSize, "map_anchor")) return;
        for (const std::uint32_t page : {at.page(), at.page() + 1}) {
            if (pages_[page].kind != HostPage::none) fail("an anchor replaces something");
            anchors_.insert(page);
        }
    }
    bool anchored(std::uint32_t page) const { return anchors_.contains(page); }
    unsigned anchors() const { return static_cast<unsigned>(anchors_.size()); }
    void protect_ram(gva at, std::uint32_t bytes, bool writable) override {
        if (!range(at, bytes, "protect_ram")) return;
        for (std::uint32_t i = 0; i < bytes >> kPageShift; ++i) {
            if (pages_[at.page() + i].kind != HostPage::ram) return fail("protect_ram of what is not RAM");
            pages_[at.page() + i].writable = writable;
        }
    }
    void unmap(gva at, std::uint64_t bytes) override {
        if (!range(at, bytes, "unmap", false)) return;
        const std::uint64_t end = at.page() + (bytes >> kPageShift);
        for (std::uint64_t p = at.page(); p < end;) {
            if (p % kPagesPerRegion == 0 && !count_[p / kPagesPerRegion])
                p += kPagesPerRegion;
            else
                put(static_cast<std::uint32_t>(p++), {});
        }
        anchors_.erase(anchors_.lower_bound(at.page()),
                       anchors_.lower_bound(static_cast<std::uint32_t>(end)));
    }
    void load_descriptor(unsigned slot, const HostDescriptor& descriptor) override {
        ++calls;
        if (slot >= kDescriptorSlots) return fail("descriptor slot");
        if (descriptor.limit > 0xFFFFF) fail("a limit of more than 20 bits");
        ldt[slot] = descriptor;
    }

  private:
    void fail(const char* what) {
        if (error.empty()) error = what;
    }
    bool range(gva at, std::uint64_t bytes, const char* what, bool checks_floor = true) {
        ++calls;
        const bool good = at.offset() == 0 && bytes && bytes % kPageSize == 0 &&
                          at.value + bytes <= (1ull << 32) && (!checks_floor || at.value >= floor);
        if (!good) fail(what);
        return good;
    }
    void put(std::uint32_t page, const HostPage& now) {
        anchors_.erase(page);
        HostPage& p = pages_[page];
        const int by = (now.kind != HostPage::none) - (p.kind != HostPage::none);
        mapped_ += static_cast<std::uint32_t>(by);
        count_[page / kPagesPerRegion] += static_cast<std::uint32_t>(by);
        p = now;
    }
    std::vector<HostPage> pages_ = std::vector<HostPage>(kLinearPages);
    std::vector<std::uint32_t> count_ = std::vector<std::uint32_t>(kRegions);
    std::uint32_t mapped_ = 0;
    std::map<std::uint32_t, std::uint32_t> shown_;  ///< frames elsewhere than at home, by page of the file
    std::set<std::uint32_t> anchors_;
};

}  // namespace ringpress::test
