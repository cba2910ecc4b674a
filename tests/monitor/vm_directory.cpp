#include "monitor/vm_directory.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <stdexcept>

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {
const std::string kName = "unit-test." + std::to_string(getpid());
}

TEST_CASE("A name belongs to one machine while that lives") {
    {
        const VmName mine(kName);
        CHECK_THROWS_WITH(VmName(kName), Contains("running already"));
        CHECK_NOTHROW(VmName(kName + "b"));
    }
    CHECK_NOTHROW(VmName(kName));
}

TEST_CASE("The name of a killed machine is free at once") {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const VmName theirs(kName);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    CHECK_THROWS_WITH(VmName(kName), Contains("running already"));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK_NOTHROW(VmName(kName));
    close(ready[0]);
    close(ready[1]);
}

TEST_CASE("A name is made of letters, digits and a few signs") {
    for (const char* good : {"a", "A9", "my-vm_1.test", "0"}) CHECK_NOTHROW(check_vm_name(good));
    for (const std::string& bad :
         {std::string(), std::string("a/b"), std::string("-a"), std::string(".a"), std::string("a b"),
          std::string("a\n"), std::string("\xC3\xA4"), std::string(65, 'a')}) {
        CHECK_THROWS_WITH(check_vm_name(bad), Contains("cannot name a virtual machine"));
    }
    CHECK_NOTHROW(check_vm_name(std::string(64, 'a')));
}
