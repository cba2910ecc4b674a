#include "monitor/engine_ptrace_loop.hpp"

#include <cstring>

#include "monitor/core_syscalls.hpp"
#include "shadow/check.hpp"

namespace ringpress {

namespace {

template <class T>
std::uint64_t address_of(T* p) {
    return reinterpret_cast<std::uint64_t>(p);
}

constexpr std::uint64_t kStubFlags = eflags::FIXED1 | eflags::IF;

void load_registers(const user_regs_struct& r, VCpu& cpu) {
    const std::uint64_t general[8] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi};
    for (unsigned i = 0; i < 8; ++i) cpu.gpr[i] = static_cast<std::uint32_t>(general[i]);
    cpu.eip = static_cast<std::uint32_t>(r.rip);
    cpu.eflags = merge_flags(cpu.eflags, static_cast<std::uint32_t>(r.eflags));
}

void store_registers(user_regs_struct& r, const VCpu& cpu, const Entry& entry) {
    r.rax = cpu.reg(Gpr::eax);
    r.rcx = cpu.reg(Gpr::ecx);
    r.rdx = cpu.reg(Gpr::edx);
    r.rbx = cpu.reg(Gpr::ebx);
    r.rsp = cpu.reg(Gpr::esp);
    r.rbp = cpu.reg(Gpr::ebp);
    r.rsi = cpu.reg(Gpr::esi);
    r.rdi = cpu.reg(Gpr::edi);
    r.rip = cpu.eip;
    r.eflags = entry.eflags;
    r.cs = entry.selectors[Seg::cs];
    r.ss = entry.selectors[Seg::ss];
}

}  // namespace

TraceLoop::TraceLoop(GuestProcess& process, CoreLoop& loop, HostSpaceBatch& batch, const ShadowState& shadow)
    : tracee_(process), loop_(loop), batch_(batch), shadow_(shadow), process_(process) {
    batch_.set_runner(this);
    loop_.set_fpu(*this);
}
TraceLoop::~TraceLoop() {
    batch_.set_runner(nullptr);
}

bool TraceLoop::start() {
    user_regs_struct r;
    return run_to(batch_started, r) && tracee_.adopt();
}

void TraceLoop::run() {
    while (loop_.settle()) {
        if (!prepare(loop_.entry())) return;
        guest_runs_.store(true);
        if (interrupted()) {
            guest_runs_.store(false);
            loop_.handle_interrupt();
            continue;
        }
        if (!go() || !answer_stop()) return;
    }
}

void TraceLoop::timer_fired() {
    expired_.store(true);
    // While the guest is stopped, the loop will look at expired_ before it runs again.
    if (guest_runs_.load()) process_.ring();
}

/// True if a doorbell or the timer wants the core before the guest runs on.
bool TraceLoop::interrupted() {
    const bool expired = expired_.exchange(false);
    if (expired) loop_.timer_expired();
    const bool rung = rung_;
    rung_ = false;
    return rung || expired;
}

// --- into the guest

/// With FSGSBASE the kernel keeps the bases of fs and gs apart from the selectors, and at a context switch
/// loads first the selector with its descriptor, then the base over it; so both must be given.
std::uint64_t TraceLoop::base_of(std::uint16_t selector) const {
    return selector ? shadow_.descriptor[selector >> 3].base : 0;
}

/// To run the stub: no guest selector is left in a register, because its descriptor may be about to change.
user_regs_struct TraceLoop::stub_registers(void (*code)(), void (*then)(), std::uint64_t stack) const {
    user_regs_struct r{};
    r.orig_rax = ~0ull;  // not in a system call: nothing to restart
    r.rip = address_of(code);
    r.cs = kHostCode64;
    r.ss = kHostData;
    r.eflags = kStubFlags;
    r.rsp = address_of(batch_.memory().stack + sizeof batch_.memory().stack);
    r.rbx = address_of(batch_.calls().data());
    r.r12 = batch_.calls().size();
    r.r13 = address_of(then);
    r.rbp = stack;
    return r;
}

/// Writes the registers to resume with, and before that has the calls made that the guest's registers need.
bool TraceLoop::prepare(const Entry& entry) {
    selectors_ = entry.selectors;
    calls_under_way_ = 0;
    // From within the handler, the stub leads on into sigreturn by itself; but the guest's selectors must be
    // in the registers by then, so that descriptors have to be loaded before.
    if (!batch_.calls().empty() && (!frame_ || batch_.loads_descriptors()) && !make_calls()) return false;
    user_regs_struct r{};
    r.orig_rax = ~0ull;
    if (frame_) {
        store_into_frame(*frame_, loop_.cpu(), entry);
        // rt_sigreturn wants the stack as a returning handler leaves it: the frame's first word popped.
        const std::uint64_t stack = address_of(frame_);
        if (batch_.calls().empty()) {
            r = stub_registers(core_rt_sigreturn, core_rt_sigreturn, stack);
            r.rsp = stack;
        } else {
            r = stub_registers(batch_calls, core_rt_sigreturn, stack);
            calls_under_way_ = batch_.calls().size();
        }
    } else {
        store_registers(r, loop_.cpu(), entry);
    }
    r.ds = entry.selectors[Seg::ds];
    r.es = entry.selectors[Seg::es];
    r.fs = entry.selectors[Seg::fs];
    r.gs = entry.selectors[Seg::gs];
    r.fs_base = base_of(entry.selectors[Seg::fs]);
    r.gs_base = base_of(entry.selectors[Seg::gs]);
    return tracee_.write(r);
}

