// What is said over a machine's control socket (docs/monitor.md has it for readers of other languages).
//
// The socket keeps packets apart (SOCK_SEQPACKET).  A request is one packet of text; its answer is any number
// of data packets and one that ends it:
//   monitor LINE   a line for the human monitor
//   status         one JSON object: name, pid, engine, kernel...
//   names ADDR...  a line for each hexadecimal address: its symbol, or nothing
//   arena          nothing, but the arena's descriptor, read-only, with the last packet (SCM_RIGHTS)
#pragma once

#include <cstddef>
#include <string_view>

namespace ringpress::control {

inline constexpr std::string_view kMonitor = "monitor ", kStatus = "status", kArena = "arena",
                                  kNames = "names ";

inline constexpr std::size_t kMaxRequest = 8192;
inline constexpr std::size_t kMaxPacket = 32768;  ///< of an answer, its first byte included

/// The first byte of each packet of an answer.
inline constexpr char kData = '+';   ///< a part of the answer follows
inline constexpr char kDone = '.';   ///< the answer is complete
inline constexpr char kError = '!';  ///< what was wrong follows: the end, too

}  // namespace ringpress::control
