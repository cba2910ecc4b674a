// The run loop of the ptrace engine: stop, registers in, core, registers out, go on.
#pragma once

#include <sys/ucontext.h>

#include <atomic>

#include "monitor/engine_common.hpp"
#include "monitor/engine_ptrace_tracee.hpp"
#include "monitor/host_space_batch.hpp"

namespace ringpress {

/// All on the tracing thread, timer_fired() in a signal handler of it.
class TraceLoop : HostSpaceBatch::Runner, FpuHolder {
  public:
    TraceLoop(GuestProcess& process, CoreLoop& loop, HostSpaceBatch& batch, const ShadowState& shadow);
    ~TraceLoop() override;

    /// Waits for the guest process to be ready.  False: it has ended instead.
    bool start();
    /// Runs the guest until it ends, its process ends, or CoreLoop::leave() is called.
    void run();
    /// Async-signal-safe.
    void timer_fired();

  private:
    bool prepare(const Entry& entry);
    bool go();
    bool answer_stop();
    bool answer_fault(int signal);
    bool from_guest(std::uint64_t selector);
    bool make_calls();
    bool run_to(const char* where, user_regs_struct& r);
    bool call_failed(std::uint64_t rip, std::uint64_t rbx, std::uint64_t r12) const;
    bool interrupted();
    void run_batch() override { make_calls(); }
    void* frame_fpu() const;
    bool read_fpu(FpuImage& into) override;
    bool write_fpu(const FpuImage& from) override;
    user_regs_struct stub_registers(void (*code)(), void (*then)(), std::uint64_t stack) const;
    std::uint64_t base_of(std::uint16_t selector) const;

    Tracee tracee_;
    CoreLoop& loop_;
    HostSpaceBatch& batch_;
    const ShadowState& shadow_;
    const GuestProcess& process_;

    HostSelectors selectors_;      ///< what the guest was last resumed with
    ucontext_t* frame_ = nullptr;  ///< the process is in its signal handler: the frame that it will leave by
    std::size_t calls_under_way_ = 0;      ///< of the list that the stub was last sent to work on
    bool rung_ = false;                    ///< the doorbell stopped the stub instead of the guest
    std::atomic<bool> expired_{false};     ///< the timer went off
    std::atomic<bool> guest_runs_{false};  ///< and must stop the guest
};

}  // namespace ringpress
