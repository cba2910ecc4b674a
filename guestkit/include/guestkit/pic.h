// The two 8259 interrupt controllers.  Datasheet Intel 8259A; wired as on every PC: the slave on input 2.
#pragma once

#include <guestkit/types.h>

enum { PIC_VECTOR_BASE = 0x20 };  ///< IRQ n arrives as vector PIC_VECTOR_BASE + n

/// Remaps both away from the exception vectors and masks every line.
void pic_init(void);
void pic_mask(unsigned irq);
void pic_unmask(unsigned irq);
/// Non-specific end of interrupt, to the slave as well for irq >= 8.
void pic_end_of_interrupt(unsigned irq);
/// In-service and request registers, slave in the high byte.
u16 pic_in_service(void);
u16 pic_requests(void);
