// Run control: has the guest stop at an instruction boundary and go on, for whoever wants to look at it.
//
// Lives in the supervisor.  Several clients may use it at once (a debugger and the monitor's `stop` and
// `cont`): as with QEMU there is one state, and everybody is told when it changes.  While the guest is
// stopped all of it is in the arena and in RAM, and may be read and written there; see run_state.hpp.
#pragma once

#include <functional>
#include <vector>

#include "monitor/arena.hpp"
#include "monitor/service.hpp"

namespace ringpress {

/// Why the guest stopped.
struct GuestStop {
    StopCause cause = StopCause::none;
    std::uint32_t address = 0;  ///< of the breakpoint or watchpoint
    Watch kind = Watch::write;  ///< of the watchpoint
};

class RunControl final : public Service {
  public:
    /// ring: has the core look up, see RunningGuest::ring() and Arena::doorbell.  stop_at_start: the guest
    /// shall not execute its first instruction (-S).  Before the guest is started.
    RunControl(Arena& arena, bool stop_at_start);
    /// Once the guest process exists.
    void set_ring(std::function<void()> ring);

    /// The guest stops soon; on_stop() tells when.  Nothing happens if it is stopped already.
    void request_stop();
    /// From the moment of the stop until resume() or step().
    bool stopped() const { return stopped_; }
    const GuestStop& last_stop() const { return last_stop_; }
    /// Calls `look` while the guest is at rest, and lets it go on if it ran before: nobody is told.  wait:
    /// sleeps until something may have happened; once it answers false, the guest is looked at as it is.
    void while_held(const std::function<void()>& look, const std::function<bool()>& wait);
    /// Only while stopped.
    void resume() { give(RunOrder::resume); }
    /// One instruction, or one iteration of a repeated one; interrupts wait, as with QEMU's default.  A guest
    /// that is halted stops again when an interrupt has woken it.
    void step() { give(RunOrder::step); }
    /// On to the next trap of guest code, which is handled before the guest stops.
    void run_to_trap() { give(RunOrder::to_trap); }

    // While the guest is stopped, or before it starts.  False: there are too many, or none such to remove.
    // A breakpoint that was added twice must be removed twice.
    bool add_breakpoint(std::uint32_t address);
    bool remove_breakpoint(std::uint32_t address);
    bool add_watchpoint(const Watchpoint& point);
    bool remove_watchpoint(const Watchpoint& point);

    /// While stopped, after RAM was written or more of the virtual CPU than general registers, EIP and
    /// EFLAGS: the core makes its shadows anew before the guest goes on.
    void state_replaced() { arena_.run.state_replaced = 1; }
    /// The FPU's registers, while stopped.
    const FpuImage& fpu() const { return arena_.run.fpu; }
    void set_fpu(const FpuImage& image);

    using Listener = std::function<void()>;
    /// Called from handle() whenever the guest has stopped, or within resume() and step() when it goes on;
    /// until the token goes to forget().
    int on_stop(Listener listener) { return add(listener, {}); }
    int on_resume(Listener listener) { return add({}, listener); }
    void forget(int token);

    /// Seconds that the guest has been stopped in all, up to this moment.
    double stopped_seconds() const;

    // Service: the core wakes the event loop by itself.
    void add_poll_fds(std::vector<pollfd>&) override {}
    void handle(std::span<const pollfd>) override;

  private:
    struct Client {
        int token;
        Listener stopped, resumed;
    };
    int add(Listener stopped, Listener resumed);
    void tell(Listener Client::*what);
    void give(RunOrder order);
    bool points_changed(bool changed);
    void go_on(RunOrder order);
    /// The guest is at rest for while_held() only.
    bool held_for_nobody() const { return !requested_ && arena_.run.cause == StopCause::request; }

    Arena& arena_;
    std::function<void()> ring_ = [] {};
    bool started_ = false;
    bool stopped_ = false;
    bool expected_ = false;   ///< a stop may come
    bool requested_ = false;  ///< request_stop() wants one
    bool holding_ = false;    ///< while_held() wants one
    GuestStop last_stop_;
    DebugPoints points_;
    std::vector<Client> clients_;
    int next_token_ = 1;
    std::uint32_t orders_ = 0;
    double stopped_since_ = 0, stopped_before_ = 0;
};

}  // namespace ringpress
