// A guest that does all it can to its tables, at random, against what a processor might still hold of them.
#include <catch2/catch.hpp>
#include <random>

#include "shadow/shadow_pages.hpp"
#include "tests/shadow/shadow_world.hpp"

using namespace ringpress;
using namespace ringpress::test;

namespace {

constexpr std::uint32_t P = pte::P, RW = pte::RW, US = pte::US, A = pte::A, D = pte::D, PS = pte::PS,
                        G = pte::G;

/// One answer of the guest's tables.
struct Grant {
    std::uint32_t frame = 0;
    bool present = false, user = false, rw = false, dirty = false, accessed = false, global = false,
         large = false;
    bool operator==(const Grant&) const = default;
};

/// A guest that changes its tables, flushes as the architecture asks, and uses its pages, all at random; and
/// the translations that a processor might still hold of each page (SDM Vol. 3A, section 4.10), which bound
/// what the host may have mapped.
class RandomGuest {
  public:
    ShadowWorld w;

    RandomGuest(unsigned seed, const ShadowLimits& limits)
        : w(true, limits), scattered_(limits.gathers), random_(seed) {
        if (seed % 2) w.shadow.enable_gates(0x1234'5678'9ABCull);
        for (const std::uint32_t block : kBlocks)
            for (std::uint32_t i = 0; i < 16; ++i) addresses_.push_back(block + i * kPageSize);
        for (unsigned i = 0; i < addresses_.size(); ++i)
            w.map(addresses_[i], kFirst + place(i), RW | (i < kUserPages ? US : G));
        // The second directory has the first one's kernel and tables of its own for the rest.
        w.cpu.cr3 = ShadowWorld::kOtherDirectory;
        for (std::uint32_t r = 768; r < kRegions; ++r)
            w.word(ShadowWorld::kOtherDirectory + r * 4) = w.word(ShadowWorld::kDirectory + r * 4);
        for (unsigned i = 0; i < kUserPages; ++i) w.map(addresses_[i], kFirst + place(i) + 200, RW | US);
        w.cpu.cr3 = ShadowWorld::kDirectory;
        for (std::uint32_t r = 0; r < kRegions; ++r)
            for (const std::uint32_t cr3 : {ShadowWorld::kDirectory, ShadowWorld::kOtherDirectory})
                tables_[cr3 == ShadowWorld::kOtherDirectory].push_back(w.word(cr3 + r * 4));
        held_.resize(addresses_.size());
        observe();
    }

    void step() {
        // One that mostly goes from one address space to the other has something to be gathered.
        const unsigned kind = scattered_ && below(8) ? (below(4) ? 12 : 4) : below(14);
        switch (kind) {
            case 0: edit_page(); break;
            case 1: edit_page(); break;
            case 2: edit_directory(); break;
            case 3: invalidate(); break;
            case 4: load_cr3(); break;
            case 5:
                if (below(8) == 0) toggle_wp();
                break;
            case 6: w.cpu.cpl = below(2) ? 3 : 0; break;
            case 7: w.shadow.ram_written(gpa((kFirst + below(2 * addresses_.size())) << kPageShift)); break;
            case 8: make_site(); break;
            case 9:
            case 10: use(true, false); break;
            case 11: use(false, true); break;
            default: use(false, false);
        }
        if (w.cpu.cpl == 3) w.shadow.enter_user();
        observe();
    }

