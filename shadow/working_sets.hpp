// Which user pages each address space of the guest uses, so that they can be mapped together when the guest
// switches to it.
//
// A CR3 load takes the user pages away, and each that is used again costs a hidden fault, several times what
// mapping it costs.  So the pages that were touched while an address space was current are remembered: its
// *working set* (Denning, "The Working Set Model for Program Behavior", CACM 1968).  What is mapped ahead of
// its use makes no fault, so nobody learns whether it was used; hence every few times a set is forgotten and
// learnt anew.  Everything here is a guess, and only costs time when it is wrong.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ringpress {

class WorkingSets {
  public:
    static constexpr unsigned kPages = 96, kSpaces = 256;
    static constexpr std::uint32_t kCode = 1u << 31;  ///< in Entry::page: it was executed, not accessed
    static constexpr std::uint32_t kNoFrame = ~0u;
    struct Entry {
        std::uint32_t page = 0;          ///< number of a linear page, with kCode
        std::uint32_t frame = kNoFrame;  ///< for who looks whether it stays the same
        bool operator<(const Entry& other) const { return page < other.page; }
    };

    /// The address space that this CR3 names becomes current.
    void enter(std::uint32_t cr3) {
        Set& set = set_[(cr3 >> 12 ^ cr3 >> 20) % kSpaces];
        if (set.cr3 != cr3) set = Set{cr3};
        current_ = &set;
        if (set.left) {
            --set.left;
            if (served() == 1) std::sort(begin(), end());
            return;
        }
        set.count = 0;
        // A program that has just begun soon needs other pages.
        set.period = static_cast<std::uint8_t>(std::min(set.period * 2 + 1, kLongestPeriod));
        set.left = set.period;
    }
    /// How often the set at hand has served since it was learnt, this time included; 0 for one that serves
    /// less than kLasting times: its address space is new.
    int serves() const { return current_ && current_->period >= kLasting ? served() : 0; }
    static constexpr int kLasting = 7;
    /// The page was touched in the current address space.
    void touched(std::uint32_t page) {
        if (!current_ || current_->count == kPages) return;
        if (!holds(page)) current_->entry[current_->count++] = {page, kNoFrame};
    }
    bool holds(std::uint32_t page) const {
        return std::any_of(begin(), end(), [page](const Entry& e) { return e.page == page; });
    }
    /// The working set of the current address space.  What was there when it began to serve is sorted.
    const Entry* begin() const { return current_ ? current_->entry : nullptr; }
    const Entry* end() const { return current_ ? current_->entry + current_->count : nullptr; }
    Entry* begin() { return current_ ? current_->entry : nullptr; }
    Entry* end() { return current_ ? current_->entry + current_->count : nullptr; }

  private:
    static constexpr int kLongestPeriod = 15;
    struct Set {
        std::uint32_t cr3 = 0;
        std::uint16_t count = 0;
        std::uint8_t left = 0;    ///< times that the set serves before it is learnt anew
        std::uint8_t period = 0;  ///< the times it served at first
        Entry entry[kPages] = {};
    };
    int served() const { return current_->period - current_->left; }
    Set* current_ = nullptr;
    Set set_[kSpaces] = {};
};

}  // namespace ringpress
