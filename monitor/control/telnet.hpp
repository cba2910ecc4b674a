// Telnet, as far as a line-edited prompt needs it: the server echoes, and option negotiation is taken out of
// what was typed.  Source: RFC 854, RFC 857 (echo), RFC 858 (suppress go-ahead).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ringpress {

class Telnet {
  public:
    /// What the server says first: it will echo, and suppress go-aheads.
    static constexpr std::string_view kGreeting = "\xFF\xFB\x01\xFF\xFB\x03";

    /// The keys in what came over the connection; commands may be cut anywhere.
    std::string keys(std::span<const std::uint8_t> received) {
        std::string out;
        for (const std::uint8_t byte : received) feed(byte, out);
        return out;
    }

  private:
    enum class State : std::uint8_t { data, carriage_return, command, option, subnegotiation, sub_command };
    static constexpr std::uint8_t kIac = 255, kSb = 250, kSe = 240, kFirstWithOption = 251;

    void feed(std::uint8_t byte, std::string& out) {
        switch (state_) {
            case State::carriage_return:
                // CR NUL is a bare carriage return, CR LF a line end: Enter either way.
                state_ = State::data;
                if (byte == 0 || byte == '\n') return;
                [[fallthrough]];
            case State::data:
                if (byte == kIac) {
                    state_ = State::command;
                    return;
                }
                out += static_cast<char>(byte);
                if (byte == '\r') state_ = State::carriage_return;
                return;
            case State::command:
                state_ = byte == kSb                                ? State::subnegotiation
                         : byte >= kFirstWithOption && byte != kIac ? State::option
                                                                    : State::data;
                if (byte == kIac) out += static_cast<char>(kIac);
                return;
            case State::option: state_ = State::data; return;
            case State::subnegotiation:
                if (byte == kIac) state_ = State::sub_command;
                return;
            case State::sub_command: state_ = byte == kSe ? State::data : State::subnegotiation; return;
        }
    }

    State state_ = State::data;
};

}  // namespace ringpress
