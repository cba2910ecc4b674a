#include "monitor/control/expression.hpp"

#include <cctype>
#include <charconv>
#include <stdexcept>
#include <string>

namespace ringpress {

namespace {

constexpr std::string_view kNames[8] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
constexpr std::string_view kWordNames[8] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
constexpr std::string_view kByteNames[8] = {"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"};
constexpr std::string_view kSegments[6] = {"es", "cs", "ss", "ds", "fs", "gs"};

bool general(const VCpu& cpu, std::string_view name, std::uint32_t& value) {
    for (unsigned i = 0; i < 8; ++i) {
        if (name == kNames[i])
            value = cpu.gpr[i];
        else if (name == kWordNames[i])
            value = cpu.gpr[i] & 0xFFFFu;
        else if (name == kByteNames[i])
            value = (cpu.gpr[i & 3u] >> (i < 4 ? 0 : 8)) & 0xFFu;
        else
            continue;
        return true;
    }
    return false;
}

bool segment(const VCpu& cpu, std::string_view name, std::uint32_t& value) {
    const std::string_view which = name.substr(0, name.find('.'));
    const std::string_view part = which.size() < name.size() ? name.substr(which.size()) : "";
    const auto pick = [&](std::uint32_t selector, std::uint32_t base, std::uint32_t limit) {
        if (part.empty())
            value = selector;
        else if (part == ".base")
            value = base;
        else if (part == ".limit")
            value = limit;
        else
            return false;
        return true;
    };
    const auto of = [&](const SegmentRegister& s) { return pick(s.selector, s.base, s.limit); };
    for (unsigned i = 0; i < 6; ++i)
        if (which == kSegments[i]) return of(cpu.seg[i]);
    if (which == "ldtr") return of(cpu.ldtr);
    if (which == "tr") return of(cpu.tr);
    if (which == "gdtr") return pick(cpu.gdtr.base, cpu.gdtr.base, cpu.gdtr.limit);
    if (which == "idtr") return pick(cpu.idtr.base, cpu.idtr.base, cpu.idtr.limit);
    return false;
}

class Parser {
  public:
    Parser(std::string_view text, const VCpu& cpu) : rest_(text), cpu_(cpu) { skip(); }
    std::string_view rest() const { return rest_; }

    std::int64_t sum() {
        std::uint64_t value = logic();
        for (char op; (op = peek()) == '+' || op == '-';) {
            next();
            const std::uint64_t right = logic();
            value = op == '+' ? value + right : value - right;
        }
        return static_cast<std::int64_t>(value);
    }

  private:
    std::uint64_t logic() {
        std::uint64_t value = product();
        for (char op; (op = peek()) == '&' || op == '|' || op == '^';) {
            next();
            const std::uint64_t right = product();
            value = op == '&' ? value & right : op == '|' ? value | right : value ^ right;
        }
        return value;
    }

    std::uint64_t product() {
        std::uint64_t value = unary();
        for (char op; (op = peek()) == '*' || op == '/' || op == '%';) {
            next();
            const std::uint64_t right = unary();
            if (op != '*' && right == 0) throw std::runtime_error("division by zero");
            value = op == '*' ? value * right : op == '/' ? value / right : value % right;
        }
        return value;
    }

    std::uint64_t unary() {
        // Each level is a character of the line, whose length is bounded by whoever reads it.
        switch (peek()) {
            case '+': next(); return unary();
            case '-': next(); return 0 - unary();
            case '~': next(); return ~unary();
            case '(': {
                next();
                const auto value = static_cast<std::uint64_t>(sum());
                if (peek() != ')') throw std::runtime_error("')' expected");
                next();
                return value;
            }
            case '\'': return character();
            case '$': return named();
            case '\0': throw std::runtime_error("unexpected end of expression");
            default: return number();
        }
    }

    std::uint64_t character() {
        if (rest_.size() < 3 || rest_[2] != '\'') throw std::runtime_error("missing terminating ' character");
        const auto value = static_cast<unsigned char>(rest_[1]);
        rest_.remove_prefix(3);
        skip();
        return value;
    }

    std::uint64_t named() {
        std::size_t end = 1;
        while (end < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[end])) ||
                                      rest_[end] == '_' || rest_[end] == '.'))
            ++end;
        std::uint32_t value = 0;
        if (!register_value(cpu_, rest_.substr(1, end - 1), value))
            throw std::runtime_error("unknown register");
        rest_.remove_prefix(end);
        skip();
        return value;
    }

    std::uint64_t number() {
        int base = 10;
        std::size_t at = 0;
        if (rest_[0] == '0' && rest_.size() > 1 && (rest_[1] == 'x' || rest_[1] == 'X')) {
            base = 16;
            at = 2;
        } else if (rest_[0] == '0') {
            base = 8;
        }
        std::uint64_t value = 0;
        const auto [end, error] =
            std::from_chars(rest_.data() + at, rest_.data() + rest_.size(), value, base);
        if (error == std::errc::result_out_of_range) throw std::runtime_error("number too large");
        if (error != std::errc{})
            throw std::runtime_error("invalid char '" + std::string(rest_.substr(0, 1)) + "' in expression");
        rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
        // What follows a number directly must be an operator, a bracket, or the end.
        if (!rest_.empty() && std::isalnum(static_cast<unsigned char>(rest_[0])))
            throw std::runtime_error("invalid char in expression");
        skip();
        return value;
    }

    char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
    void next() {
        rest_.remove_prefix(1);
        skip();
    }
    void skip() {
        while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_[0]))) rest_.remove_prefix(1);
    }

    std::string_view rest_;
    const VCpu& cpu_;
};

}  // namespace

bool register_value(const VCpu& cpu, std::string_view name, std::uint32_t& value) {
    if (general(cpu, name, value) || segment(cpu, name, value)) return true;
    const struct {
        std::string_view name;
        std::uint32_t value;
    } others[] = {
        {"eip", cpu.eip},   {"pc", cpu.eip},    {"eflags", cpu.eflags}, {"cr0", cpu.cr0},
        {"cr2", cpu.cr2},   {"cr3", cpu.cr3},   {"cr4", cpu.cr4},       {"cpl", cpu.cpl},
        {"dr0", cpu.dr[0]}, {"dr1", cpu.dr[1]}, {"dr2", cpu.dr[2]},     {"dr3", cpu.dr[3]},
        {"dr6", cpu.dr[6]}, {"dr7", cpu.dr[7]},
    };
    for (const auto& other : others)
        if (other.name == name) {
            value = other.value;
            return true;
        }
    return false;
}

std::int64_t take_expression(std::string_view& text, const VCpu& cpu) {
    Parser parser(text, cpu);
    const std::int64_t value = parser.sum();
    text = parser.rest();
    return value;
}

}  // namespace ringpress
