/* One way to write a sensitive instruction, and what it is executed with: the lines of instruction_forms.def.
 *
 * For C as well as C++, because three programs execute the same forms: a process of the host at ring 3
 * (monitor/holes), a guest kernel at ring 0 (monitor/holes/guest), and the tests.  All three lay things out
 * alike, so that what they see can be compared word by word:
 *
 *   EAX ECX EDX EFLAGS   as the form says (a process cannot clear IF)
 *   EBX and EDI          the address of 16 bytes of memory, `mem`: the memory operand
 *   ESI                  the address of kFlatWord; kBaseWord lies 16 bytes behind it
 *   ESP                  the address of five words, `stack`; three words below them are free
 *   CS, and the others   flat segments of whatever selector the place has
 *
 * In the guest, and only there, selector kHostData names a segment with base 16: what is read through it
 * shows whose descriptor was loaded. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
namespace ringpress {
#endif

enum {
    kFormBytes = 10,
    kFormMemWords = 4,
    kFormStackWords = 5, /* above ESP */
    kFormFreeWords = 3   /* below it */
};

enum {
    /* Selectors that 64-bit Linux gives to 32-bit processes: descriptors that ring 3 may load, in every
     * process, arch/x86/include/asm/segment.h.  A guest kernel's own selectors may have the same numbers. */
    kHostCode = 0x23,
    kHostData = 0x2B,
    /* A guest kernel's selectors at RPL 0; at the host their slots hold the host kernel's, or nothing. */
    kGuestCode = 0x08,
    kGuestData = 0x10,
    kGuestStack = 0x18,
    kSpareTss = 0x38,
    /* A system call without a side effect, of Linux' i386 numbers: getpid. */
    kGetPid = 20
};

enum {
    kFormCF = 1,
    kFormFixed = 2,
    kFormZF = 0x40,
    kFormIF = 0x200,
    kFormOF = 0x800,
    kFormIopl3 = 0x3000,
    kFormFlags = kFormFixed | kFormIF /* what a form starts with unless it says otherwise */
};

enum {
    kFlatWord = 0x54414C46, /* "FLAT": read with base 0 */
    kBaseWord = 0x45534142, /* "BASE": read with base 16 */
    /* Stand-ins in mem, stack and bytes for what is known at the place of execution only. */
    kNextAddress = 0x5458454E, /* "NEXT": the address behind the instruction */
    kOwnGdtr = 0x52544447,     /* "GDTR", twice in mem: limit and base that are in force already */
    kOwnIdtr = 0x52544449      /* "IDTR" */
};

struct InstructionForm {
    const char* note; /* what tells this form from its neighbours, besides its bytes; may be empty */
    uint8_t bytes[kFormBytes];
    uint8_t length;
    uint32_t eax, ecx, edx, eflags;
    uint32_t mem[kFormMemWords];
    uint32_t stack[kFormStackWords];
    uint8_t
        observe;    /* 0, or the prefix of a segment register: [ESI] is read through it into EDX afterwards */
    uint8_t varies; /* the result is the time, or what kind of processor it is: not to be compared by value */
};

#ifdef __cplusplus
} /* namespace ringpress */
#endif
