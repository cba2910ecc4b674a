#include "monitor/control/expression.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

std::int64_t value_of(std::string_view text) {
    VCpu cpu;
    cpu.gpr[0] = 0x12345678;
    cpu.eip = 0x1000;
    cpu.segment(Seg::gs) = {0x33, 0, 0x5000, 0xFFF};
    cpu.gdtr = {0x9000, 0x7F, 0};
    return take_expression(text, cpu);
}

}  // namespace

TEST_CASE("Expressions have QEMU's operators and their order") {
    CHECK(value_of("1+2*3") == 7);
    CHECK(value_of("(1+2)*3") == 9);
    CHECK(value_of("0x10 | 1 + 1") == 0x12);
    CHECK(value_of("7 - 2 & 3") == 5);
    CHECK(value_of("-1") == -1);
    CHECK(value_of("~0 & 0xff") == 0xFF);
    CHECK(value_of("010") == 8);
    CHECK(value_of("'A' % 10") == 5);
}

TEST_CASE("Registers are named with a dollar sign, parts of them too") {
    CHECK(value_of("$eax") == 0x12345678);
    CHECK(value_of("$ax") == 0x5678);
    CHECK(value_of("$al") == 0x78);
    CHECK(value_of("$ah") == 0x56);
    CHECK(value_of("$pc+4") == 0x1004);
    CHECK(value_of("$gs") == 0x33);
    CHECK(value_of("$gs.base") == 0x5000);
    CHECK(value_of("$gdtr.limit") == 0x7F);
}

TEST_CASE("What is no expression is refused in words") {
    CHECK_THROWS_WITH(value_of(""), "unexpected end of expression");
    CHECK_THROWS_WITH(value_of("1+"), "unexpected end of expression");
    CHECK_THROWS_WITH(value_of("(1"), "')' expected");
    CHECK_THROWS_WITH(value_of("$foo"), "unknown register");
    CHECK_THROWS_WITH(value_of("$cs.foo"), "unknown register");
    CHECK_THROWS_WITH(value_of("1/0"), "division by zero");
    CHECK_THROWS_WITH(value_of("foo"), Contains("invalid char"));
    CHECK_THROWS_WITH(value_of("12ab"), Contains("invalid char"));
    CHECK_THROWS_WITH(value_of("0x11111111111111111"), "number too large");
}
