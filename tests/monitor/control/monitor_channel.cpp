#include "monitor/control/monitor_channel.hpp"

#include <catch2/catch.hpp>

#include "monitor/control/telnet.hpp"

using namespace ringpress;
using Catch::Matchers::Contains;
using Kind = MonitorChannel::Kind;

TEST_CASE("-monitor takes QEMU's channels") {
    CHECK(parse_monitor_channel("stdio").kind == Kind::stdio);
    CHECK(parse_monitor_channel("none").kind == Kind::none);
    const MonitorChannel unix_socket = parse_monitor_channel("unix:/tmp/m,server,nowait");
    CHECK(unix_socket.kind == Kind::unix_socket);
    CHECK(unix_socket.path == "/tmp/m");
    CHECK((unix_socket.server && !unix_socket.wait));
    const MonitorChannel tcp = parse_monitor_channel("tcp:127.0.0.1:4444,server=on,wait=off");
    CHECK((tcp.kind == Kind::tcp && tcp.host == "127.0.0.1" && tcp.port == "4444"));
    CHECK((tcp.server && !tcp.wait && !tcp.telnet));
    const MonitorChannel telnet = parse_monitor_channel("telnet::4444,server");
    CHECK((telnet.telnet && telnet.host.empty() && telnet.wait));
    CHECK(parse_monitor_channel("tcp:[::1]:4444").host == "::1");
}

TEST_CASE("-monitor says what is wrong with a channel") {
    CHECK_THROWS_WITH(parse_monitor_channel("foo"), Contains("none of stdio"));
    CHECK_THROWS_WITH(parse_monitor_channel("unix:"), Contains("needs a path"));
    CHECK_THROWS_WITH(parse_monitor_channel("tcp:4444"), Contains("names no port"));
    CHECK_THROWS_WITH(parse_monitor_channel("tcp:host:"), Contains("names no port"));
    CHECK_THROWS_WITH(parse_monitor_channel("unix:/tmp/m,servre"), Contains("unknown option 'servre'"));
    CHECK_THROWS_WITH(parse_monitor_channel("unix:/tmp/m,server=yes"), Contains("on or off"));
}

TEST_CASE("Telnet's negotiation is taken out of what was typed, wherever it is cut") {
    std::string bytes(
        "in\xFF\xFD\x01"
        "fo\xFF\xFA\x18\x01\xFF\xFF\xFF\xF0\r",
        16);
    bytes += '\0';
    bytes += "a\r\nb\xFF\xF1\xFF\xFF";
    Telnet telnet;
    std::string keys;
    for (const char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        keys += telnet.keys({&byte, 1});
    }
    CHECK(keys == "info\ra\rb\xFF");
}
