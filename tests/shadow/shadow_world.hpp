// A guest with page tables, its shadows and a recorded host, for tests of everything that maps.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "shadow/shadow_pages.hpp"
#include "tests/shadow/recorded_host.hpp"

namespace ringpress::test {

struct FreeDelete {
    void operator()(void* p) const { std::free(p); }
};

/// Zeroed pages that cost nothing until they are touched.
template <class T>
std::unique_ptr<T, FreeDelete> zeroed(std::size_t bytes = sizeof(T)) {
    return std::unique_ptr<T, FreeDelete>(static_cast<T*>(std::calloc(1, bytes)));
}

/// A guest's RAM as the monitor has it: zero, shared, with room behind it.
struct RamFile {
    explicit RamFile(std::uint32_t ram_bytes) : bytes(std::size_t{ram_bytes} + kBehindRam) {
        if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) std::abort();
        at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) std::abort();
    }
    ~RamFile() {
        munmap(at, bytes);
        close(fd);
    }
    RamFile(const RamFile&) = delete;
    RamFile& operator=(const RamFile&) = delete;
    std::uint8_t* get() const { return static_cast<std::uint8_t*>(at); }

    int fd = memfd_create("ringpress-test-ram", MFD_CLOEXEC);
    std::size_t bytes;
    void* at;
};

/// The directories, and for every second directory entry in use one table, lie in the first frames.
struct ShadowWorld {
    static constexpr std::uint32_t kFrames = 9216, kRam = kFrames * kPageSize;
    static constexpr std::uint32_t kDirectory = 0x1000, kOtherDirectory = 0x2000, kFirstTable = 0x3000;
    static constexpr std::uint32_t kFirstData = 32;  ///< frames from here on hold no tables

    RamFile ram;
    std::unique_ptr<ShadowState, FreeDelete> state = zeroed<ShadowState>();
    std::unique_ptr<std::uint8_t, FreeDelete> view_file =
        zeroed<std::uint8_t>(std::size_t{RecordedHost::kViewFilePages} * kPageSize);
    VCpu cpu;
    RecordedHost host;
    CodeViews views{*state, view_file.get()};
    ShadowPages shadow;

    explicit ShadowWorld(bool paging = true, ShadowLimits limits = {}, std::uint32_t ram_bytes = kRam)
        : ram(kRam), shadow(*state, cpu, ram.get(), ram_bytes, views, host, limits) {
        cpu.cr0 = cr0::PE | cr0::WP | (paging ? cr0::PG : 0u);
        cpu.cr4 = cr4::PSE | cr4::PGE;
        cpu.cr3 = kDirectory;
        host.floor = limits.low_floor;
        host.ram_bytes = ram_bytes;
        host.ram = ram.get();
        host.ram_file = ram.fd;
    }

    std::uint32_t& word(std::uint32_t at) { return *reinterpret_cast<std::uint32_t*>(ram.get() + at); }
    std::uint32_t& pde(std::uint32_t address) { return word((cpu.cr3 & pte::kFrame) + (address >> 22) * 4); }
    /// The table entry of an address whose directory entry names a table; made if there is none.
    std::uint32_t& pte_of(std::uint32_t address) {
        std::uint32_t& entry = pde(address);
        if (!(entry & pte::P)) {
            entry = next_table_ | pte::P | pte::RW | pte::US | pte::A;
            next_table_ += kPageSize;
        }
        return word((entry & pte::kFrame) + (address >> 12 & 0x3FF) * 4);
    }
    /// Bits besides P and A of the entry.
    void map(std::uint32_t address, std::uint32_t frame, std::uint32_t bits) {
        pte_of(address) = frame << kPageShift | bits | pte::P | pte::A;
    }

    Result<Translation> walk(std::uint32_t address, Access access) {
        return ringpress::walk(cpu, ram.get(), host.ram_bytes, gva(address), access, true);
    }
    /// A hidden fault of data, as the trap handler resolves it.  False: a true fault.
    bool touch(std::uint32_t address, bool write = false) {
        const Access access = write ? Access::store(cpu.cpl == 3) : Access::read(cpu.cpl == 3);
        const auto t = walk(address, access);
        if (!t || t.value().physical.value >= host.ram_bytes) return false;
        last = shadow.map_data(gva(address), t.value(), access);
        return true;
    }
    /// The same of code.
    bool execute(std::uint32_t address) {
        const auto t = walk(address, Access::execute(cpu.cpl == 3));
        if (!t || t.value().physical.value >= host.ram_bytes) return false;
        const bool mapped = shadow.map_code(gva(address), t.value());
        shadow.finish_calls();
        return mapped;
    }
    ShadowPages::DataFault last{};

    /// The host page that a data access at `address` reaches, and the one that is fetched from there.
    const HostPage& data_at(std::uint32_t address) {
        shadow.finish_calls();
        return host.at(gva(address + shadow.data_shift()));
    }
    const HostPage& code_at(std::uint32_t address) {
        shadow.finish_calls();
        return host.at(gva(address));
    }

    /// What is wrong between the tables of the shadows and the host; empty if all is well.
    std::string inconsistency();

  private:
    std::string table_inconsistency(const MappedTable& table, bool data);
    std::uint32_t next_table_ = kFirstTable;
};

