#include "shadow/shadow_pages.hpp"

#include <algorithm>
#include <bit>

#include "shadow/check.hpp"
#include "shadow/gate_sites.hpp"
#include "shadow/shadow_descriptors.hpp"

namespace ringpress {

namespace {
/// Pages that one page table of the host serves.
constexpr std::uint32_t kPagesPerTable = 512;

std::uint32_t region_of(std::uint32_t page) {
    return page / kPagesPerRegion;
}
}  // namespace

/// Collects pages to unmap, or to make read-only, and does it in as few calls as possible: pages that lie
/// between two that are to be unmapped and are not mapped at all may be unmapped with them.
struct ShadowPages::Run {
    ShadowPages& owner;
    MappedPages& table;
    std::uint32_t first = 0, end = 0;  ///< pages [first, end)
    bool protects = false;             ///< they become read-only

    void add(std::uint32_t page) {
        // What lies between two halves of a region is its anchor.
        if (end != first && (protects || first / kPagesPerTable != page / kPagesPerTable)) keep();
        owner.erase(table, page);
        ++owner.s_.counters.pages_unmapped;
        if (end == first) first = page;
        end = page + 1;
    }
    void make_read_only(std::uint32_t page) {
        if (end != first && !(protects && page == end)) keep();
        table.set_writable(page, false);
        if (end == first) first = page;
        end = page + 1;
        protects = true;
    }
    /// What the guest's tables grant may have changed; what they do is returned.
    Granted settle(std::uint32_t page) {
        const Granted granted = owner.still_granted(table, page);
        switch (granted) {
            case Granted::writing_too:
            case Granted::all: keep(); break;
            case Granted::reading: make_read_only(page); break;
            case Granted::nothing: add(page); break;
        }
        return granted;
    }
    /// A page that stays: nothing beyond it may be swept up with what was collected.
    void keep() {
        if (end == first) return;
        if (protects)
            owner.protect_on_host(first, end, false);
        else
            owner.unmap_on_host(table, first, end);
        first = end = 0;
        protects = false;
    }
};

ShadowPages::ShadowPages(ShadowState& state, VCpu& cpu, std::uint8_t* ram, std::uint32_t ram_bytes,
                         CodeViews& views, HostSpace& host, const ShadowLimits& limits)
    : s_(state),
      cpu_(cpu),
      ram_(ram),
      ram_bytes_(ram_bytes),
      views_(views),
      host_(host, state.counters.map_calls, limits.joined_calls),
      gathered_(state.gathered, ram, ram_bytes, host_),
      limits_(limits),
      data_(state.data),
      code_(state.code) {
    // A power of two: what is mapped together must not span two regions, which may belong to different sides.
    limits_.fault_around = std::bit_floor(std::clamp(limits_.fault_around, 1u, kPagesPerRegion));
    if (!s_.shift) s_.shift = 1u << kRegionShift;
    if (s_.user_boundary_region) set_user_boundary(s_.user_boundary_region - 1);
}

std::uint32_t& ShadowPages::alias_head(const MappedPages& table, std::uint32_t page) {
    const std::uint32_t target = table.at(page).target();
    return &table == &data_ ? s_.frame[target].first_alias : s_.slot[target].first_alias;
}

void ShadowPages::insert(MappedPages& table, std::uint32_t page, std::uint32_t bits, std::uint32_t& head) {
    table.insert(page, bits | MappedPage::kPresent, head);
    ++s_.counters.pages_mapped;
    // The boundary holds while no supervisor page lies below it and no user page at or above it.
    const bool below = (std::uint64_t{page} << kPageShift) < user_boundary_;
    if (!(bits & MappedPage::kPad) && static_cast<bool>(bits & MappedPage::kSupervisor) == below)
        boundary_stale_ = true;
}

void ShadowPages::unmap_page(MappedPages& table, std::uint32_t page) {
    erase(table, page);
    ++s_.counters.pages_unmapped;
    unmap_on_host(table, page, page + 1);
}

void ShadowPages::unmap_on_host(const MappedPages& table, std::uint32_t first, std::uint32_t end) {
    const std::uint64_t bytes = std::uint64_t{end - first} << kPageShift;
    host_.unmap(host_address(table, first), bytes);
    ++s_.mapping_estimate;  // one mapping may have become two
    anchor_may_be_gone(host_address(table, first), bytes);
}

void ShadowPages::protect_on_host(std::uint32_t first, std::uint32_t end, bool writable) {
    host_.protect_ram(host_address(data_, first), (end - first) << kPageShift, writable);
    ++s_.counters.map_calls;
    s_.mapping_estimate += 2;
}

// --- anchors

/// The host frees a page table with the last mapping of the 2 MiB that it serves, and clears a new one for
/// the next: for a page that lies alone that costs more than the mapping itself.  So each region where the
/// guest has pages gets a mapping of two that nothing can be done with, one on either side of its middle.
void ShadowPages::anchor(gva host_address) {
    const std::uint32_t region = region_of(host_address.page());
    if (!limits_.anchors || anchored_[region]) return;
    const std::uint32_t page = region * kPagesPerRegion + kPagesPerTable - 1;
    if (page << kPageShift < limits_.low_floor) return;
    for (const std::uint32_t p : {page, page + 1})
        if (code_.present(p) || data_.present(data_address(p << kPageShift).page())) return;
    host_.map_anchor(gva(page << kPageShift));
    ++s_.counters.map_calls;
    anchored_.set(region);
}

void ShadowPages::anchor_may_be_gone(gva host_address, std::uint64_t bytes) {
    const std::uint32_t first = host_address.page();
    const auto end = static_cast<std::uint32_t>(first + (bytes >> kPageShift));
    const std::uint32_t region = region_of(first), middle = region * kPagesPerRegion + kPagesPerTable;
    if (end >= middle && first <= middle) anchored_.reset(region);
}

// --- mapping

/// in_set: what the guest's tables do not grant any more may be replaced in neighbours, too, and all of it
/// will be used.
ShadowPages::DataFault ShadowPages::map_data(gva address, const Translation& t, Access access, bool in_set) {
    const std::uint32_t page = address.page(), frame = t.physical.page();
    CHECK(t.physical.value < ram_bytes_);
    if (address.value < kernel_floor()) check_users();
    if (t.user) sets_.touched(page);
    if (host_address(data_, page).value < limits_.low_floor) {
        reserve_data_region(region_of(page));
        if (host_address(data_, page).value < limits_.low_floor) return DataFault::unmappable;
    }

    bool dropped = false;
    bool writable = t.dirty && (t.rw || (!access.user && !(cpu_.cr0 & cr0::WP)));
    const bool watched = s_.debug.points.watched_page(address), broken = breaks_in_data(page);
    if (watched && !access.write) writable = false;
    // The host has nothing writable and executable: RAM that user code runs from is one or the other, by
    // turns.
    if (limits_.executable_data && access.fetch) writable = false;
    if (views_.slot_of(frame) >= 0) {
        if (access.write) {
            if (s_.frame[frame].writes < 0xFFFF) ++s_.frame[frame].writes;
            drop_view(frame);
            dropped = true;
        } else {
            writable = false;
        }
    }
    std::uint32_t flags = 0;
    if (writable) flags |= MappedPage::kWritable;
    if (t.user) flags |= MappedPage::kUser;
    // With CR0.WP clear the kernel writes where CPL 3 may not: such a mapping must be gone before CPL 3 runs.
    if (!t.user || (writable && !t.rw)) flags |= MappedPage::kSupervisor;
    if (t.global) flags |= MappedPage::kGlobal;
    if (t.large) flags |= MappedPage::kLarge;

    make_room_for(1);
    reserve_data_region(region_of(page));

    // Neighbours in the same page table that continue the run in the file with the same rights, and that the
    // guest has used already: mapping a page whose Accessed bit is clear would hide its first use.
    std::uint32_t first = page, end = page + 1;
    // Larger runs would map pages that the guest never uses, smaller ones fault more often in the kernel's
    // direct map.
    const std::uint32_t most = in_set && !t.large ? kPagesPerRegion : limits_.fault_around;
    const std::uint32_t lowest = page / most * most, last = lowest + most;
    const std::uint32_t file_page = gathered_.page_of(frame);
    const auto continues = [&](std::uint32_t neighbour, std::uint32_t neighbour_file_page) {
        if (watched || s_.debug.points.watched_page(gva(neighbour << kPageShift))) return false;
        if (broken || breaks_in_data(neighbour)) return false;
        if (data_.present(neighbour) && !in_set) return false;
        if (host_address(data_, neighbour).value < limits_.low_floor) return false;
        const auto n = walk(cpu_, ram_, ram_bytes_, gva(neighbour << kPageShift), Access::read(false), false);
        if (!n) return false;
        const Translation& v = n.value();
        if (v.physical.value >= ram_bytes_ || gathered_.page_of(v.physical.page()) != neighbour_file_page)
            return false;
        if (writable && views_.slot_of(v.physical.page()) >= 0) return false;
        if (data_.present(neighbour) && same_target(data_, data_.at(neighbour), v)) return false;
        return v.user == t.user && v.global == t.global && v.large == t.large && v.accessed() &&
               v.rw == t.rw && (v.dirty || !writable);
    };
    while (end < last && continues(end, file_page + (end - page))) ++end;
    while (first > lowest && file_page >= page - first + 1 &&
           continues(first - 1, file_page - (page - first) - 1))
        --first;

    const std::uint32_t bits = frame << kPageShift | flags | MappedPage::kPresent;
    if (data_.at(page).bits == (bits & ~MappedPage::kWritable) && writable && end - first == 1 &&
        limits_.in_place && !limits_.executable_data) {
        data_.set_writable(page, true);
        protect_on_host(page, page + 1, true);
        return dropped ? DataFault::code_write : DataFault::mapped;
    }
    for (std::uint32_t p = first; p < end; ++p) {
        const std::uint32_t f = gathered_.frame_at(file_page + p - page);
        if (data_.present(p)) erase(data_, p);
        insert(data_, p, (f << kPageShift) | flags, s_.frame[f].first_alias);
    }
    anchor(host_address(data_, first));
    const bool executable = limits_.executable_data && t.user && !writable && !broken;
    host_.map_ram(host_address(data_, first), (file_page + first - page) << kPageShift,
                  (end - first) << kPageShift, writable, executable, in_set || end - first == 1);
    ++s_.counters.map_calls;
    return dropped ? DataFault::code_write : DataFault::mapped;
}

bool ShadowPages::map_view(gva address, const Translation& t) {
    const std::uint32_t page = address.page(), frame = t.physical.page();
    if (address.page_base().value < limits_.low_floor) return false;
    int index = views_.slot_of(frame);
    const bool other_size = index >= 0 && s_.slot[index].is_16_bit != s_.code_is_16_bit;
    const bool breaks = index >= 0 && s_.debug.points.breakpoints &&
                        s_.debug.points.breaks_in(address.page_base(), kPageSize);
    // It was proven as other instructions, or without those breakpoints: at other addresses they mean
    // nothing.
    if (other_size || breaks) {
        drop_view(frame);
        index = -1;
    }
    if (index < 0) {
        index = static_cast<int>(take_slot_for(page));
        write_protect(frame);
        views_.assign(static_cast<unsigned>(index), frame);
    }
    const auto slot = static_cast<std::uint32_t>(index);
    ViewSlot& view = s_.slot[slot];
    view.referenced = 1;
    if (view.next_frame) {
        // The last instruction was proven with another page behind this one: it may only run if that still
        // holds.
        const auto next = walk(cpu_, ram_, ram_bytes_, gva((page + 1) << kPageShift),
                               Access::execute(cpu_.cpl == 3), false);
        if (!next || next.value().physical.page() + 1 != view.next_frame) views_.cut_straddler(slot);
    }
    make_room_for(1);
    std::uint32_t flags = t.user ? MappedPage::kUser : MappedPage::kSupervisor;
    if (t.global) flags |= MappedPage::kGlobal;
    if (t.large) flags |= MappedPage::kLarge;
    const std::uint32_t bits = slot << kPageShift | flags | MappedPage::kPresent;
    if (code_.present(page)) {
        if (code_.at(page).bits == bits) return true;
        erase(code_, page);
    }
    reserve_code_region(region_of(page), !t.user);
    anchor(host_address(code_, page));
    insert(code_, page, bits, view.first_alias);
    host_.map_view(host_address(code_, page), slot, 1);
    part_straddlers(page);

    // Where this page's sites lead to there must be this view's pads, or nothing.
    const std::uint32_t pads = (page + kPadPages) & (kLinearPages - 1);
    if (view.pad_slot)
        map_pads(page, slot);
    else if (code_.present(pads) && (code_.at(pads).bits & MappedPage::kPad))
        unmap_page(code_, pads);
    // And where this page lies now, no site may lead.
    const std::uint32_t sites = (page - kPadPages) & (kLinearPages - 1);
    if (code_.present(sites) && s_.slot[code_.at(sites).target()].pad_slot)
        strip_sites(code_.at(sites).target());
    return true;
}

void ShadowPages::map_views_around(gva address) {
    if (s_.debug.points.breakpoints || !code_.present(address.page())) return;
    const std::uint32_t page = address.page(), slot = code_.at(page).target();
    const std::uint32_t most = limits_.fault_around, lowest = page / most * most;
    // Only what the same call can map: that costs next to nothing.
    const auto map_too = [&](std::uint32_t p) {
        const gva at(p << kPageShift);
        if (at.value >= user_boundary_ || code_.present(p)) return false;
        const auto now = walk(cpu_, ram_, ram_bytes_, at, Access::execute(true), false);
        if (!now || !now.value().accessed() || now.value().physical.value >= ram_bytes_) return false;
        const std::uint32_t its = slot + p - page;
        if (views_.slot_of(now.value().physical.page()) != static_cast<int>(its)) return false;
        return s_.slot[its].is_16_bit == s_.code_is_16_bit && map_view(at, now.value());
    };
    for (std::uint32_t p = page; p > lowest && map_too(p - 1); --p) {
    }
    for (std::uint32_t p = page + 1; p < lowest + most && map_too(p); ++p) {
    }
}

void ShadowPages::part_straddlers(std::uint32_t page) {
    for (const std::uint32_t first : {(page - 1) & (kLinearPages - 1), page}) {
        const MappedPage& here = code_.at(first);
        const MappedPage& behind = code_.at((first + 1) & (kLinearPages - 1));
        if (!here.present() || (here.bits & MappedPage::kPad) || !behind.present()) continue;
        const std::uint32_t next = s_.slot[here.target()].next_frame;
        if (next && views_.slot_of(next - 1) != static_cast<int>(behind.target()))
            views_.cut_straddler(here.target());
    }
}

void ShadowPages::settle_straddler(unsigned slot) {
    for (std::uint32_t alias = s_.slot[slot].first_alias; alias; alias = code_.at(alias - 1).next_alias)
        part_straddlers(alias - 1);
}

void ShadowPages::make_room_for(std::uint32_t mappings) {
    // Every mapped page is at most one host mapping, and so is every call that made one; the smaller bound
    // holds.
    s_.mapping_estimate += mappings * 2;
    // What no table counts; a gathered frame parts the monitor's own mapping of RAM.
    const std::uint32_t apart = 64 + static_cast<std::uint32_t>(anchored_.count()) + 2 * gathered_.count();
    if (s_.mapping_estimate + apart < limits_.mapping_limit) return;
    if (data_.total() + code_.total() + apart < limits_.mapping_limit) return;
    ++s_.counters.recycled;
    flush_all();
}

// --- writes and views

void ShadowPages::write_protect(std::uint32_t frame) {
    for (std::uint32_t next = s_.frame[frame].first_alias; next;) {
        const std::uint32_t page = next - 1;
        next = data_.at(page).next_alias;
        if (!data_.at(page).writable()) continue;
        data_.set_writable(page, false);
        protect_on_host(page, page + 1, false);
    }
}

void ShadowPages::ram_written(gpa page) {
    if (views_.slot_of(page.page()) >= 0) drop_view(page.page());
}

void ShadowPages::drop_view(std::uint32_t frame) {
    const int index = views_.slot_of(frame);
    CHECK(index >= 0);
    ViewSlot& slot = s_.slot[index];
    if (slot.previous_frame) {
        const int previous = views_.slot_of(slot.previous_frame - 1);
        if (previous >= 0) views_.cut_straddler(static_cast<unsigned>(previous));
    }
    if (slot.next_frame) views_.cut_straddler(static_cast<unsigned>(index));
    if (slot.pad_slot) strip_sites(static_cast<unsigned>(index));
    release_slot(static_cast<unsigned>(index));
    ++s_.counters.views_dropped;
}

void ShadowPages::release_slot(unsigned index) {
    while (const std::uint32_t alias = s_.slot[index].first_alias) unmap_page(code_, alias - 1);
    views_.release(index);
}

/// Views of neighbouring linear pages lie side by side where they can, so that they can be mapped in one
/// call.
std::uint32_t ShadowPages::take_slot_for(std::uint32_t page) {
    constexpr std::uint32_t kBlock = 16;
    const std::uint32_t block = page / kBlock * kBlock, place = page % kBlock;
    for (std::uint32_t n = 0; n < kBlock; ++n) {
        const gva at((block + n) << kPageShift);
        const auto t = walk(cpu_, ram_, ram_bytes_, at, Access::execute(cpu_.cpl == 3), false);
        if (!t || t.value().physical.value >= ram_bytes_) continue;
        const int near = views_.slot_of(t.value().physical.page());
        const int slot = near + static_cast<int>(place) - static_cast<int>(n);
        if (near >= 0 && slot >= 0 && slot < static_cast<int>(s_.slots_used) && s_.slot[slot].frame == 0)
            return static_cast<std::uint32_t>(slot);
    }
    const std::uint32_t fresh = (s_.slots_used + kBlock - 1) / kBlock * kBlock;
    if (fresh + kBlock > kBounceSlot) return take_slot();
    s_.slots_used = fresh + kBlock;
    return fresh + place;
}

std::uint32_t ShadowPages::take_slot() {
    if (s_.slots_used < kBounceSlot) {
        // Prefer slots that were freed, so that memory stays small.
        for (std::uint32_t i = 0; i < 8 && s_.slots_used; ++i) {
            s_.clock_hand = (s_.clock_hand + 1) % s_.slots_used;
            if (s_.slot[s_.clock_hand].frame == 0) return s_.clock_hand;
        }
        return s_.slots_used++;
    }
    for (;;) {  // the clock algorithm: two rounds at most
        s_.clock_hand = (s_.clock_hand + 1) % kBounceSlot;
        ViewSlot& slot = s_.slot[s_.clock_hand];
        if (slot.frame == 0) return s_.clock_hand;
        if (slot.frame == ViewSlot::kPads) continue;  // goes with its view
        if (!slot.referenced) {
            const std::uint32_t hand = s_.clock_hand;
            drop_view(slot.frame - 1);
            return hand;
        }
        slot.referenced = 0;
    }
}

void ShadowPages::change_code_size() {
    s_.code_is_16_bit ^= 1;
    for (std::uint32_t region = 0; region < kRegions; ++region)
        if (code_.count(region)) drop_region(code_, region);
}

void ShadowPages::drop_fpu_views() {
    for (std::uint32_t i = 0; i < s_.slots_used; ++i)
        if (s_.slot[i].frame && s_.slot[i].frame != ViewSlot::kPads && s_.slot[i].has_fpu)
            drop_view(s_.slot[i].frame - 1);
}

// --- flushing

ShadowPages::Granted ShadowPages::still_granted(const MappedPages& table, std::uint32_t page) const {
    const MappedPage& mapped = table.at(page);
    if (mapped.bits & MappedPage::kPad) return Granted::all;  // follows its view, not the guest's tables
    const auto now = walk(cpu_, ram_, ram_bytes_, gva(page << kPageShift), Access::read(false), false);
    if (!now) return Granted::nothing;
    const Translation& t = now.value();
    if (!same_target(table, mapped, t) || !t.accessed() ||
        t.user != static_cast<bool>(mapped.bits & MappedPage::kUser) ||
        t.global != static_cast<bool>(mapped.bits & MappedPage::kGlobal))
        return Granted::nothing;
    if (!mapped.writable()) return t.user && t.rw && t.dirty ? Granted::writing_too : Granted::all;
    const bool by_wp = (mapped.bits & MappedPage::kSupervisor) && !(cpu_.cr0 & cr0::WP);
    if (t.dirty && (t.rw || by_wp)) return Granted::all;
    // A page of the users' that only the kernel could write is gone before they run; and what RAM runs from
    // may be executed again, which takes a mapping of its own.
    const bool clean = t.user != static_cast<bool>(mapped.bits & MappedPage::kSupervisor);
    return clean && limits_.in_place && !limits_.executable_data ? Granted::reading : Granted::nothing;
}

void ShadowPages::drop_changed(MappedPages& table, std::uint32_t first_region, std::uint32_t end_region) {
    Run run{*this, table};
    std::uint32_t next_region = 0;
    table.for_each_local_region([&](std::uint32_t region) {
        if (region < first_region || region >= end_region) return;
        // Between regions there may be pages of others, and a run must not go around the 4 GiB.
        if (region != next_region || host_address(table, region * kPagesPerRegion).value == 0) run.keep();
        next_region = region + 1;
        table.for_each_in_region(region, [&](std::uint32_t page) {
            if (table.at(page).bits & MappedPage::kGlobal)
                run.keep();
            else
                run.settle(page);
        });
    });
    run.keep();
}

void ShadowPages::flush_changed() {
    // A boundary that is not stale has all user pages below it, and only those.
    users_unchecked_ = !boundary_stale_ && user_boundary_ != 0 && user_boundary_ < (1ull << 32) &&
                       floor_is_exact(cpu_, static_cast<std::uint32_t>(user_boundary_));
    if (!users_unchecked_) map_working_set();
    drop_changed(data_, users_unchecked_ ? s_.user_boundary_region - 1 : 0, kRegions);
    // No descriptor keeps the kernel from running what lies there.
    drop_changed(code_, 0, kRegions);
}

void ShadowPages::check_users() {
    users_unchecked_ = false;
    map_working_set();
    drop_changed(data_, 0, s_.user_boundary_region - 1);
}

void ShadowPages::invalidate(gva address) {
    for (MappedPages* table : {&data_, &code_}) {
        const std::uint32_t page = address.page();
        // Any address of a 4 MiB page stands for all of it, one that was never touched as well.
        if (table->large(region_of(page))) {
            drop_region(*table, region_of(page));
        } else if (table->present(page)) {
            Run run{*this, *table};
            const Granted granted = run.settle(page);
            run.keep();
            const bool reachable = table == &data_ && address.value >= kernel_floor();
            if (reachable && granted == Granted::writing_too) make_writable(page);
        }
    }
}

/// The guest has named a page, so something has changed: if it may be written now, it mostly is at once.
void ShadowPages::make_writable(std::uint32_t page) {
    if (!limits_.in_place || limits_.executable_data) return;
    if (views_.slot_of(data_.at(page).target()) >= 0 || s_.debug.points.watchpoints) return;
    make_room_for(1);
    if (!data_.present(page)) return;  // to make room, everything went
    data_.set_writable(page, true);
    protect_on_host(page, page + 1, true);
}

void ShadowPages::drop_region(MappedPages& table, std::uint32_t region) {
    Run run{*this, table};
    table.for_each_in_region(region, [&](std::uint32_t page) { run.add(page); });
    run.keep();
}

void ShadowPages::drop_supervisor(MappedPages& table, std::uint32_t region) {
    Run run{*this, table};
    table.for_each_in_region(region, [&](std::uint32_t page) {
        if (table.at(page).bits & MappedPage::kSupervisor)
            run.add(page);
        else
            run.keep();
    });
    run.keep();
}

void ShadowPages::flush_all() {
    for (MappedPages* table : {&data_, &code_})
        for (std::uint32_t region = 0; region < kRegions; ++region)
            if (table->count(region))
                table->for_each_in_region(region, [&](std::uint32_t page) {
                    erase(*table, page);
                    ++s_.counters.pages_unmapped;
                });
    host_.unmap(gva(0), 1ull << 32);
    s_.mapping_estimate = 0;
    anchored_.reset();
    users_unchecked_ = false;
    if (s_.landing_region) map_landing();
}

void ShadowPages::forget_all() {
    for (std::uint32_t i = 0; i < s_.slots_used; ++i)
        if (s_.slot[i].frame && s_.slot[i].frame != ViewSlot::kPads) drop_view(s_.slot[i].frame - 1);
    flush_all();
}

void ShadowPages::reserve_data_region(std::uint32_t region) {
    if (data_.count(region) == 0 && taken_from_data(wrap(region - shift_regions())))
        move_window(region, kNoRegion);
}

// --- user and supervisor

void ShadowPages::set_user_boundary(std::uint32_t region) {
    s_.user_boundary_region = region + 1;
    user_boundary_ = std::uint64_t{region} << kRegionShift;
}

void ShadowPages::settle_user_boundary() {
    std::uint32_t lowest_supervisor = kRegions, user_end = 0;
    for (std::uint32_t r = 0; r < kRegions; ++r) {
        if (data_.supervisor(r) + code_.supervisor(r) && lowest_supervisor == kRegions) lowest_supervisor = r;
        if (data_.user(r) + code_.user(r)) user_end = r + 1;
    }
    // A boundary once found is kept while it serves, so that descriptors stay the same.
    const std::uint32_t current = s_.user_boundary_region ? s_.user_boundary_region - 1 : kRegions;
    if (lowest_supervisor >= user_end)
        set_user_boundary(std::clamp(current, user_end, lowest_supervisor));
    else
        set_user_boundary(std::max(std::min(current, kRegions), user_end));
    const std::uint32_t boundary = s_.user_boundary_region - 1;
    if (boundary == kRegions) withdraw_stubs();
    if (boundary != current) withdraw_kernel_window();
    for (std::uint32_t r = lowest_supervisor; r < boundary; ++r)
        for (MappedPages* table : {&data_, &code_})
            if (table->supervisor(r)) drop_supervisor(*table, r);
    boundary_stale_ = false;
}

}  // namespace ringpress