    /// What is mapped that should not be; empty if nothing is.
    std::string excess() const {
        std::uint32_t data = 0, code = 0;
        const bool wp = w.cpu.cr0 & cr0::WP, user = w.cpu.cpl == 3;
        for (unsigned i = 0; i < addresses_.size(); ++i) {
            const gva at(addresses_[i]);
            const std::string where = " at " + std::to_string(at.page());
            const bool reachable = user && at.value < w.shadow.user_boundary();
            if (const MappedPage& m = w.shadow.data_page(at); m.present()) {
                ++data;
                const bool unchecked = at.value < w.shadow.kernel_floor();  // no segment reaches it
                if (unchecked && user) return "an unchecked page at CPL 3" + where;
                if (reachable && (m.bits & MappedPage::kSupervisor))
                    return "a supervisor page at CPL 3" + where;
                if (!unchecked && !granted(i, m.target(), m, wp)) return "data" + where;
            }
            if (const MappedPage& m = w.shadow.code_page(at); m.present() && !(m.bits & MappedPage::kPad)) {
                ++code;
                if (reachable && (m.bits & MappedPage::kSupervisor))
                    return "supervisor code at CPL 3" + where;
                if (!granted(i, w.state->slot[m.target()].frame - 1, m, wp)) return "code" + where;
            }
        }
        for (const std::uint16_t pads : w.state->code.pads) code += pads;
        if (data != w.state->data.total || code != w.state->code.total)
            return "pages that the guest never used";
        return {};
    }
    bool stuck() const { return stuck_; }

  private:
    static constexpr std::uint32_t kBlocks[] = {0x00000000, 0x08040000, 0xBFFF0000, 0xC0000000,
                                                0xC03F0000, 0xC0400000, 0xFFFF0000};
    static constexpr unsigned kUserPages = 48;
    static constexpr std::uint32_t kFirst = 256;  ///< at 1 MiB: those may be gathered

    std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
    std::uint32_t any_address() { return addresses_[below(addresses_.size())]; }

    Grant now(unsigned i) const {
        const auto t = ringpress::walk(w.cpu, w.ram.get(), w.host.ram_bytes, gva(addresses_[i]),
                                       Access::read(false), false);
        if (!t) return {};
        const Translation& v = t.value();
        return {v.physical.page(), true, v.user, v.rw, v.dirty, (v.leaf & A) != 0, v.global, v.large};
    }
    void observe() {
        for (unsigned i = 0; i < addresses_.size(); ++i) {
            const Grant g = now(i);
            if (held_[i].empty() || !(held_[i].back() == g)) held_[i].push_back(g);
        }
    }
    template <class Keep>
    void forget(unsigned i, Keep keep) {
        std::vector<Grant> kept;
        for (const Grant& g : held_[i])
            if (keep(g)) kept.push_back(g);
        held_[i] = kept;
    }
    bool granted(unsigned i, std::uint32_t frame, const MappedPage& m, bool wp) const {
        for (const Grant& g : held_[i]) {
            if (!g.present || !g.accessed || g.frame != frame) continue;
            if (m.writable() && (!g.dirty || (!g.rw && wp))) continue;
            const bool supervisor = !g.user || (m.writable() && !g.rw);
            if (supervisor && !(m.bits & MappedPage::kSupervisor)) continue;
            if ((m.bits & MappedPage::kGlobal) && !g.global) continue;
            return true;
        }
        return false;
    }

