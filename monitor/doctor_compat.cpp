#include "monitor/doctor_compat.hpp"

#include <asm/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <stdexcept>

namespace ringpress {
namespace {

constexpr std::uint16_t kUserCode64 = 0x33;
constexpr std::uint64_t kFarMemory = 1ull << 32;

// Shared with the signal handler and the assembler below.
CompatOutcome g_outcome;
std::uint32_t g_code = 0;
unsigned g_repeat = 0;
std::uint64_t g_fs_base = 0;
}  // namespace

extern "C" {
std::uint64_t ringpress_doctor_rsp;  // the 64-bit stack while 32-bit code runs
void ringpress_doctor_enter(std::uint64_t eip, std::uint64_t esp, std::uint64_t cs);
void ringpress_doctor_leave();
}

// Enter: save what a function must preserve (System V ABI, 3.2.1), give ds and es the flat data segment (a
// 64-bit process has null selectors there), and return far to the 32-bit code.  Leave: where the signal
// handler sends the thread, back in 64-bit mode and on the old stack.
asm(R"(
    .text
    .globl ringpress_doctor_enter
    .type ringpress_doctor_enter, @function
ringpress_doctor_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, ringpress_doctor_rsp(%rip)
    mov $0x2b, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %rsi, %rsp
    push %rdx
    push %rdi
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %edi, %edi
    xor %ebp, %ebp
    lretq

    .globl ringpress_doctor_leave
    .type ringpress_doctor_leave, @function
ringpress_doctor_leave:
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
)");

namespace {

void on_fault(int number, siginfo_t*, void* context) {
    greg_t* regs = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto eip = static_cast<std::uint32_t>(regs[REG_RIP]);
    if (g_repeat > 0) {
        --g_repeat;
        if (number == SIGTRAP) regs[REG_RIP] -= 1;  // a trap: EIP is behind the int3
        return;
    }
    // The code may have loaded FS, whose base thread-local data hang on: nothing else of C++ before this.
    syscall(SYS_arch_prctl, ARCH_SET_FS, g_fs_base);
    g_outcome = {number,
                 eip - g_code,
                 static_cast<std::uint32_t>(regs[REG_RAX]),
                 static_cast<std::uint32_t>(regs[REG_RBX]),
                 static_cast<std::uint32_t>(regs[REG_RCX]),
                 static_cast<std::uint32_t>(regs[REG_RDX]),
                 static_cast<std::uint32_t>(regs[REG_RSP]),
                 static_cast<std::uint32_t>(regs[REG_EFL]),
                 static_cast<std::uint16_t>(regs[REG_CSGSFS]),
                 static_cast<std::uint8_t>(regs[REG_TRAPNO]),
                 static_cast<std::uint32_t>(regs[REG_ERR])};
    regs[REG_RIP] = reinterpret_cast<greg_t>(&ringpress_doctor_leave);
    regs[REG_RSP] = static_cast<greg_t>(ringpress_doctor_rsp);
    std::uint16_t cs = kUserCode64;
    std::memcpy(&regs[REG_CSGSFS], &cs, sizeof cs);  // the lowest 16 bits of cs, gs, fs, ss
}

std::uint32_t map_low(int protection) {
    void* at =
        mmap(nullptr, CompatCode::kCodeBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (at == MAP_FAILED || reinterpret_cast<std::uint64_t>(at) >= kFarMemory) {
        throw std::runtime_error("no memory below 4 GiB");
    }
    return static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(at));
}

void* low_pointer(std::uint32_t address) {
    return reinterpret_cast<void*>(static_cast<std::uint64_t>(address));
}

}  // namespace

void append32(std::vector<std::uint8_t>& code, std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) code.push_back(static_cast<std::uint8_t>(value >> shift));
}

CompatCode::CompatCode() {
    syscall(SYS_arch_prctl, ARCH_GET_FS, &g_fs_base);
    code_ = map_low(PROT_READ | PROT_WRITE | PROT_EXEC);
    data_ = map_low(PROT_READ | PROT_WRITE);
    static std::uint8_t stack[1 << 16];
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (const int s : {SIGSEGV, SIGTRAP, SIGILL, SIGBUS, SIGSYS, SIGFPE}) sigaction(s, &action, nullptr);
}

void* CompatCode::data() const {
    return low_pointer(data_);
}

CompatOutcome CompatCode::run(const std::vector<std::uint8_t>& bytes, std::uint16_t cs,
                              std::uint32_t cs_base) {
    std::memset(low_pointer(code_), 0xCC, kCodeBytes);
    std::memcpy(low_pointer(code_), bytes.data(), bytes.size());
    g_outcome = {};
    g_code = code_ - cs_base;
    ringpress_doctor_enter(g_code, data_ + kCodeBytes - 64, cs);
    return g_outcome;
}

double CompatCode::fault_nanoseconds(const std::vector<std::uint8_t>& bytes, unsigned times) {
    g_repeat = times;
    const auto start = std::chrono::steady_clock::now();
    run(bytes);
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    return spent.count() / times;
}

double CompatCode::nanoseconds_each(const std::vector<std::uint8_t>& instruction,
                                    const std::vector<std::uint8_t>& before) {
    constexpr std::uint32_t kTimes = 2000;
    std::vector<std::uint8_t> loop = before;
    loop.push_back(0xB9);  // mov $kTimes,%ecx
    append32(loop, kTimes);
    loop.insert(loop.end(), instruction.begin(), instruction.end());
    loop.push_back(0x49);  // dec %ecx
    loop.push_back(0x75);  // jnz
    loop.push_back(static_cast<std::uint8_t>(-static_cast<int>(instruction.size()) - 3));
    const auto start = std::chrono::steady_clock::now();
    run(loop);
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    return spent.count() / kTimes;
}

}  // namespace ringpress
