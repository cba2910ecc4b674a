// Shadow paging by mmap: the guest's translations, kept as mappings of guest RAM in the guest process's low 4
// GiB.
//
// A mapping is made when the guest first touches a page (a *hidden* fault) and lasts until the guest says
// that translations may have changed (invlpg, CR3).  x86 promises no more than that, SDM Vol. 3A,
// section 4.10.4, so page-table writes are not watched: at a flush the stored mappings are compared with the
// tables.
//
// Code runs from the code view (code_view.hpp).  A view is mapped at the linear address that the guest
// believes in, with a code segment of base 0; data is mapped S bytes below its address, and the data segments
// have a base of -S.  So code and data of one address lie apart, and both tell the genuine offsets.  (The
// other way round, a base in CS, costs some twenty cycles for every taken branch on AMD processors; a base in
// DS costs one cycle of load latency at most.)  S is one of 1024 multiples of 4 MiB, chosen in window.cpp
// such that no view lies where data is mapped, and it moves when the guest comes to use such a place.
#pragma once

#include <bitset>
#include <optional>

#include "shadow/code_view.hpp"
#include "shadow/gate_sites.hpp"
#include "shadow/gathered_frames.hpp"
#include "shadow/guest_memory.hpp"
#include "shadow/host_space.hpp"
#include "shadow/joined_calls.hpp"
#include "shadow/mapped_table.hpp"
#include "shadow/page_walk.hpp"
#include "shadow/shadow_state.hpp"
#include "shadow/working_sets.hpp"

namespace ringpress {

struct ShadowLimits {
    std::uint32_t low_floor = 0;          ///< bytes at linear 0 that the host lets nobody map
    std::uint32_t mapping_limit = 60000;  ///< host mappings (vm.max_map_count, with a margin)
    bool executable_data = false;         ///< --user-code direct: user pages of RAM are mapped executable
    bool anchors = true;                  ///< see ShadowPages::anchor()
    bool working_sets = true;             ///< see working_sets.hpp
    bool in_place = true;                 ///< rights change by mprotect, not by mapping anew
    bool joined_calls = true;             ///< see joined_calls.hpp
    bool gathers = false;                 ///< see gathered_frames.hpp; RAM must have kBehindRam behind it
    std::uint32_t fault_around = 16;      ///< pages that a hidden fault maps, rounded down to 2^n
};

/// Host-linear addresses, see ShadowPages::map_scratch().
struct ScratchPlace {
    gva code;    ///< the instruction
    gva bounce;  ///< the page for its operand, if it was asked for
};

class ShadowPages : public WriteObserver {
  public:
    ShadowPages(ShadowState& state, VCpu& cpu, std::uint8_t* ram, std::uint32_t ram_bytes, CodeViews& views,
                HostSpace& host, const ShadowLimits& limits);

    enum class DataFault : std::uint8_t { mapped, code_write, unmappable };
    /// A hidden fault: the guest's tables grant the access (walked with `t` as result).  Maps the page, and
    /// neighbours that the same walk settles.  `code_write` tells that a code view was dropped for it;
    /// `unmappable` that the page is below the host's floor and the access must be emulated.
    DataFault map_data(gva address, const Translation& t, Access access) {
        return map_data(address, t, access, false);
    }
    /// Maps the code view of the page for execution.  The frame must be RAM.  False if the page is below the
    /// host's floor and its code must be interpreted.
    bool map_code(gva address, const Translation& t) {
        if (t.user) sets_.touched(address.page() | WorkingSets::kCode);
        return map_view(address, t);
    }
    /// Behind map_code() of user code that was fetched: maps neighbours that were accessed and have views,
    /// since someone has executed them before, as far as one call does for all.
    void map_views_around(gva address);

    /// Code will run in a segment of this size, SDM Vol. 3A, 3.4.5 (D/B).  The same bytes are other
    /// instructions then, so nothing that was proven of the other size stays mapped.
    void set_code_size(bool is_16_bit) {
        if (static_cast<bool>(s_.code_is_16_bit) != is_16_bit) change_code_size();
    }

    bool data_present(gva a) const { return data_.present(a.page()); }
    const MappedPage& data_page(gva a) const { return data_.at(a.page()); }
    const MappedPage& code_page(gva a) const { return code_.at(a.page()); }

