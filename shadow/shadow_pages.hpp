// Shadow paging by mmap: the guest's translations, kept as mappings of guest RAM in the guest process's low 4 GiB.
//
// A mapping is made when the guest first touches a page (a *hidden* fault) and lasts until the guest says that
// translations may have changed (invlpg, CR3).  x86 promises no more than that, SDM Vol. 3A, section 4.10.4, so
// page-table writes are not watched: at a flush the stored mappings are compared with the tables.
//
// Code runs from the code view (code_view.hpp), mapped `window_shift` above the linear address that the guest
// believes in.  Both kinds of mapping share the 4 GiB, so the shift moves when a data mapping needs its place.
#pragma once

#include "shadow/code_view.hpp"
#include "shadow/guest_memory.hpp"
#include "shadow/host_space.hpp"
#include "shadow/mapped_table.hpp"
#include "shadow/page_walk.hpp"
#include "shadow/shadow_state.hpp"

namespace ringpress {

struct ShadowLimits {
    std::uint32_t low_floor = 0;          ///< bytes at linear 0 that the host lets nobody map
    std::uint32_t mapping_limit = 60000;  ///< host mappings (vm.max_map_count, with a margin)
    bool executable_data = false;         ///< --user-code direct: user pages of RAM are mapped executable
};

class ShadowPages : public WriteObserver {
  public:
    ShadowPages(ShadowState& state, VCpu& cpu, std::uint8_t* ram, std::uint32_t ram_bytes, CodeViews& views,
                HostSpace& host, const ShadowLimits& limits);

    enum class DataFault : std::uint8_t { mapped, code_write, unmappable };
    /// A hidden fault: the guest's tables grant the access (walked with `t` as result).  Maps the page, and
    /// neighbours that the same walk settles.  `code_write` tells that a code view was dropped for it;
    /// `unmappable` that the page is below the host's floor and the access must be emulated.
    DataFault map_data(gva address, const Translation& t, Access access);
    /// Maps the code view of the page for execution.  The frame must be RAM.
    void map_code(gva address, const Translation& t);

    bool data_present(gva a) const { return data_.present(a.page()); }
    const MappedPage& data_page(gva a) const { return data_.at(a.page()); }
    const MappedPage& code_page(gva a) const { return code_.at(a.page()); }

    /// The frame is about to be copied into a view: every alias becomes read-only.
    void write_protect(std::uint32_t frame);
    /// Emulation (or a disk) has written to RAM: the page's view no longer tells the truth.
    void ram_written(gpa page) override;
    /// Forgets a frame's view and every mapping of it.
    void drop_view(std::uint32_t frame);
    /// A view slot that may be (re)used, its mappings removed.
    std::uint32_t take_slot();

    /// invlpg, SDM Vol. 3A, section 4.10.4.1: the page, and a whole 4 MiB page if it lies in one.
    void invalidate(gva address);
    /// CR3 was loaded: drops the local mappings that the tables no longer grant.
    void flush_changed();
    void flush_all();
    /// Which instructions run natively has changed: forgets every code mapping and view that holds FPU code.
    void drop_fpu_views();

    /// Before the guest runs at CPL 3: no supervisor page may be reachable.  Unmaps those that no segment limit
    /// can fence off, and sets user_boundary().
    void enter_user() {
        if (boundary_stale_) settle_user_boundary();
    }
    /// User segments end here: the lowest linear address that they may not reach (4 GiB: no limit needed).
    std::uint64_t user_boundary() const { return user_boundary_; }
    std::uint32_t window_shift() const { return s_.window_shift; }
    ShadowState::Counters& counters() { return s_.counters; }

  private:
    struct Run;
    std::uint32_t& alias_head(const MappedPages& table, std::uint32_t page);
    bool still_granted(std::uint32_t page, const MappedPage& mapped) const;
    void erase(MappedPages& table, std::uint32_t page) { table.erase(page, alias_head(table, page)); }
    void unmap_page(MappedPages& table, std::uint32_t page);
    void drop_changed(MappedPages& table);
    void drop_region(MappedPages& table, std::uint32_t region);
    void drop_supervisor(MappedPages& table, std::uint32_t region);
    void reserve_data_region(std::uint32_t region);
    void reserve_code_region(std::uint32_t region);
    void move_window(std::uint32_t data_region, std::uint32_t code_region);
    void settle_user_boundary();
    void set_user_boundary(std::uint32_t region);
    bool occupied(std::uint32_t region) const { return region == 0 || data_.count(region) != 0; }
    bool is_window_region(std::uint32_t region) const {
        return code_.count((region - (s_.window_shift >> kRegionShift)) & (kRegions - 1)) != 0;
    }
    /// Where a page of a table lies on the host.
    gva host_address(const MappedPages& table, std::uint32_t page) const {
        return gva((page << kPageShift) + (&table == &code_ ? s_.window_shift : 0));
    }
    void insert(MappedPages& table, std::uint32_t page, std::uint32_t bits, std::uint32_t& head);
    void make_room_for(std::uint32_t mappings);

    ShadowState& s_;
    VCpu& cpu_;
    std::uint8_t* ram_;
    std::uint32_t ram_bytes_;
    CodeViews& views_;
    HostSpace& host_;
    ShadowLimits limits_;
    MappedPages data_, code_;
    std::uint64_t user_boundary_ = 1ull << 32;
    bool boundary_stale_ = true;
};

}  // namespace ringpress