bool TraceLoop::go() {
    frame_ = nullptr;
    batch_.clear();
    return tracee_.resume();
}

/// In the frame, where the process will take it from; null if the frame is not as the kernel makes it.
void* TraceLoop::frame_fpu() const {
    const auto at = reinterpret_cast<std::uint64_t>(frame_->uc_mcontext.fpregs);
    const BatchMemory& memory = batch_.memory();
    const std::uint64_t first = address_of(memory.signal_stack), end = first + sizeof memory.signal_stack;
    return at >= first && at <= end - sizeof(FpuImage) ? reinterpret_cast<void*>(at) : nullptr;
}

bool TraceLoop::read_fpu(FpuImage& into) {
    if (!frame_) return tracee_.read_fpu(into);
    const void* at = frame_fpu();
    if (at) std::memcpy(&into, at, sizeof into);
    return at != nullptr;
}

bool TraceLoop::write_fpu(const FpuImage& from) {
    if (!frame_) return tracee_.write_fpu(from);
    void* at = frame_fpu();
    if (at) std::memcpy(at, &from, sizeof from);
    return at != nullptr;
}

bool TraceLoop::make_calls() {
    user_regs_struct r = stub_registers(batch_calls, batch_stop, 0);
    calls_under_way_ = batch_.calls().size();
    batch_.clear();
    const bool made = tracee_.write(r) && tracee_.resume() && run_to(batch_stopped, r);
    calls_under_way_ = 0;
    return made;
}

/// True if the stub has come to its end for calls that fail by itself.  Code that has broken out can go
/// there, too; but then no call was under way, or the registers do not point at one.
bool TraceLoop::call_failed(std::uint64_t rip, std::uint64_t rbx, std::uint64_t r12) const {
    if (rip != address_of(batch_failed) || r12 == 0 || r12 > calls_under_way_) return false;
    return rbx == address_of(batch_.memory().call + (calls_under_way_ - r12));
}

/// Waits until the process, on its way through our own code, stops behind the int3 before `where`; `r` tells
/// with which registers.
bool TraceLoop::run_to(const char* where, user_regs_struct& r) {
    for (;;) {
        siginfo_t why;
        const int signal = tracee_.wait(why);
        if (signal == 0) return false;
        if (signal == Tracee::kDoorbell) {
            rung_ = true;
            if (!tracee_.resume()) return false;
            continue;
        }
        if (!tracee_.read(r)) return false;
        if (signal == SIGTRAP && r.rip == address_of(where)) return true;
        CHECK(!call_failed(r.rip, r.rbx, r.r12));  // the host refused a call
        // Code that has broken out can see to it that the kernel finds no room for a signal frame.
        loop_.stop_at_fence(kHostCode64);
        return false;
    }
}

// --- out of the guest

bool TraceLoop::from_guest(std::uint64_t selector) {
    if (selector == selectors_[Seg::cs]) return true;
    loop_.stop_at_fence(static_cast<std::uint16_t>(selector));
    return false;
}

/// Waits for the guest's next stop and has the core answer it.
bool TraceLoop::answer_stop() {
    siginfo_t why;
    const int signal = tracee_.wait(why);
    guest_runs_.store(false);
    if (signal == 0) return false;
    // ptrace tells neither trap number nor error code.  A breakpoint needs none; everything else goes through
    // the frame of the signal, where the kernel writes them.
    const bool breakpoint = signal == SIGTRAP && why.si_code == SI_KERNEL;
    if (signal != Tracee::kDoorbell && signal != SIGSYS && !breakpoint) return answer_fault(signal);

    user_regs_struct r;
    if (!tracee_.read(r) || !from_guest(r.cs)) return false;
    load_registers(r, loop_.cpu());
    if (signal == Tracee::kDoorbell) {
        interrupted();
        loop_.handle_interrupt();
    } else if (signal == SIGSYS) {
        loop_.handle({kHostSystemCall, 0, 0});
    } else {
        loop_.handle({static_cast<std::uint8_t>(Vector::BP), 0, 0});
    }
    return true;
}

/// Lets the signal be delivered: the handler's int3 is a second stop, with the frame in shared memory.
bool TraceLoop::answer_fault(int signal) {
    user_regs_struct r;
    if (!tracee_.resume(signal) || !run_to(batch_signalled, r)) return false;
    // The frame: a return address, the ucontext, the siginfo.  It is on the signal stack unless code that has
    // broken out made up a stack of its own.
    const BatchMemory& memory = batch_.memory();
    const std::uint64_t first = address_of(memory.signal_stack), end = first + sizeof memory.signal_stack;
    const std::uint64_t at = r.rsp + 8;
    if (at < first || at > end - sizeof(ucontext_t) || at % 8 != 0) {
        loop_.stop_at_fence(kHostCode64);
        return false;
    }
    frame_ = reinterpret_cast<ucontext_t*>(at);
    const auto& regs = frame_->uc_mcontext.gregs;
    // The last batch ran on its own into sigreturn: was it what stopped?
    CHECK(!call_failed(static_cast<std::uint64_t>(regs[REG_RIP]), static_cast<std::uint64_t>(regs[REG_RBX]),
                       static_cast<std::uint64_t>(regs[REG_R12])));
    if (!from_guest(static_cast<std::uint16_t>(regs[REG_CSGSFS]))) return false;
    load_from_frame(*frame_, loop_.cpu());
    loop_.handle({static_cast<std::uint8_t>(regs[REG_TRAPNO]), static_cast<std::uint32_t>(regs[REG_ERR]),
                  static_cast<std::uint32_t>(regs[REG_CR2])});
    return true;
}

}  // namespace ringpress
