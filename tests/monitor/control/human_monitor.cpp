#include "monitor/control/human_monitor.hpp"

#include <random>

#include "fake_machine.hpp"

using namespace ringpress;
using namespace ringpress::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("info registers has QEMU's layout") {
    FakeMachine machine;
    VCpu& cpu = machine.cpu();
    // Debian's kernel, idle: the lines are QEMU 7.2's.
    cpu.gpr[0] = 0xC1917B70, cpu.gpr[1] = 0xC1C444C0, cpu.gpr[2] = 0xC3C67DC0, cpu.gpr[3] = 0xC1C444C0;
    cpu.gpr[4] = 0xC1C3BF28, cpu.gpr[5] = 0xC1C3BF28;
    cpu.eip = 0xC1917B83, cpu.eflags = 0x00200202;
    cpu.activity = Activity::halted;
    cpu.segment(Seg::es) = cpu.segment(Seg::ds) = {0x7B, 0xC0F3, 0, 0xFFFFFFFF};
    cpu.segment(Seg::cs) = {0x60, 0xC09A, 0, 0xFFFFFFFF};
    cpu.segment(Seg::ss) = {0x68, 0xC093, 0, 0xFFFFFFFF};
    cpu.segment(Seg::fs) = {0xD8, 0x8093, 0x01E02000, 0xFFFFFFFF};
    cpu.tr = {0x80, 0x0089, 0xFF406000, 0x407B};
    cpu.gdtr = {0xFF401000, 0xFF, 0}, cpu.idtr = {0xFF400000, 0x7FF, 0};
    cpu.cr0 = 0x80050033, cpu.cr2 = 0x0921FE2C, cpu.cr3 = 0x034AB000, cpu.cr4 = 0x690;
    const std::string expected =
        "\nCPU#0\n"
        "EAX=c1917b70 EBX=c1c444c0 ECX=c1c444c0 EDX=c3c67dc0\n"
        "ESI=00000000 EDI=00000000 EBP=c1c3bf28 ESP=c1c3bf28\n"
        "EIP=c1917b83 EFL=00200202 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1\n"
        "ES =007b 00000000 ffffffff 00cff300 DPL=3 DS   [-WA]\n"
        "CS =0060 00000000 ffffffff 00cf9a00 DPL=0 CS32 [-R-]\n"
        "SS =0068 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]\n"
        "DS =007b 00000000 ffffffff 00cff300 DPL=3 DS   [-WA]\n"
        "FS =00d8 01e02000 ffffffff 008f9300 DPL=0 DS16 [-WA]\n"
        "GS =0000 00000000 00000000 00000000\n"
        "LDT=0000 00000000 00000000 00000000\n"
        "TR =0080 ff406000 0000407b 00008900 DPL=0 TSS32-avl\n"
        "GDT=     ff401000 000000ff\n"
        "IDT=     ff400000 000007ff\n"
        "CR0=80050033 CR2=0921fe2c CR3=034ab000 CR4=00000690\n"
        "DR0=00000000 DR1=00000000 DR2=00000000 DR3=00000000 \n"
        "DR6=ffff0ff0 DR7=00000400\n"
        "EFER=0000000000000000\n"
        "FCW=037f FSW=3000 [ST=6] FTW=c0 MXCSR=00001f80\n"
        "FPR0=0000000000000000 0000 FPR1=0000000000000000 0000\n"
        "FPR2=0000000000000000 0000 FPR3=0000000000000000 0000\n"
        "FPR4=0000000000000000 0000 FPR5=0000000000000000 0000\n"
        "FPR6=8000000000000000 3fff FPR7=0000000000000000 0000\n"
        "XMM00=0000000000000000 0000000000000000 XMM01=0a0a0a0a0a0a0a0a 0b0b0b0b0b0b0b0b\n";
    std::uint8_t* fpu = machine.writable().run.fpu.bytes;
    fpu[0] = 0x7F, fpu[1] = 0x03, fpu[3] = 6 << 3, fpu[4] = 0xC0, fpu[24] = 0x80, fpu[25] = 0x1F;
    fpu[32 + 7] = 0x80, fpu[32 + 8] = 0xFF, fpu[32 + 9] = 0x3F;  // ST(0) = 1
    std::memset(fpu + 176, 0x0B, 8), std::memset(fpu + 184, 0x0A, 8);
    CHECK_THAT(HumanMonitor(machine).run("info registers"), StartsWith(expected));
}

