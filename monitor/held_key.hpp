// When a key comes up again: a guess, since a terminal sends characters only.
//
// While a key is held, the user's keyboard repeats it, and the same character comes again and again.  So a
// key counts as held until no repetition has come for a while, or another key is struck.  Programs that poll
// which keys are down need that; those that take a character for every make code see what was typed.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "monitor/key_strokes.hpp"

namespace ringpress {

class HeldKey {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// How long a key stays down after the last character that it made.
    static constexpr std::chrono::milliseconds kHold{120};
    /// Characters that come closer together were pasted, or typed by a program: no keyboard repeats so fast.
    static constexpr std::chrono::milliseconds kFastestRepeat{5};

    /// The bytes to send for a stroke that was typed at `now`.  room: how many bytes the keyboard's buffer
    /// takes; what does not fit together with the release that it will need is lost as a whole, and the
    /// answer is empty.
    std::string press(const Stroke& stroke, Time now, std::size_t room);
    /// The bytes to send because the key has come up by now; mostly none.
    std::string release_due(Time now);
    /// When release_due() will have something to send; Time::max() if no key is down.
    Time due() const { return held_.empty() ? Time::max() : last_ + kHold; }

  private:
    Stroke held_;  ///< empty: no key is down
    Time last_{};  ///< when it was struck or repeated last
};

}  // namespace ringpress
