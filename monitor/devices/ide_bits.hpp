// Register offsets and bits of the ATA command and control blocks, ATA/ATAPI-6 clause 7.
#pragma once

#include <cstdint>

namespace ringpress::ide {

enum Offset : unsigned {
    kData,
    kErrorFeatures,
    kCount,
    kLbaLow,
    kLbaMid,
    kLbaHigh,
    kSelect,
    kStatusCommand,
    kControl,
};

inline constexpr std::uint8_t kError = 0x01, kDataRequest = 0x08, kSeekComplete = 0x10, kWriteFault = 0x20,
                              kReady = 0x40, kBusy = 0x80;                                    // status
inline constexpr std::uint8_t kAborted = 0x04, kIdNotFound = 0x10;                            // error
inline constexpr std::uint8_t kNoInterrupt = 0x02, kSoftReset = 0x04, kHighOrderByte = 0x80;  // control
inline constexpr std::uint8_t kLba = 0x40;                                                    // device

}  // namespace ringpress::ide