TEST_CASE("Memory is shown in QEMU's layout, and what is absent is said to be") {
    FakeMachine machine;
    machine.poke(0x1000, 0x3E400D8B);
    machine.poke(0x1004, 0x010F01C4);
    HumanMonitor monitor(machine);
    CHECK(monitor.run("x/2xw 0x1000") == "00001000: 0x3e400d8b 0x010f01c4\n");
    CHECK(monitor.run("xp/4xb 0x1000") == "0000000000001000: 0x8b 0x0d 0x40 0x3e\n");
    CHECK(monitor.run("x/2dw 0x1000") == "00001000: 1044385163   17760708\n");
    CHECK(monitor.run("x/1xg 0x1000") == "00001000: 0x010f01c43e400d8b\n");
    CHECK(monitor.run("x/2c 0x1002") == "00001002: '@' '>'\n");
    CHECK(monitor.run("x/5xw 0x1000") ==
          "00001000: 0x3e400d8b 0x010f01c4 0x00000000 0x00000000\n00001010: 0x00000000\n");
    CHECK(monitor.run("x/2xw 0xfffffff0") == "fffffff0: Cannot access memory\n");
    machine.turn_paging_on();
    CHECK(monitor.run("x/1xw 0x1000") == "00001000: Cannot access memory\n");
    CHECK(monitor.run("gva2gpa 0x1000") == "Unmapped\n");
}

TEST_CASE("The last format is the next default, as in QEMU") {
    FakeMachine machine;
    HumanMonitor monitor(machine);
    CHECK(monitor.run("p 16") == "0x10\n");
    CHECK(monitor.run("p/d 16") == "16\n");
    CHECK(monitor.run("print 17") == "17\n");
    CHECK(monitor.run("p/c 65") == "'A'\n");
    CHECK_THAT(monitor.run("x/s 0"), Contains("invalid char in format: 's'"));
    CHECK_THAT(monitor.run("x"), Contains("unexpected end of expression"));
    CHECK_THAT(monitor.run("x/99999999999 0"), Contains("count too large"));
}

TEST_CASE("x/i disassembles in AT&T syntax") {
    FakeMachine machine;
    machine.cpu().segment(Seg::cs).attributes = 0xC09B;
    const std::uint8_t code[] = {0x8B, 0x0D, 0x40, 0x3E, 0xC4, 0x01, 0xC7, 0x05, 0x04,
                                 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05, 0xFA};
    std::memcpy(&machine.ram[0x2000], code, sizeof code);
    CHECK(HumanMonitor(machine).run("xp/3i 0x2000") ==
          "0x00002000:  8b 0d 40 3e c4 01        movl     0x1c43e40, %ecx\n"
          "0x00002006:  c7 05 04 03 02 01 08 07  movl     $0x5060708, 0x1020304\n"
          "0x0000200e:  06 05\n"
          "0x00002010:  fa                       cli      \n");
}

TEST_CASE("Page tables are listed as ranges and as entries") {
    FakeMachine machine;
    HumanMonitor monitor(machine);
    CHECK(monitor.run("info mem") == "PG disabled\n");
    machine.turn_paging_on();
    machine.poke(0x2000, 0x7000 | pte::P | pte::US);
    machine.poke(0x2004, 0x8000 | pte::P | pte::US | pte::A);
    machine.poke(0x2008, 0x9000 | pte::P | pte::RW | pte::D);
    machine.poke(0x1000 + 4 * 1023, 0x00400000 | pte::P | pte::RW | pte::PS | pte::G);
    CHECK(monitor.run("info mem") ==
          "0000000000000000-0000000000002000 0000000000002000 ur-\n"
          "0000000000002000-0000000000003000 0000000000001000 -rw\n"
          "00000000ffc00000-0000000100000000 0000000000400000 -rw\n");
    CHECK(monitor.run("info  tlb") ==
          "0000000000000000: 0000000000007000 -------U-\n"
          "0000000000001000: 0000000000008000 ----A--U-\n"
          "0000000000002000: 0000000000009000 ---D----W\n"
          "00000000ffc00000: 0000000000400000 -GP-----W\n");
}