    /// The frame is about to be copied into a view: every alias becomes read-only.
    void write_protect(std::uint32_t frame);
    /// Emulation (or a disk) has written to RAM: the page's view no longer tells the truth.
    void ram_written(gpa page) override;
    /// The last instruction of a view was joined to another: wherever something else is mapped behind it, it
    /// must not run, and is cut again.
    void settle_straddler(unsigned slot);
    /// Forgets a frame's view and every mapping of it.
    void drop_view(std::uint32_t frame);
    /// Makes the five bytes at `offset` of a view a gate site, unless something stands in the way.
    bool make_site(unsigned slot, unsigned offset, bool user);
    /// Gives up all gate sites of a view: they are int3 again.
    void strip_sites(unsigned slot);
    /// Where a site that was jumped through lies in the guest's linear address space.  False for what is no
    /// site, or none that this privilege can have jumped through.
    bool site_address(std::uint32_t site, bool user, gva& address) const;
    /// If `address` lies in pads, mapped or not: the address of the site that leads there.
    bool site_behind_pad(gva address, gva& site) const;
    /// Gate sites need the host's gate; without it (the default) make_site() always refuses.
    void enable_gates(std::uint64_t continuation);
    /// site_tails.cpp.  The number (plus one) of the site whose jump covers this byte of a view; 0: none.
    std::uint32_t site_covering(unsigned slot, unsigned offset) const;
    /// Where in a view's pads a tail of so many bytes has room and is in no pad's way; 0: nowhere.
    unsigned tail_room(unsigned slot, unsigned bytes) const;
    /// Has `code`, which stands for what begins at `from` of the site's page, at `at` of the pads.
    void install_tail(std::uint32_t site, unsigned from, unsigned at, const std::uint8_t* code,
                      unsigned bytes);
    /// Takes note that there can be no tail for what begins at `from`.
    void refuse_tail(std::uint32_t site, unsigned from);
    /// The number (plus one) of the site that has a tail at this address of mapped pads; 0: none.
    std::uint32_t tail_site(gva address) const;
    /// Native stubs need StubData behind the end of RAM; without it (the default) there are none.
    void enable_stubs() { stubs_enabled_ = true; }
    /// Where the stub of the site at the beginning of these five bytes would lie; nothing if it cannot have
    /// one.  The site must have been made.
    struct StubPlace {
        std::uint32_t site = 0;     ///< its number
        std::uint32_t cell = 0;     ///< linear address of its cell
        std::uint32_t data = 0;     ///< of StubData, as the guest's flat segments reach it
        std::uint32_t landing = 0;  ///< of the gate's landing
    };
    std::optional<StubPlace> stub_place(unsigned slot, unsigned offset) const;
    /// Puts the stub into its cell and has the site lead there.
    void install_stub(unsigned slot, const StubPlace& place, const std::uint8_t* code, unsigned length);
    /// If `address` lies in a cell with a stub: where that stub's site lies, and its place.
    bool stub_at(gva address, gva& site, StubPlace& place) const;
    /// True if a native stub begins at this address of code that is mapped.
    bool leads_to_stub(gva address) const;
    /// All stubs go, since the guest's stack segment or privilege would not let them work.
    void strip_stubs();
    /// True if there may be stubs: the guest at CPL 0 finds StubData.
    bool stubs_placed() const { return stubs_enabled_ && s_.landing_region != 0; }
    /// StubData as the guest's flat segments reach it.
    gva stub_data() const { return data_address((s_.landing_region << kRegionShift) + kStubDataAt); }

    /// scratch_view.cpp: has the code page of `address` show this one instruction, and int3 everywhere else,
    /// whatever its view says, until unmap_scratch().  The instruction may run on into the next page.  Where
    /// it lies on the host is returned: at `address`, unless the host cannot map that.
    /// With `bounce` the page of slot kBounceSlot is mapped for data, where nothing else is.
    ScratchPlace map_scratch(gva address, const std::uint8_t* bytes, unsigned length, bool bounce);
    std::uint8_t* bounce_bytes() { return views_.bytes(kBounceSlot); }
    void unmap_scratch();

