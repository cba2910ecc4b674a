#include "monitor/top/report.hpp"

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <random>

using namespace ringpress;
using Catch::Matchers::Contains;

namespace {

struct MappedArena {
    MappedArena()
        : memory(mmap(nullptr, sizeof(Arena), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
          arena(*static_cast<Arena*>(memory)) {}
    ~MappedArena() { munmap(memory, sizeof(Arena)); }
    void trap(std::uint32_t eip, TrapCause cause, InsnId insn) {
        const std::uint32_t n = arena.trap_count.load();
        arena.traps[n % kTrapRingSize] = {
            .eip = eip, .cause = static_cast<std::uint8_t>(cause), .insn = static_cast<std::uint8_t>(insn)};
        ++arena.statistics.traps[static_cast<unsigned>(cause)];
        arena.trap_count.store(n + 1);
    }
    void* memory;
    Arena& arena;
};

std::string text_of(const TopReport& report, unsigned columns = 200) {
    std::string text;
    for (const TopLine& line : top_lines(report, columns)) text += line.text + "\n";
    return text;
}

}  // namespace

TEST_CASE("A report shows rates by cause and the hottest sites") {
    MappedArena a;
    TopReport report;
    report.title = "machine";
    report.before = take_sample(a.arena, 0);
    for (unsigned i = 0; i < 30; ++i) a.trap(0x1000, TrapCause::patched, InsnId::popf);
    for (unsigned i = 0; i < 10; ++i) a.trap(0x2000, TrapCause::privileged, InsnId::out);
    report.now = take_sample(a.arena, report.before.traps_recorded);
    report.now.when = report.before.when + std::chrono::seconds(2);
    HotSites sites;
    sites.add(report.now.newest);
    for (const auto& entry : sites.hottest(5)) report.sites.push_back({entry, "here"});
    const std::string text = text_of(report);
    CHECK_THAT(text, Contains("TRAPS PER SECOND   20\n"));
    CHECK_THAT(text, Contains("patched              15  ####################\n"));
    CHECK_THAT(text, Contains(" 75.0%  00001000  cpl 0  patched        popf"));
    CHECK_THAT(text, Contains(" 25.0%  00002000  cpl 0  privileged     out              here\n"));
    for (const TopLine& line : top_lines(report, 30)) CHECK(line.text.size() <= 30);
}

TEST_CASE("What an arena says that a hostile guest process has written is only shown") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    MappedArena a;
    for (int round = 0; round < 50; ++round) {
        TopReport report;
        report.before = take_sample(a.arena, static_cast<std::uint32_t>(random()));
        auto* bytes = static_cast<std::uint8_t*>(a.memory);
        for (int i = 0; i < 20000; ++i)
            bytes[random() % offsetof(Arena, shadow)] = static_cast<std::uint8_t>(random());
        report.now = take_sample(a.arena, report.before.traps_recorded);
        CHECK(report.now.newest.size() <= kTrapRingSize);
        HotSites sites;
        sites.add(report.now.newest);
        for (const auto& entry : sites.hottest(20)) report.sites.push_back({entry, ""});
        CHECK(!text_of(report).empty());
    }
}
