// Bytes to Instruction.  The only part of ringpress that includes Capstone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "traps/instruction.hpp"

namespace ringpress {

/// One instruction as text in AT&T's syntax, which QEMU and gdb show for the PC; "(bad)" with length 1 for
/// bytes that are none.
struct AssemblerText {
    std::string mnemonic, operands;
    unsigned length = 1;
};

class Decoder {
  public:
    /// Opens Capstone.  Construct before any seccomp filter is in force; throws std::runtime_error if it
    /// cannot.
    Decoder();
    ~Decoder();
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    /// Decodes one instruction of a 32-bit (or 16-bit, code_size 2) code segment from up to `available`
    /// bytes. id is `undefined` and length 0 if the bytes are no instruction, or too few: `truncated` tells
    /// which. More than 15 bytes: the same, with too_long. Allocates nothing and makes no system call: usable
    /// in a signal handler.
    Instruction decode(const std::uint8_t* bytes, std::size_t available, unsigned code_size = 4);
    bool truncated() const { return truncated_; }

    /// The length of an instruction that decode() calls undefined because the CPU model does not have it:
    /// ud2, AVX, VMX ...; 0 if the bytes are no instruction of any processor.
    unsigned foreign_length(const std::uint8_t* bytes, std::size_t available, unsigned code_size = 4);

    /// Assembler text, for people.  Allocates.
    std::string text(const std::uint8_t* bytes, std::size_t available, std::uint32_t address,
                     unsigned code_size = 4);
    AssemblerText att(const std::uint8_t* bytes, std::size_t available, std::uint32_t address,
                      unsigned code_size = 4);

  private:
    struct Impl;
    Impl* impl_;
    bool truncated_ = false;
};

}  // namespace ringpress
