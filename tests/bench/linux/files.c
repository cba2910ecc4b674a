// Files on a tmpfs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

static char path[256];

static void choose_path(void) {
    snprintf(path, sizeof path, "%s/bench.%d", scratch, (int)getpid());
}

static void create_delete(unsigned long times) {
    unsigned wrong = 0;
    while (times--) {
        const int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
        wrong += file < 0 || close(file) != 0 || unlink(path) != 0;
    }
    want(!wrong, "%u of the files could not be made or deleted in %s", wrong, scratch);
    want(access(path, F_OK) == -1 && errno == ENOENT, "the file is still there");
}

static void make_file(void) {
    choose_path();
    const int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    need(file >= 0 && write(file, "x", 1) == 1 && close(file) == 0, path);
}
static void open_read_close(unsigned long times) {
    unsigned wrong = 0;
    while (times--) {
        char c = 0;
        const int file = open(path, O_RDONLY);
        wrong += read(file, &c, 1) != 1 || c != 'x' || close(file) != 0;
    }
    want(!wrong, "%u of the files could not be read", wrong);
}
static void delete_file(void) {
    unlink(path);
}

const struct row file_rows[] = {
    {"open_read_close", make_file, open_read_close, delete_file, 1, NULL},
    {"create_delete", choose_path, create_delete, NULL, 1, NULL},
    {0},
};
