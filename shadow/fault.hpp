// What the guest did wrong is a value, never an exception: a Fault is reflected to the guest.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace ringpress {

/// Exception vectors, SDM Vol. 3A, table 6-1.
enum class Vector : std::uint8_t {
    DE = 0,
    DB = 1,
    NMI = 2,
    BP = 3,
    OF = 4,
    BR = 5,
    UD = 6,
    NM = 7,
    DF = 8,
    TS = 10,
    NP = 11,
    SS = 12,
    GP = 13,
    PF = 14,
    MF = 16,
    AC = 17,
    MC = 18,
    XM = 19,
};

/// Page-fault error code bits, SDM Vol. 3A, figure 4-12.
namespace pf_error {
inline constexpr std::uint32_t P = 1;  ///< the translation was present: a protection violation
inline constexpr std::uint32_t W = 2;  ///< the access was a write
inline constexpr std::uint32_t U = 4;  ///< the access was made at CPL 3
inline constexpr std::uint32_t RSVD = 8;
inline constexpr std::uint32_t I = 16;  ///< instruction fetch
}  // namespace pf_error

/// True for the exceptions that push an error code, SDM Vol. 3A, table 6-1.
constexpr bool has_error_code(Vector v) {
    switch (v) {
        case Vector::DF:
        case Vector::TS:
        case Vector::NP:
        case Vector::SS:
        case Vector::GP:
        case Vector::PF:
        case Vector::AC: return true;
        default: return false;
    }
}

struct Fault {
    Vector vector = Vector::GP;
    std::uint32_t error = 0;    ///< pushed when has_error_code(vector)
    std::uint32_t address = 0;  ///< #PF only: the linear address that becomes CR2

    static constexpr Fault gp(std::uint32_t error = 0) { return {Vector::GP, error, 0}; }
    static constexpr Fault ud() { return {Vector::UD, 0, 0}; }
    static constexpr Fault ss(std::uint32_t error = 0) { return {Vector::SS, error, 0}; }
    static constexpr Fault np(std::uint32_t error) { return {Vector::NP, error, 0}; }
    static constexpr Fault ts(std::uint32_t error) { return {Vector::TS, error, 0}; }
    static constexpr Fault pf(std::uint32_t error, std::uint32_t address) {
        return {Vector::PF, error, address};
    }
    constexpr bool operator==(const Fault&) const = default;
};

/// Either a T or the Fault that kept it from being produced.  Allocates nothing: usable in a signal handler.
///
/// A fault is copied only where there is one: to copy all bytes at once, just after its parts were stored one
/// by one, makes the processor wait for the stores, at every step of the interpreter.
template <class T>
class [[nodiscard]] Result {
  public:
    constexpr Result(T value) : value_(std::move(value)), ok_(true) {}
    constexpr Result(Fault fault) : fault_(fault), ok_(false) {}
    constexpr Result(const Result& other) : value_(other.value_), ok_(other.ok_) {
        if (!ok_) [[unlikely]]
            fault_ = other.fault_;
    }
    constexpr Result& operator=(const Result& other) {
        value_ = other.value_;
        ok_ = other.ok_;
        if (!ok_) [[unlikely]]
            fault_ = other.fault_;
        return *this;
    }
    constexpr explicit operator bool() const { return ok_; }
    constexpr const T& value() const { return value_; }
    constexpr T& value() { return value_; }
    constexpr const Fault& fault() const { return fault_; }

  private:
    T value_{};
    Fault fault_{};
    bool ok_;
};

struct Done {};  ///< the value of an operation that yields nothing
template <>
class [[nodiscard]] Result<void> {
  public:
    constexpr Result() = default;
    constexpr Result(Done) {}
    constexpr Result(Fault fault) : fault_(fault), ok_(false) {}
    constexpr Result(const Result& other) : ok_(other.ok_) {
        if (!ok_) [[unlikely]]
            fault_ = other.fault_;
    }
    constexpr Result& operator=(const Result& other) {
        ok_ = other.ok_;
        if (!ok_) [[unlikely]]
            fault_ = other.fault_;
        return *this;
    }
    constexpr explicit operator bool() const { return ok_; }
    constexpr Done value() const { return {}; }
    constexpr const Fault& fault() const { return fault_; }

  private:
    Fault fault_{};
    bool ok_ = true;
};

/// The value of a Result, or a return of its fault from the enclosing function.
#define TRY(expr)                                     \
    ({                                                \
        auto&& try_result_ = (expr);                  \
        if (!try_result_) return try_result_.fault(); \
        std::move(try_result_.value());               \
    })

}  // namespace ringpress
