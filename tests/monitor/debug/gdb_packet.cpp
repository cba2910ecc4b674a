#include "monitor/debug/gdb_packet.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace ringpress;

namespace {

using What = GdbInput::What;

std::vector<GdbInput> all(GdbReader& reader, std::string_view bytes) {
    std::vector<GdbInput> found;
    while (const auto input = reader.next(bytes)) found.push_back(*input);
    CHECK(bytes.empty());
    return found;
}

std::vector<GdbInput> all(std::string_view bytes) {
    GdbReader reader;
    return all(reader, bytes);
}

}  // namespace

TEST_CASE("A packet is its payload between $ and the checksum") {
    CHECK(gdb_packet("") == "$#00");
    CHECK(gdb_packet("OK") == "$OK#9a");
    const auto found = all("$Z1,f0100000,1#" + gdb_packet("Z1,f0100000,1").substr(15) + "+");
    REQUIRE(found.size() == 2);
    CHECK(found[0].what == What::packet);
    CHECK(found[0].payload == "Z1,f0100000,1");
    CHECK(found[1].what == What::ack);
}

TEST_CASE("A packet may come byte by byte") {
    GdbReader reader;
    std::vector<GdbInput> found;
    for (const char c : std::string("+$m0,4#FD\x03-"))
        for (auto& input : all(reader, std::string_view(&c, 1))) found.push_back(input);
    REQUIRE(found.size() == 4);
    CHECK(found[0].what == What::ack);
    CHECK(found[1].payload == "m0,4");
    CHECK(found[2].what == What::interrupt);
    CHECK(found[3].what == What::nack);
}

TEST_CASE("A wrong checksum is told, and the next packet is read") {
    const auto found = all("$g#00$g#6?$?#3f");
    REQUIRE(found.size() == 3);
    CHECK(found[0].what == What::damaged);
    CHECK(found[1].what == What::damaged);
    CHECK(found[2].what == What::packet);
}

TEST_CASE("Ctrl-C within a packet is a byte of it") {
    const auto found = all("$X\x03#5b");
    REQUIRE(found.size() == 1);
    CHECK(found[0].payload == "X\x03");
}

TEST_CASE("A packet that is too long is lost as a whole") {
    GdbReader reader;
    CHECK(all(reader, "$").empty());
    for (int i = 0; i < 1000; ++i) CHECK(all(reader, std::string(1000, 'a')).empty());
    const auto found = all(reader, "#00$?#3f");
    REQUIRE(found.size() == 2);
    CHECK(found[0].what == What::oversized);
    CHECK(found[1].payload == "?");
    CHECK(all(gdb_packet(std::string(kMostPacket, 'b'))).at(0).what == What::packet);
    CHECK(all(gdb_packet(std::string(kMostPacket + 1, 'b'))).at(0).what == What::oversized);
}

TEST_CASE("Whatever bytes come, packets in between with the right checksum are read") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 300; ++round) {
        std::string noise;
        for (unsigned n = random() % 200; n; --n) noise += static_cast<char>(random());
        GdbReader reader;
        all(reader, noise);
        all(reader, "#00#00");  // ends what the noise may have begun
        const auto found = all(reader, gdb_packet("vCont?"));
        REQUIRE(found.size() == 1);
        CHECK(found[0].payload == "vCont?");
    }
}

TEST_CASE("Hexadecimal digits and escapes") {
    CHECK(to_hex(std::string_view("\x00\xAB\x7F", 3)) == "00ab7f");
    CHECK(from_hex("00aB7f") == std::string("\x00\xAB\x7F", 3));
    CHECK_FALSE(from_hex("abc"));
    CHECK_FALSE(from_hex("0g"));
    CHECK(unescape("a}\x03}]b}") == "a#}b}");
    std::string_view text = "fffffffff,12";
    CHECK(take_hex(text) == 0xFFFFFFFFFu);
    CHECK(text == ",12");
    CHECK_FALSE(take_hex(text));
    text = "12345678123456789";
    CHECK_FALSE(take_hex(text));
}
