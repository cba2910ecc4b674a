// The test machine with shadows: its traps go through a Dispatcher, and the test plays the processor that
// runs into them.
#pragma once

#include <cstdlib>

#include "shadow/gate_sites.hpp"
#include "tests/traps/test_machine.hpp"
#include "traps/dispatch.hpp"

namespace ringpress::test {

/// Mappings nobody looks at: these tests make the traps themselves.
struct NoHost : HostSpace {
    void map_ram(gva, std::uint32_t, std::uint32_t, bool, bool, bool) override {}
    void show_ram(gpa, std::uint32_t) override {}
    void map_view(gva, std::uint32_t, std::uint32_t) override {}
    void map_bounce(gva) override {}
    void map_anchor(gva) override {}
    void protect_ram(gva, std::uint32_t, bool) override {}
    void unmap(gva, std::uint64_t) override {}
    void load_descriptor(unsigned slot, const HostDescriptor& d) override {
        if (slot < std::size(descriptors)) descriptors[slot] = d;
    }
    HostDescriptor descriptors[64];
};

struct FreeDelete {
    void operator()(void* p) const { std::free(p); }
};
/// Zeroed, and of no cost until touched.
template <class T>
std::unique_ptr<T, FreeDelete> zeroed(std::size_t bytes) {
    return std::unique_ptr<T, FreeDelete>(static_cast<T*>(std::calloc(1, bytes)));
}

struct InterruptingBus : RecordedBus {
    std::size_t pending_after =
        ~std::size_t{0};  ///< accesses to the device, from which on an interrupt waits
    bool interrupt_pending() const override { return mmio.size() >= pending_after; }
};

/// A machine whose traps go through a Dispatcher: the test plays the processor that runs into them.
struct TrapMachine : TestMachine {
    static constexpr std::uint32_t kDevice = 0x20000;
    InterruptingBus devices;
    GuestMemory guest{cpu, storage.get(), kRam, &devices, nullptr};
    std::unique_ptr<ShadowState, FreeDelete> state = zeroed<ShadowState>(sizeof(ShadowState));
    std::unique_ptr<std::uint8_t, FreeDelete> view_file =
        zeroed<std::uint8_t>(std::size_t{kViewSlots} * kPageSize + kGateRange);
    NoHost host;
    CodeViews views{*state, view_file.get()};
    ShadowPages pages{*state, cpu, storage.get(), kRam, views, host, {}};
    ShadowDescriptors descriptors{*state, host};
    Stubs stubs;
    Policy policy;
    Statistics statistics;
    Dispatcher dispatcher{cpu,     guest,  devices,   time, model, {*state, pages, views, descriptors, stubs},
                          decoder, policy, statistics};

    TrapMachine() {
        devices.mmio_page = kDevice;
        policy.level = SensitiveLevel::trap;
        policy.tuning.burst = 0;  // so that EIP stays where a trap has led
        for (unsigned vector : {1u, 6u, 13u}) idt(vector, kCode0, kHandler + vector, 0x8E);
    }
    void code(std::initializer_list<unsigned> bytes) {
        unsigned at = kCodeAt;
        for (unsigned b : bytes) storage[at++] = static_cast<std::uint8_t>(b);
    }
    /// The int3 of the view at EIP.
    void breakpoint() {
        ++cpu.eip;
        dispatcher.handle({static_cast<std::uint8_t>(Vector::BP), 0, 0});
    }
    void store_to_device() {
        constexpr std::uint32_t write = 2;
        dispatcher.handle({static_cast<std::uint8_t>(Vector::PF), write, kDevice + pages.data_shift()});
    }
    std::uint64_t traps(TrapCause cause) const { return statistics.traps[static_cast<unsigned>(cause)]; }
};

}  // namespace ringpress::test
