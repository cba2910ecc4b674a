#include "shadow/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace ringpress {

namespace {
void print_and_abort(const char* what, const char* file, int line) {
    std::fprintf(stderr, "ringpress: internal error: %s (%s:%d)\n", what, file, line);
    std::abort();
}
BugHandler handler = print_and_abort;
}  // namespace

void set_bug_handler(BugHandler new_handler) {
    handler = new_handler;
}

void report_bug(const char* what, const char* file, int line) {
    handler(what, file, line);
    std::abort();
}

}  // namespace ringpress
