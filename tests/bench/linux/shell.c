// busybox at work: its shell, processes by the dozen, and compression.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { LOOPS = 5000, TRUES = 50, INPUT = 256 * 1024 };

/// Runs an applet with these files as its standard input and output.
static void run_applet(const char* const arguments[], int in, int out) {
    const int child = fork();
    if (child == 0) {
        dup2(in, 0);
        dup2(out, 1);
        execv(busybox, (char* const*)arguments);
        _exit(127);
    }
    reap(child, 0);
}

/// Runs a shell script; returns what it printed (up to a point).
static const char* shell(const char* script) {
    static char output[64];
    const int file = memfd_create("output", 0);
    need(file >= 0, "memfd_create");
    run_applet((const char*[]){"sh", "-c", script, NULL}, 0, file);
    const ssize_t got = pread(file, output, sizeof output - 1, 0);
    output[got > 0 ? got : 0] = 0;
    close(file);
    return output;
}

static void shell_loop(unsigned long times) {
    char script[128], expected[32];
    snprintf(script, sizeof script, "i=0; s=0; while [ $i -lt %d ]; do i=$((i+1)); s=$((s+i)); done; echo $s",
             LOOPS);
    snprintf(expected, sizeof expected, "%d\n", LOOPS * (LOOPS + 1) / 2);
    while (times--) {
        const char* printed = shell(script);
        want(!strcmp(printed, expected), "the loop printed %s", printed);
    }
}

static void shell_forks(unsigned long times) {
    char script[400];
    snprintf(script, sizeof script, "i=0; while [ $i -lt %d ]; do %s true && i=$((i+1)); done; echo $i",
             TRUES, busybox);
    while (times--) {
        const char* printed = shell(script);
        want(atoi(printed) == TRUES, "the loop printed %s", printed);
    }
}

static int plain = -1, packed = -1;
static unsigned char text[INPUT];

/// Words that come again and again, as in text.
static void write_text(void) {
    static const char words[][12] = {"the ", "ring ", "of ",  "a ",    "processor ",
                                     "is ",  "press", "ed\n", "trap ", "and "};
    unsigned x = 7, at = 0;
    while (at < INPUT) {
        x = x * 1103515245 + 12345;
        const char* word = words[(x >> 16) % 10];
        while (*word && at < INPUT) text[at++] = (unsigned char)*word++;
        if ((x >> 20) % 8 == 0 && at < INPUT) text[at++] = (unsigned char)('0' + (x >> 25) % 10);
    }
    plain = memfd_create("plain", 0);
    packed = memfd_create("packed", 0);
    need(plain >= 0 && packed >= 0 && write(plain, text, INPUT) == INPUT, "a file of text");
}
static void gzip(unsigned long times) {
    while (times--) {
        lseek(plain, 0, SEEK_SET);
        need(ftruncate(packed, 0) == 0, "ftruncate");
        lseek(packed, 0, SEEK_SET);
        run_applet((const char*[]){"gzip", "-c", NULL}, plain, packed);
    }
}
static void unpack(void) {
    const off_t size = lseek(packed, 0, SEEK_END);
    want(size > 1000 && size < INPUT / 2, "%d bytes became %ld", INPUT, (long)size);
    lseek(packed, 0, SEEK_SET);
    need(ftruncate(plain, 0) == 0, "ftruncate");
    lseek(plain, 0, SEEK_SET);
    run_applet((const char*[]){"gunzip", "-c", NULL}, packed, plain);
    static unsigned char again[INPUT + 1];
    want(pread(plain, again, sizeof again, 0) == INPUT && !memcmp(text, again, INPUT),
         "unpacked, it is different");
    close(plain);
    close(packed);
}

const struct row shell_rows[] = {
    {"shell_loop", NULL, shell_loop, NULL, 1, NULL},
    {"shell_forks", NULL, shell_forks, NULL, TRUES, NULL},
    {"gzip", write_text, gzip, unpack, 1, NULL},
    {0},
};
