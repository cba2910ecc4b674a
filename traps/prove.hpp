// Proving: from an address that is known to be an instruction boundary, because it was executed, decode
// forward and copy what may run natively into the code view.
//
// Sensitive instructions stay int3, and so does whatever was not reached.  Decoding stops where control may
// not fall through: the bytes behind a call or a jump may be data.  The only promise needed from the decoder
// is that it finds the length of an instruction from its first byte, as the processor would.
#pragma once

#include "shadow/code_view.hpp"
#include "shadow/guest_memory.hpp"
#include "shadow/shadow_pages.hpp"
#include "traps/decode.hpp"
#include "traps/policy.hpp"
#include "traps/statistics.hpp"

namespace ringpress {

/// Why an instruction may not be copied, or that it may.
enum class Native : std::uint8_t {
    yes,
    sensitive,  ///< trapped on purpose
    boxed,      ///< innocuous, but its copy would show or hide something: interpreted at each execution
    undefined,
};

/// The decision for one instruction, at a linear address, in the present mode of the CPU.  Pure.
Native may_run_natively(const Instruction& insn, const VCpu& cpu, const Policy& policy, gva address = gva(0));

/// True if hot sites of an instruction that may not run natively become gates (shadow/gate_sites.hpp).  Pure.
bool may_become_gate(const Instruction& insn, const Policy& policy);

class Prover {
  public:
    Prover(VCpu& cpu, GuestMemory& memory, ShadowPages& shadow, CodeViews& views, Decoder& decoder,
           const Policy& policy, Statistics& statistics)
        : cpu_(cpu),
          memory_(memory),
          shadow_(shadow),
          views_(views),
          decoder_(decoder),
          policy_(policy),
          statistics_(statistics) {}

    /// Proves from linear address `from`, whose frame has view slot `slot`, up to the end of its page.
    void prove(gva from, unsigned slot);
    /// The proven instruction at `offset` shall trap, even if it could run natively, until it is proven anew.
    void box(unsigned slot, unsigned offset);

  private:
    bool copy(unsigned slot, unsigned offset, const Instruction& insn);
    bool copy_straddling(gva address, unsigned slot, unsigned offset, const Instruction& insn);
    bool hides_trapped(unsigned slot, unsigned first, unsigned end) const;
    void uncover(unsigned slot, unsigned offset);

    VCpu& cpu_;
    GuestMemory& memory_;
    ShadowPages& shadow_;
    CodeViews& views_;
    Decoder& decoder_;
    const Policy& policy_;
    Statistics& statistics_;
};

}  // namespace ringpress
