// The program of the demonstration: forks, then parent and child tell in turn how they count, each in its own
// copy of one variable.  Neither gives up the processor while it waits: only the timer makes the other one
// run.
#include <guestkit/user.h>

#include "../demo.h"

static u32 counter = 100;  // the same address in both processes, and after the fork two different things
static char line[80];

static const struct notice* const published = (const struct notice*)NOTICE_PAGE;

static char* append(char* to, const char* text) {
    while (*text) *to++ = *text++;
    *to = 0;
    return to;
}
static char* append_number(char* to, u32 value) {
    if (value >= 10) to = append_number(to, value / 10);
    *to++ = (char)('0' + value % 10);
    *to = 0;
    return to;
}

static void say(const char* who, const char* what, u32 number) {
    append_number(append(append(line, who), what), number);
    system_call(CALL_PRINT, (u32)line, 0, 0);
}

__attribute__((section(".text.entry"), noreturn)) void program(void) {
    say("in user mode", ", counter is ", counter);
    const u32 child = system_call(CALL_FORK, 0, 0, 0) == 0;
    const char* who = child ? "the child" : "the parent";
    for (u32 turn = 0; turn < 3; ++turn) {
        while (published->lines_printed != 1 + 2 * turn + child) {
        }
        counter += child ? 1 : 10;
        say(who, " counts to ", counter);
    }
    while (published->lines_printed < 7) {
    }
    while (published->processes_ended != child) {
    }  // the child ends last
    say(who, " is done at ", counter);
    system_call(CALL_EXIT, child, 0, 0);
    for (;;) {
    }
}
