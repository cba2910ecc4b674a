#include <guestkit/cpu.h>
#include <guestkit/string.h>
#include <guestkit/user.h>

#include "demo.h"

enum { PROCESSES = 4 };
static struct process table[PROCESSES];
static u32 ids;
struct process* current;

static struct process* new_process(page_entry* directory, const struct trap_frame* start) {
    struct process* p = table;
    while (p->id) ++p;  // the demonstration never has more than it has slots
    p->id = ++ids;
    p->directory = directory;
    p->kernel_stack = page_alloc();
    p->frame = (struct trap_frame*)(p->kernel_stack + PAGE_SIZE) - 1;
    *p->frame = *start;
    return p;
}

void process_create(void) {
    const struct trap_frame start = user_frame(PROGRAM_BASE, STACK_TOP);
    current = new_process(space_create(), &start);
}

u32 process_fork(const struct trap_frame* frame) {
    struct process* child = new_process(space_fork(current->directory), frame);
    child->frame->eax = 0;
    return child->id;
}

static struct trap_frame* enter(struct process* p) {
    current = p;
    write_cr3(physical(p->directory));
    set_kernel_stack((u32)p->kernel_stack + PAGE_SIZE);
    return p->frame;
}

static struct process* next(void) {
    for (unsigned step = 1; step <= PROCESSES; ++step) {
        struct process* p = &table[((u32)(current - table) + step) % PROCESSES];
        if (p->id) return p;
    }
    return 0;
}

struct trap_frame* process_switch(struct trap_frame* frame) {
    current->frame = frame;
    return enter(next());
}

struct trap_frame* process_end(void) {
    current->id = 0;
    space_destroy(current->directory);
    // Its kernel stack is the one we stand on; the page is lost with the process, as the guest ends soon.
    struct process* p = next();
    return p ? enter(p) : 0;
}

void process_start(void) {
    resume(enter(current));
}