    /// True if a breakpoint of the debugger's lies in [first, end) of a view, at any address that maps it.
    bool breakpoint_in(unsigned slot, unsigned first, unsigned end) const;
    /// Breakpoints and watchpoints in force from here on.  What is mapped where they come and go is mapped
    /// anew.
    void set_points(const DebugPoints& points);
    /// True if user code that runs from RAM must not run in this page, since a breakpoint lies there.
    bool breaks_in_data(std::uint32_t page) const {
        const DebugPoints& points = s_.debug.points;
        return limits_.executable_data && points.breakpoints &&
               points.breaks_in(gva(page << kPageShift), kPageSize);
    }
    /// Unmaps the pages that watchpoints lie in, as far as they are mapped.
    void unmap_watched(const DebugPoints& points);

    /// A view slot that may be (re)used, its mappings removed.
    std::uint32_t take_slot();
    std::uint32_t take_slot_for(std::uint32_t page);

    /// invlpg, SDM Vol. 3A, section 4.10.4.1: the page, and a whole 4 MiB page if it lies in one.
    void invalidate(gva address);
    /// CR3 was loaded: drops the local mappings that the tables no longer grant.  Where a kernel lies above
    /// all user pages, theirs are not looked at before user code runs, or the kernel wants one: many kernels
    /// pass through an address space without users on the way back to the same one.  Until then the kernel's
    /// data segments must end at kernel_floor().
    void flush_changed();
    /// No data segment may reach a lower address before check_users(); 0: there is nothing to keep off.
    std::uint32_t kernel_floor() const {
        return users_unchecked_ ? static_cast<std::uint32_t>(user_boundary_) : 0;
    }
    /// Does for the user pages what flush_changed() has left.
    void check_users();
    void flush_all();
    /// Before anyone else looks at RAM: every page of it lies where its address says.
    void send_frames_home();
    /// RAM or the registers were changed from outside: forgets every mapping and every view.
    void forget_all();
    /// Which instructions run natively has changed: forgets every code mapping and view that holds FPU code.
    void drop_fpu_views();

    /// Before the guest runs: what was to be unmapped is gone from here on.
    void finish_calls() { host_.finish(); }
    bool unmaps_wait() const { return host_.waits(); }
    /// Before the guest runs at CPL 3: no supervisor page may be reachable.  Unmaps those that no segment
    /// limit can fence off, and sets user_boundary().
    void enter_user() {
        if (users_unchecked_) check_users();
        if (boundary_stale_) settle_user_boundary();
        check_windows();
    }
    /// True if enter_user() would find nothing to do.
    bool user_entered() const { return !users_unchecked_ && !boundary_stale_ && !windows_covered(); }
    /// User segments end here: the lowest linear address that they may not reach (4 GiB: no limit needed).
    std::uint64_t user_boundary() const { return user_boundary_; }
    /// What a data segment's base gets added on the host.
    std::uint32_t data_shift() const { return 0u - s_.shift; }
    /// The guest-linear address of data at a host-linear one.
    gva data_address(std::uint32_t host_address) const { return gva(host_address + s_.shift); }

    ShadowState::Counters& counters() { return s_.counters; }

