#include "monitor/held_key.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace ringpress;
using namespace std::chrono_literals;

namespace {
constexpr std::size_t kRoom = 4096;
const HeldKey::Time kStart = HeldKey::Time{} + 1h;
}  // namespace

TEST_CASE("A key goes down at once and comes up a while later") {
    HeldKey held;
    CHECK(held.due() == HeldKey::Time::max());
    CHECK(held.release_due(kStart).empty());
    CHECK(held.press(stroke_of(Key::right), kStart, kRoom) == "\xE0\x4D");
    CHECK(held.due() == kStart + HeldKey::kHold);
    CHECK(held.release_due(kStart + HeldKey::kHold - 1ms).empty());
    CHECK(held.release_due(kStart + HeldKey::kHold) == "\xE0\xCD");
    CHECK(held.release_due(kStart + 1h).empty());
    CHECK(held.due() == HeldKey::Time::max());
}

TEST_CASE("A key that the terminal repeats stays down and sends its make code again, without modifiers") {
    HeldKey held;
    auto now = kStart;
    CHECK(held.press(stroke_of(U'A'), now, kRoom) == "\x2A\x1E");
    for (int i = 0; i < 20; ++i) {
        now += 30ms;
        CHECK(held.release_due(now).empty());
        CHECK(held.press(stroke_of(U'A'), now, kRoom) == "\x1E");
    }
    CHECK(held.release_due(now + HeldKey::kHold) == "\x9E\xAA");
}

TEST_CASE("Another key lets go of the one that was held") {
    HeldKey held;
    held.press(stroke_of(Key::left), kStart, kRoom);
    CHECK(held.press(stroke_of(U' '), kStart + 1ms, kRoom) == "\xE0\xCB\x39");
    CHECK(held.release_due(kStart + 1h) == "\xB9");
}

TEST_CASE("A doubled letter of pasted text is two strokes, not one that is held") {
    HeldKey held;
    CHECK(held.press(stroke_of(U'l'), kStart, kRoom) == "\x26");
    CHECK(held.press(stroke_of(U'l'), kStart, kRoom) == "\xA6\x26");
}

TEST_CASE(
    "Whatever is typed, and however full the buffer is: nothing overflows and no key stays down for good") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    HeldKey held;
    auto now = kStart;
    std::size_t room = 40;
    int down[128] = {};
    const auto send = [&](const std::string& bytes) {
        REQUIRE(bytes.size() <= room);
        room -= bytes.size();
        for (const char byte : bytes) {
            if (byte != '\xE0') down[byte & 0x7F] = byte & 0x80 ? 0 : 1;
        }
    };
    for (int i = 0; i < 20000; ++i) {
        send(held.release_due(now));
        send(held.press(stroke_of(U'a' + random() % 3, random() % 4 == 0), now, room));
        now += std::chrono::milliseconds(random() % 150);
        if (random() % 3 == 0) room = std::min<std::size_t>(40, room + random() % 20);
    }
    send(held.release_due(now + HeldKey::kHold));
    for (const int d : down) CHECK(d == 0);
}