    void edit_page() {
        const unsigned i = below(addresses_.size());
        const std::uint32_t entry = w.pde(addresses_[i]);
        if (!(entry & P) || (entry & PS)) return;
        std::uint32_t& e = w.pte_of(addresses_[i]);
        switch (below(6)) {
            case 0: e ^= P; break;
            case 1: e ^= RW; break;
            case 2: e ^= US; break;
            case 3: e &= ~(A | D); break;
            case 4: e ^= G; break;
            default: e = (kFirst + below(2 * addresses_.size())) << kPageShift | (e & kPageMask);
        }
        if (below(2)) invalidate(i);
    }
    void edit_directory() {
        const unsigned i = below(addresses_.size());
        std::uint32_t& e = w.pde(addresses_[i]);
        switch (below(5)) {
            case 0: e ^= P; break;
            case 1: e ^= US; break;
            case 2: e = P | RW | PS | A | (below(2) ? US : 0) | (below(2) ? G : 0); break;
            default: e = tables_[w.cpu.cr3 == ShadowWorld::kOtherDirectory][addresses_[i] >> kRegionShift];
        }
        if (below(2)) invalidate(i);
    }
    void invalidate() { invalidate(below(addresses_.size())); }
    void invalidate(unsigned i) {
        w.shadow.invalidate(gva(addresses_[i]));
        held_[i].clear();
        // All of a 4 MiB page goes at once, whichever of its addresses is named.
        for (unsigned j = 0; j < addresses_.size(); ++j)
            if (addresses_[j] >> kRegionShift == addresses_[i] >> kRegionShift)
                forget(j, [](const Grant& g) { return !g.large; });
    }
    void load_cr3() {
        if (below(2)) w.cpu.cr3 ^= ShadowWorld::kDirectory ^ ShadowWorld::kOtherDirectory;
        w.shadow.flush_changed();
        for (unsigned i = 0; i < addresses_.size(); ++i) forget(i, [](const Grant& g) { return g.global; });
    }
    void toggle_wp() {
        w.cpu.cr0 ^= cr0::WP;
        w.shadow.flush_all();
        for (auto& h : held_) h.clear();
    }
    void make_site() {
        const MappedPage& m = w.shadow.code_page(gva(any_address()));
        if (!m.present() || (m.bits & MappedPage::kPad)) return;
        const unsigned offset = below(kPageSize), slot = m.target();
        if (w.views.covered(slot, offset)) return;
        w.views.set_proven(slot, offset);
        w.shadow.make_site(slot, offset, w.cpu.cpl == 3);
        if (below(10) == 0 && w.state->slot[slot].pad_slot) w.shadow.strip_sites(slot);
    }
    /// An access that the tables allow must succeed after few faults, whatever they made the shadows move.
    void use(bool write, bool execute) {
        const std::uint32_t at = any_address() + below(kPageSize);
        for (unsigned tries = 0; tries < 4; ++tries) {
            if (execute) {
                if (!w.execute(at)) return;
            } else {
                if (!w.touch(at, write) || w.last == ShadowPages::DataFault::unmappable) return;
            }
            if (w.cpu.cpl == 3) w.shadow.enter_user();
            observe();
            const auto t = w.walk(at, {write, w.cpu.cpl == 3, execute});
            const std::uint32_t frame = t.value().physical.page();
            const bool fenced = w.cpu.cpl == 3 && at >= w.shadow.user_boundary();
            const HostPage& h = execute ? w.code_at(at) : w.data_at(at);
            if (!fenced && execute && h.kind == HostPage::view && w.state->slot[h.index].frame == frame + 1)
                return;
            if (!fenced && !execute && h.kind == HostPage::ram && h.index == frame && (h.writable || !write))
                return;
        }
        stuck_ = true;
    }

    /// Of page i, among the frames: neighbours, or far from each other.
    std::uint32_t place(std::uint32_t i) const { return scattered_ ? i * 29 % 112 : i; }

    bool scattered_;
    std::mt19937 random_;
    std::vector<std::uint32_t> addresses_;
    std::vector<std::uint32_t> tables_[2];  ///< the directories as they were
    std::vector<std::vector<Grant>> held_;
    bool stuck_ = false;
};

}  // namespace

TEST_CASE("whatever a guest does to its tables, the host maps no more than a processor might still hold") {
    std::uint64_t gathered = 0;
    for (unsigned seed = 1; seed <= 24; ++seed) {
        ShadowLimits limits;
        if (seed % 3 == 0) limits.low_floor = 65536;
        if (seed % 4 == 0) limits.mapping_limit = 130;
        limits.gathers = seed % 2;
        RandomGuest guest(seed, limits);
        for (unsigned step = 0; step < 1200; ++step) {
            guest.step();
            const std::string wrong = step % 10 ? std::string() : guest.w.inconsistency();
            const std::string excess = guest.excess();
            INFO("seed " << seed << ", step " << step);
            REQUIRE(excess == "");
            REQUIRE(wrong == "");
            REQUIRE_FALSE(guest.stuck());
        }
        for (std::uint32_t page = 0; page < kLinearPages; ++page)
            if (!guest.w.state->data.page[page].present() && guest.w.state->data.page[page].bits)
                FAIL("seed " << seed << ": an absent page that is not empty");
        gathered += guest.w.state->counters.frames_gathered;
    }
    CHECK(gathered > 0);
}
