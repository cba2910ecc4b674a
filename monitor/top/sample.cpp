#include "monitor/top/sample.hpp"

#include <algorithm>
#include <cstring>

#include "monitor/guest_access.hpp"

namespace ringpress {

TopSample take_sample(const Arena& arena, std::uint32_t before) {
    TopSample s;
    s.when = std::chrono::steady_clock::now();
    std::memcpy(&s.statistics, &arena.statistics, sizeof s.statistics);
    std::memcpy(&s.shadow, &arena.shadow.counters, sizeof s.shadow);
    s.data_pages = arena.shadow.data.total;
    s.code_pages = arena.shadow.code.total;
    s.cpu = bounded_copy(arena.cpu);
    s.stopped = arena.run.stopped.load() != 0;
    s.bytes_out = arena.serial_out.written.load();
    s.debug_bytes = arena.debugcon_out.written.load();
    s.bytes_in = arena.serial_in.taken.load();
    s.keys = arena.keyboard_in.taken.load();
    s.irq_levels = arena.devices.irq_levels;
    s.traps_recorded = arena.trap_count.load(std::memory_order_acquire);
    const std::uint32_t count = std::min(s.traps_recorded - before, kTrapRingSize);
    for (std::uint32_t n = s.traps_recorded - count; n != s.traps_recorded; ++n) {
        const TrapRecord record = arena.traps[n % kTrapRingSize];
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (record.cause < kTrapCauses && record.insn < static_cast<std::uint8_t>(InsnId::count_))
            s.newest.push_back(record);
    }
    return s;
}

void HotSites::add(const std::vector<TrapRecord>& newest) {
    if (newest.empty()) return;
    for (auto& [site, weight] : weight_) weight *= kFade;
    const double each = (1 - kFade) / static_cast<double>(newest.size());
    for (const TrapRecord& r : newest)
        weight_[{r.eip, r.insn, r.cause, static_cast<std::uint8_t>(r.cpl & 3)}] += each;
    std::erase_if(weight_, [](const auto& entry) { return entry.second < 1e-6; });
    if (weight_.size() > kMost) std::erase_if(weight_, [](const auto& entry) { return entry.second < 1e-3; });
}

std::vector<HotSites::Entry> HotSites::hottest(std::size_t count) const {
    std::vector<Entry> all;
    double sum = 0;
    for (const auto& [site, weight] : weight_) {
        all.push_back({site, weight});
        sum += weight;
    }
    std::sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.share > b.share; });
    all.resize(std::min(count, all.size()));
    for (Entry& entry : all) entry.share /= sum;
    return all;
}

}  // namespace ringpress