  private:
    struct Run;
    bool map_view(gva address, const Translation& t);
    std::uint32_t unused_region(gva address);
    void book_scratch(std::uint32_t page, std::uint32_t slot, std::uint32_t flags);
    std::uint32_t scratch_slot(unsigned which);
    void show_scratch(std::uint32_t page, std::uint32_t slot);
    std::uint32_t& alias_head(const MappedPages& table, std::uint32_t page);
    /// What the guest's tables still grant of a mapping.
    enum class Granted : std::uint8_t { nothing, reading, all, writing_too };
    Granted still_granted(const MappedPages& table, std::uint32_t page) const;
    void erase(MappedPages& table, std::uint32_t page) { table.erase(page, alias_head(table, page)); }
    void unmap_page(MappedPages& table, std::uint32_t page);
    void drop_changed(MappedPages& table, std::uint32_t first_region, std::uint32_t end_region);
    void change_code_size();
    void drop_region(MappedPages& table, std::uint32_t region);
    void drop_supervisor(MappedPages& table, std::uint32_t region);
    void anchor(gva host_address);
    void anchor_may_be_gone(gva host_address, std::uint64_t bytes);
    DataFault map_data(gva address, const Translation& t, Access access, bool in_set);
    void map_working_set();
    void gather_working_set();
    struct Neighbours;
    void gather(const Neighbours& run);
    void unmap_frame(std::uint32_t frame);
    void unmap_on_host(const MappedPages& table, std::uint32_t first, std::uint32_t end);
    void make_writable(std::uint32_t page);
    void protect_on_host(std::uint32_t first, std::uint32_t end, bool writable);
    void map_pads(std::uint32_t page, unsigned slot);
    /// Cuts instructions that run on from one mapped view into another that they were not proven with, at the
    /// two edges of a page that was mapped just now.
    void part_straddlers(std::uint32_t page);
    void release_slot(unsigned slot);
    bool place_landing();
    StubPlace place_of(std::uint32_t site) const;
    void withdraw_stubs();
    void map_landing();
    std::uint32_t landing(std::uint32_t site) const;
    void reserve_data_region(std::uint32_t region);
    void reserve_code_region(std::uint32_t region, bool supervisor);
    static constexpr std::uint32_t kNoRegion = kRegions;
    /// window.cpp.  Either region may be kNoRegion.
    void move_window(std::uint32_t data_region, std::uint32_t code_region);
    std::uint32_t choose_shift(const bool (&code_regions)[kRegions], const bool (&data_regions)[kRegions],
                               bool& crowded) const;
    void check_windows();
    void withdraw_kernel_window();
    static std::uint32_t wrap(std::uint32_t region) { return region & (kRegions - 1); }
    std::uint32_t shift_regions() const { return s_.shift >> kRegionShift; }
    bool directory_entry_present(std::uint32_t region) const {
        if (!cpu_.paging()) return (region << kRegionShift) < ram_bytes_;
        return detail::read_entry(ram_, ram_bytes_, (cpu_.cr3 & pte::kFrame) + region * 4) & pte::P;
    }
    /// The guest's directory names the place of a view, or of the landings.
    bool windows_covered() const {
        if (!cpu_.paging() || crowded_) return false;
        bool covered = false;
        code_.for_each_region(
            [&](std::uint32_t r) { covered |= directory_entry_present(wrap(r + shift_regions())); });
        if (s_.landing_region) covered |= directory_entry_present(wrap(s_.landing_region + shift_regions()));
        return covered;
    }
    /// True unless a mapping is held for a page that translates to something else now.
    bool same_target(const MappedPages& table, const MappedPage& mapped, const Translation& t) const {
        const std::uint32_t frame = t.physical.page();
        return &table == &data_ ? frame == mapped.target()
                                : views_.slot_of(frame) == static_cast<int>(mapped.target());
    }
    void settle_user_boundary();
    void set_user_boundary(std::uint32_t region);
    /// True if a host region holds, or must be left to, something else than data.
    bool taken_from_data(std::uint32_t host_region) const {
        return host_region == 0 || host_region == s_.landing_region || code_.count(host_region) != 0;
    }
    /// Where a page of a table lies on the host.
    gva host_address(const MappedPages& table, std::uint32_t page) const {
        return gva((page << kPageShift) - (&table == &data_ ? s_.shift : 0));
    }
    void insert(MappedPages& table, std::uint32_t page, std::uint32_t bits, std::uint32_t& head);
    void make_room_for(std::uint32_t mappings);

    ShadowState& s_;
    VCpu& cpu_;
    std::uint8_t* ram_;
    std::uint32_t ram_bytes_;
    CodeViews& views_;
    JoinedCalls host_;
    GatheredFrames gathered_;
    ShadowLimits limits_;
    MappedPages data_;
    MappedPages code_;
    std::bitset<kRegions> anchored_;  ///< host regions whose anchor may be relied on
    std::uint64_t user_boundary_ = 1ull << 32;
    bool boundary_stale_ = true;
    bool users_unchecked_ = false;
    WorkingSets sets_;
    std::uint32_t users_of_ = 0;           ///< the CR3 that user pages were last checked for
    std::uint64_t gate_continuation_ = 0;  ///< 0: no gates
    bool stubs_enabled_ = false;
    bool crowded_ = false;  ///< no place without a present directory entry was found
};

}  // namespace ringpress
