// Between kernel.c and enter.S.
#pragma once

#include <guestkit/types.h>

/// What form_enter() loads; EDI gets EBX too.
extern u32 entry_eax, entry_ecx, entry_edx, entry_ebx, entry_esi, entry_esp, entry_eip, entry_eflags;

void form_enter(void);
void form_leave(void) __attribute__((noreturn));