inline std::string ShadowWorld::table_inconsistency(const MappedTable& table, bool data) {
    const std::string name = data ? "data: " : "code: ";
    std::uint32_t total = 0;
    std::vector<std::uint32_t> count(kRegions), supervisor(kRegions), local(kRegions), pads(kRegions);
    for (std::uint32_t w = 0; w < kLinearPages / 64; ++w)
        for (std::uint64_t bits = table.present[w]; bits; bits &= bits - 1) {
            const auto page = w * 64 + static_cast<std::uint32_t>(__builtin_ctzll(bits));
            const MappedPage& m = table.page[page];
            if (!m.present()) return name + "present bit of an absent page";
            const std::uint32_t r = page / kPagesPerRegion;
            ++total, ++count[r];
            supervisor[r] += (m.bits & MappedPage::kSupervisor) != 0;
            local[r] += !(m.bits & MappedPage::kGlobal);
            pads[r] += (m.bits & MappedPage::kPad) != 0;
            const HostPage& h = data ? data_at(page << kPageShift) : code_at(page << kPageShift);
            if (h.kind != (data ? HostPage::ram : HostPage::view) || h.index != m.target() ||
                h.writable != m.writable())
                return name + "the host has something else at page " + std::to_string(page);
            if (data && m.writable() && views.slot_of(m.target()) >= 0)
                return name + "a viewed page is writable";
            if (!data && !(m.bits & MappedPage::kPad) && state->slot[m.target()].frame == 0)
                return name + "the mapping of a free slot";
            const std::uint32_t head =
                data ? state->frame[m.target()].first_alias : state->slot[m.target()].first_alias;
            if (m.previous_alias ? table.page[m.previous_alias - 1].next_alias != page + 1 : head != page + 1)
                return name + "alias list";
            if (m.next_alias && (table.page[m.next_alias - 1].previous_alias != page + 1 ||
                                 table.page[m.next_alias - 1].target() != m.target()))
                return name + "alias list";
        }
    if (total != table.total) return name + "total";
    for (std::uint32_t r = 0; r < kRegions; ++r) {
        const auto bit = [r](const std::uint64_t* map) { return (map[r / 64] >> (r % 64) & 1) != 0; };
        if (count[r] != table.count[r] || supervisor[r] != table.supervisor[r] ||
            local[r] != table.local[r] || pads[r] != table.pads[r])
            return name + "count of region " + std::to_string(r);
        if (bit(table.regions) != (count[r] != 0) || bit(table.local_regions) != (local[r] != 0))
            return name + "bitmap of region " + std::to_string(r);
    }
    return {};
}

inline std::string ShadowWorld::inconsistency() {
    shadow.finish_calls();
    if (!host.error.empty()) return "host: " + host.error;
    if (state->shift % (1u << kRegionShift) || !state->shift) return "shift";
    if (auto wrong = table_inconsistency(state->data, true); !wrong.empty()) return wrong;
    if (auto wrong = table_inconsistency(state->code, false); !wrong.empty()) return wrong;
    const std::uint32_t landings = state->landing_region ? kGateRange / kPageSize : 0;
    if (host.mapped() != state->data.total + state->code.total + landings) return "the host holds more pages";

    std::vector<std::uint32_t> pads_of(kViewSlots);
    std::vector<bool> site_used(kGateSites);
    for (std::uint32_t i = 0; i < state->slots_used; ++i) {
        const ViewSlot& slot = state->slot[i];
        if (slot.frame == 0 && slot.first_alias) return "a free slot is mapped";
        if (slot.frame == 0 || slot.frame == ViewSlot::kPads) continue;
        if (views.slot_of(slot.frame - 1) != static_cast<int>(i))
            return "a slot whose frame has another view";
        if (slot.next_frame) {
            const int next = views.slot_of(slot.next_frame - 1);
            if (next < 0 || state->slot[next].previous_frame != slot.frame) return "next frame";
        }
        if (slot.previous_frame) {
            const int previous = views.slot_of(slot.previous_frame - 1);
            if (previous < 0 || state->slot[previous].next_frame != slot.frame) return "previous frame";
        }
        if (slot.pad_slot &&
            (state->slot[slot.pad_slot - 1].frame != ViewSlot::kPads || pads_of[slot.pad_slot - 1]++))
            return "pads";
        if (!slot.pad_slot && slot.first_site) return "sites without pads";
        for (std::uint32_t site = slot.first_site; site; site = state->site[site - 1].next) {
            if (state->site[site - 1].slot != i + 1 || site_used[site - 1]) return "site list";
            site_used[site - 1] = true;
        }
    }
    for (std::uint32_t i = 0; i < state->slots_used; ++i)
        if (state->slot[i].frame == ViewSlot::kPads && !pads_of[i] && i + 1u != state->scratch_slot[0] &&
            i + 1u != state->scratch_slot[1])
            return "pads without a view";
    std::uint32_t sites = 0;
    for (std::uint32_t site = state->first_free_site; site; site = state->site[site - 1].next) {
        if (site_used[site - 1]) return "a free site is in use";
        site_used[site - 1] = true;
    }
    for (const bool used : site_used) sites += used;
    if (sites != state->sites_used) return "sites are lost";

    // Pages that are executed one after the other must belong together where an instruction spans them.
    for (std::uint32_t w = 0; w < kLinearPages / 64; ++w)
        for (std::uint64_t bits = state->code.present[w]; bits; bits &= bits - 1) {
            const auto page = w * 64 + static_cast<std::uint32_t>(__builtin_ctzll(bits));
            const MappedPage &m = state->code.page[page], &next = state->code.page[(page + 1) % kLinearPages];
            if ((m.bits & MappedPage::kPad) || !state->slot[m.target()].next_frame || !next.present())
                continue;
            if (static_cast<int>(next.target()) != views.slot_of(state->slot[m.target()].next_frame - 1))
                return "an instruction runs on into a page that it was not proven with";
        }
    return {};
}

}  // namespace ringpress::test
