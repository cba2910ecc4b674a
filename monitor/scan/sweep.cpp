#include "monitor/scan/sweep.hpp"

#include <algorithm>

namespace ringpress {
namespace {

/// The symbols of one section, met one after the other.
class Landmarks {
  public:
    Landmarks(const CodeSection& section, const SymbolTable& table) : section_(section) {
        const auto all = table.symbols();
        at_ = std::lower_bound(all.begin(), all.end(), section.address,
                               [](const Symbol& s, std::uint32_t address) { return s.address < address; });
        end_ = all.end();
        skip_numbers();
    }

    /// Goes on behind the symbols at `offset`; the bytes from there on that they say are data.
    std::uint32_t pass(std::uint32_t offset) {
        std::uint32_t data = 0;
        while (next() <= offset) {
            if (next() == offset && !at_->is_code()) data = std::max(data, at_->size);
            ++at_;
            skip_numbers();
        }
        return std::min(data, next() - offset);
    }
    /// The offset of the next symbol, or the section's end.
    std::uint32_t next() const {
        const auto size = static_cast<std::uint32_t>(section_.bytes.size());
        return at_ == end_ ? size : std::min(at_->address - section_.address, size);
    }

  private:
    void skip_numbers() {
        while (at_ != end_ && at_->is_absolute()) ++at_;
    }

    const CodeSection& section_;
    std::span<const Symbol>::iterator at_, end_;
};

bool falls_through(const Instruction& insn) {
    return insn.flow == Flow::next || insn.flow == Flow::jcc || insn.flow == Flow::call ||
           insn.flow == Flow::call_indirect;
}

}  // namespace

void sweep(const CodeSection& section, const SymbolTable& symbols, Decoder& decoder, unsigned code_size,
           const std::function<void(const SweepStep&)>& visit) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(section.bytes.data());
    const auto size = static_cast<std::uint32_t>(section.bytes.size());
    Landmarks landmarks(section, symbols);
    bool reached = true;  // whether the instruction before falls through to here
    std::uint32_t mark = 0;
    for (std::uint32_t at = 0; at < size;) {
        SweepStep step{SweepKind::unknown, at, 1, {}};
        if (at == mark) {
            reached |= landmarks.next() == at;
            step.length = landmarks.pass(at);
            mark = landmarks.next();
            if (step.length != 0) {
                step.kind = SweepKind::data;
                visit(step);
                at += step.length;
                mark = std::max(mark, at);
                continue;
            }
            step.length = 1;
        }
        step.insn = decoder.decode(bytes + at, size - at, code_size);
        if (step.insn.length != 0) {
            step.length = step.insn.length;
            step.kind = step.insn.id == InsnId::int3 && !reached ? SweepKind::filler : SweepKind::instruction;
        } else if (const unsigned foreign = decoder.foreign_length(bytes + at, size - at, code_size)) {
            step.length = foreign;
            step.kind = SweepKind::foreign;
        }
        if (step.length > mark - at) {
            step.kind = SweepKind::cut;
            step.length = mark - at;
        }
        if (step.kind == SweepKind::instruction) reached = falls_through(step.insn);
        if (step.kind == SweepKind::foreign) reached = true;
        visit(step);
        at += step.length;
    }
}

}  // namespace ringpress
