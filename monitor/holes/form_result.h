/* What came of one form: as many words as a guest kernel prints, and a process of the host notes. */
#pragma once

#include <stdint.h>

#include "traps/instruction_form.h"

#ifdef __cplusplus
namespace ringpress {
#endif

enum {
    /* The vector that ends a form in the guest, with `int`; stands for "reached its end" everywhere. */
    kEndVector = 0x60
};

enum FormWord {
    kResultVector, /* kEndVector, or the exception */
    kResultError,  /* the exception's error code */
    kResultEip,    /* where, relative to the form's first byte */
    kResultEax,
    kResultEcx,
    kResultEdx,
    kResultEflags,
    kResultCs,
    kResultEsp, /* relative to where it started */
    kResultMem,
    kResultStack = kResultMem + kFormMemWords, /* from the free words up; 0 below the final ESP */
    kResultWords = kResultStack + kFormFreeWords + kFormStackWords
};

#ifdef __cplusplus
} /* namespace ringpress */
#endif
