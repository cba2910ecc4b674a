#include "monitor/boot/boot_state.hpp"

#include <catch2/catch.hpp>

#include "tests/monitor/boot/images.hpp"

using namespace ringpress;
using namespace ringpress::test;

TEST_CASE("Applying a boot state leaves a virtual CPU fresh from reset with flat segments") {
    Bytes ram(4u << 20);
    const BootState state = load_kernel(multiboot_elf(), ram, {});
    VCpu cpu;
    cpu.cr3 = 0x1234000;
    cpu.activity = Activity::shutdown;
    apply(state, cpu);
    CHECK(cpu.cr3 == 0);
    CHECK(cpu.activity == Activity::running);
    CHECK(cpu.cpl == 0);
    CHECK(cpu.eip == state.eip);
    CHECK(cpu.reg(Gpr::eax) == multiboot::kLoaderMagic);
    CHECK_FALSE(cpu.interrupts_enabled());
    CHECK_FALSE(cpu.paging());
    const SegmentRegister& cs = cpu.segment(Seg::cs);
    CHECK(cs.selector == 0x08);
    CHECK((cs.is_code() && cs.is_big() && cs.present() && cs.dpl() == 0 && cs.base == 0 &&
           cs.limit == 0xFFFFFFFF));
    for (Seg s : {Seg::ds, Seg::es, Seg::fs, Seg::gs, Seg::ss}) {
        const SegmentRegister& d = cpu.segment(s);
        CHECK(d.selector == 0x10);
        CHECK((d.is_writable_data() && d.is_big() && d.present() && d.base == 0 && d.limit == 0xFFFFFFFF));
    }
}
