// Page faults: *hidden* ones, where the guest's tables allow what the host did not have mapped yet, and
// *true* ones, which belong to the guest.
#include <algorithm>

#include "traps/dispatch.hpp"

namespace ringpress {

namespace {
constexpr std::uint32_t kHostWrite = 2, kHostFetch = 16;  // SDM Vol. 3A, figure 4-12

/// A store to a page that is executed, too.  One that hits the page it runs from, or the next one that it
/// runs on into, could never finish natively: running takes write access away, and writing takes the view, or
/// from RAM the right to execute.
bool stores_to_own_code(const VCpu& cpu, const GuestMemory& memory, CodeViews& views, bool from_ram,
                        gpa physical) {
    const auto frame_of = [&](gva code) {
        const auto t = walk(cpu, memory.ram(), memory.size(), code, Access::execute(cpu.cpl == 3), false);
        return t ? t.value().physical.page() : ~0u;
    };
    const gva eip(cpu.segment(Seg::cs).base + cpu.eip);
    const std::uint32_t here = frame_of(eip);
    if (here == physical.page()) return true;
    if (from_ram) {
        constexpr std::uint32_t kLongest = 15;
        return eip.offset() + kLongest > kPageSize && frame_of(eip + kLongest) == physical.page();
    }
    const int slot = here == ~0u ? -1 : views.slot_of(here);
    return slot >= 0 && views.slot(static_cast<unsigned>(slot)).next_frame == physical.page() + 1;
}

}  // namespace

void Dispatcher::handle_page_fault(std::uint32_t error, std::uint32_t address) {
    VCpu& cpu = m_.cpu;
    const bool user = cpu.cpl == 3;
    if (displaced_.bounced) {  // all that it touches is the monitor's, and has gone with other mappings
        cause_ = TrapCause::hidden_fault;
        show_displaced();
        return;
    }
    if (error & kHostFetch) {
        const bool direct = user && policy_.user_code_direct;
        handle_fetch_fault(direct ? shadows_.pages.data_address(address) : gva(address));
        return;
    }
    handle_data_fault({static_cast<bool>(error & kHostWrite), user, false},
                      shadows_.pages.data_address(address));
}

void Dispatcher::handle_fetch_fault(gva address) {
    VCpu& cpu = m_.cpu;
    const bool user = cpu.cpl == 3;
    const gva first(cpu.segment(Seg::cs).base + cpu.eip);
    if (displaced_.active) {  // what the page showed has gone with other mappings
        cause_ = TrapCause::hidden_fault;
        show_displaced();
        return;
    }
    gva site;
    if (shadows_.pages.site_behind_pad(address, site)) {
        // A gate site of a second alias: its pads are mapped elsewhere.
        cpu.eip = site.value - cpu.segment(Seg::cs).base;
        emulate_at_eip(TrapCause::patched);
        return;
    }
    // The instruction's own address, or the start of the second page that it runs on into.
    const gva at = address.page() == first.page() ? first : address.page_base();
    const std::optional<Translation> found = executable(at);
    if (!found) return;
    const Translation& t = *found;
    cause_ = TrapCause::hidden_fault;
    if (user && policy_.user_code_direct) {
        if (shadows_.pages.breaks_in_data(at.page())) {  // in software, which meets the breakpoint
            interpret_at_eip(TrapCause::debugger);
            return;
        }
        if (shadows_.pages.map_data(at, t, Access::execute(true)) == ShadowPages::DataFault::unmappable)
            interpret_at_eip(TrapCause::mmio);
        return;
    }
    const int view = view_of(at, t);
    if (view < 0) {
        interpret_at_eip(TrapCause::mmio);
        return;
    }
    const auto slot = static_cast<unsigned>(view);
    // The address will be executed now: proving it here saves the breakpoint.
    if (at == first && !shadows_.views.proven(slot, at.offset())) prover_.prove(at, slot);
}

/// A program that goes through its memory page by page, one hidden fault behind the other, gets twice as many
/// pages each time.
void Dispatcher::map_ahead(gva address, Access access) {
    if (!access.user || shadows_.state.debug.points.watchpoints) return;
    const std::uint32_t most = policy_.tuning.ahead;
    const std::uint32_t window = address.page() == ahead_.next ? std::min(ahead_.window * 2 + 1, most) : 0;
    ShadowPages& pages = shadows_.pages;
    std::uint32_t page = address.page() + 1;
    const auto mapped = [&] {
        const gva at(page << kPageShift);
        return pages.data_present(at) && (!access.write || pages.data_page(at).writable());
    };
    for (std::uint32_t n = 0; n < window; ++page) {
        if (mapped()) continue;
        const gva at(page << kPageShift);
        if (at.value >= pages.user_boundary()) break;
        const auto t = walk(m_.cpu, m_.memory.ram(), m_.memory.size(), at, access, false);
        // Accessed and Dirty are set with an access, not with a guess.
        if (!t || !t.value().accessed() || (access.write && !t.value().dirty)) break;
        const gpa physical = t.value().physical;
        if (!m_.memory.is_ram(physical) || m_.memory.is_mmio(physical)) break;
        if (shadows_.views.slot_of(physical.page()) >= 0) break;
        if (pages.map_data(at, t.value(), access) != ShadowPages::DataFault::mapped) break;
        ++n;
    }
    while (mapped()) ++page;
    ahead_ = {page, window};
}

void Dispatcher::handle_data_fault(Access access, gva address) {
    VCpu& cpu = m_.cpu;
    const auto t = walk(cpu, m_.memory.ram(), m_.memory.size(), address, access, true);
    if (!t) {
        cause_ = TrapCause::true_fault;
        reflect_fault(t.fault());
        return;
    }
    const gpa physical = t.value().physical;
    if (!m_.memory.is_ram(physical) || m_.memory.is_mmio(physical)) {
        m_.bus.advance(m_.time.now());
        interpret_at_eip(TrapCause::mmio);
        return;
    }
    if (shadows_.state.debug.points.watched_page(address, access.write)) {
        // In software, where every byte that is touched is looked at; or, if it comes to that, by the
        // hardware with the page opened for one instruction.
        if (!displaced_.active) {
            interpret_at_eip(TrapCause::debugger);
            return;
        }
        displaced_.opened_watched = true;
    }
    cause_ = TrapCause::hidden_fault;
    const bool from_ram = access.user && policy_.user_code_direct;
    if (access.write && !displaced_.active && (from_ram || shadows_.views.slot_of(physical.page()) >= 0) &&
        stores_to_own_code(cpu, m_.memory, shadows_.views, from_ram, physical)) {
        interpret_at_eip(TrapCause::code_write);
        return;
    }
    switch (shadows_.pages.map_data(address, t.value(), access)) {
        case ShadowPages::DataFault::mapped: map_ahead(address, access); break;
        case ShadowPages::DataFault::code_write: cause_ = TrapCause::code_write; break;
        case ShadowPages::DataFault::unmappable: interpret_at_eip(TrapCause::mmio); break;
    }
}

}  // namespace ringpress
