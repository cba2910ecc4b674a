#include "monitor/held_key.hpp"

#include <utility>

namespace ringpress {

std::string HeldKey::press(const Stroke& stroke, Time now, std::size_t room) {
    const bool repeated = stroke == held_ && now - last_ >= kFastestRepeat;
    std::string bytes = repeated ? stroke.repeat : held_.release + stroke.press;
    if (bytes.size() + stroke.release.size() > room) return {};
    held_ = stroke;
    last_ = now;
    return bytes;
}

std::string HeldKey::release_due(Time now) {
    if (now < due()) return {};
    return std::exchange(held_, {}).release;
}

}  // namespace ringpress
