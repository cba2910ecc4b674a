// The way back from the guest's page fault handler: what the fault was about will be touched next, so it is
// mapped without waiting for the fault that would say so.
//
// Not at once, but when native code runs again: behind the handler's iret there is a burst, and a program
// that goes from page to page has the next fault in it.  What it has touched once in software may never be
// needed on the host, where mapping and unmapping a page costs more than a trap.
#include "traps/dispatch.hpp"

namespace ringpress {

/// True, once, if the guest's handler has returned to the instruction whose page fault it was given.
bool Dispatcher::back_at_fault() {
    const VCpu& cpu = m_.cpu;
    if (!faulted_.pending || (cpu.cpl == 3) != faulted_.user || cpu.eip != faulted_.eip) return false;
    faulted_.pending = false;
    returned_ = faulted_;
    returned_.pending = policy_.tuning.reflected;
    if (returned_here() && returned_.present) map_returned();
    return true;
}

/// Maps what the fault was about that was returned from last.
void Dispatcher::map_returned() {
    returned_.pending = false;
    const VCpu& cpu = m_.cpu;
    const gva address(returned_.address);
    if (cpu.cr3 != returned_.cr3 || shadows_.state.debug.wanted()) return;
    if (address.value >= shadows_.pages.user_boundary()) return;
    const DebugPoints& points = shadows_.state.debug.points;
    if (points.watchpoints || points.breakpoints) return;
    const Access access{returned_.write, returned_.user, returned_.fetch};
    // Accessed and Dirty are set with the access itself, in software or by a hidden fault.
    const auto t = walk(cpu, m_.memory.ram(), m_.memory.size(), address, access, false);
    if (!t || !(t.value().leaf & pte::A) || (access.write && !t.value().dirty)) return;
    const gpa physical = t.value().physical;
    if (!m_.memory.is_ram(physical) || m_.memory.is_mmio(physical)) return;
    if (access.fetch) {
        if (!access.user || policy_.user_code_direct) return;
        const int slot = view_of(address, t.value());
        if (slot >= 0 && !shadows_.views.proven(static_cast<unsigned>(slot), address.offset()))
            prover_.prove(address, static_cast<unsigned>(slot));
        return;
    }
    ShadowPages& pages = shadows_.pages;
    if (pages.data_present(address) && (!access.write || pages.data_page(address).writable())) return;
    if (shadows_.views.slot_of(physical.page()) >= 0) return;
    pages.map_data(address, t.value(), access);
}

}  // namespace ringpress