TEST_CASE("The guest is stopped while its state is read, and only then") {
    FakeMachine machine;
    HumanMonitor monitor(machine);
    monitor.run("info registers");
    CHECK(machine.looks == 1);
    monitor.run("info version");
    monitor.run("");
    CHECK(machine.looks == 1);
    CHECK(monitor.run("info status") == "VM status: running\n");
    monitor.run("stop");
    CHECK(monitor.run("info status") == "VM status: paused\n");
    monitor.run("c");
    CHECK(machine.runs);
    monitor.run("system_reset");
    monitor.run("q");
    CHECK(machine.asked == "reset quit ");
}

TEST_CASE("Unknown commands are named, and help lists the known ones") {
    FakeMachine machine;
    HumanMonitor monitor(machine);
    CHECK(monitor.run("foo") == "unknown command: 'foo'\n");
    CHECK(monitor.run("info foo") == "unknown command: 'info foo'\n");
    CHECK(monitor.run("stopp") == "unknown command: 'stopp'\n");
    CHECK_THAT(monitor.run("help"), Contains("quit|q -- quit the emulator\n"));
    CHECK_THAT(monitor.run("help x"), StartsWith("x /fmt addr -- "));
    CHECK_THAT(monitor.run("info"), Contains("info registers -- "));
    CHECK(HumanMonitor::completions("info re") == std::vector<std::string>{"info registers"});
}

TEST_CASE("No line and no state makes the monitor fall over") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    FakeMachine machine;
    const std::string words[] = {"info ", "registers", "mem",   "tlb", "x",         "/4xg",   "/3i",
                                 " $esp", " 0x1000",   "(((-~", "p ",  "/c",        "pic",    "views",
                                 " ",     "\xFF",      "$",     "9",   "traps",     "shadow", "help ",
                                 "xp",    "$gs.",      "'",     "/",   "last-traps"};
    for (unsigned round = 0; round < 400; ++round) {
        auto* bytes = reinterpret_cast<std::uint8_t*>(&machine.writable());
        for (unsigned i = 0; i < 200; ++i)
            bytes[random() % offsetof(Arena, shadow)] = static_cast<std::uint8_t>(random());
        machine.cpu().cr0 &= ~(random() % 2 ? cr0::PG : 0);
        machine.cpu().cr3 = random() % FakeMachine::kRam;
        std::string line;
        for (unsigned i = random() % 6; i > 0; --i) line += words[random() % std::size(words)];
        const std::string answer = HumanMonitor(machine).run(line);
        CHECK((answer.empty() || answer.back() == '\n'));
    }
}

TEST_CASE("The log, the debugger's port and the buttons of the machine have QEMU's commands") {
    FakeMachine machine;
    HumanMonitor monitor(machine);
    CHECK(monitor.run("log trap,mmu") == "");
    CHECK(monitor.run("log none") == "");
    CHECK(machine.asked == "log,trap,mmu log ");
    CHECK_THAT(monitor.run("log"), Contains("mmu") && Contains("none"));
    CHECK_THAT(monitor.run("log mnu"), Contains("'mnu'") && Contains("mmu"));

    machine.asked.clear();
    CHECK(monitor.run("gdbserver") == "Waiting for gdb connection on device 'tcp::1234'\n");
    CHECK(monitor.run("gdbserver tcp::4711") == "Waiting for gdb connection on device 'tcp::4711'\n");
    CHECK(monitor.run("gdbserver none") == "Disabled gdbserver\n");
    CHECK(machine.asked == "gdb tcp::1234 gdb tcp::4711 gdb none ");

    machine.asked.clear();
    CHECK(monitor.run("nmi") == "");
    CHECK(machine.looks == 1);
    machine.nmi_arrives = false;
    CHECK_THAT(monitor.run("nmi"), Contains("LINT1"));
    CHECK(machine.asked == "nmi nmi ");

    machine.asked.clear();
    CHECK_THAT(monitor.run("system_powerdown"), Contains("no ACPI"));
    CHECK(machine.asked.empty());
    CHECK(HumanMonitor::completions("gdb") == std::vector<std::string>{"gdbserver"});
}
