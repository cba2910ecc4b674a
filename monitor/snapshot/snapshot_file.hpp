// The container of a snapshot: a header, sections packed by zstd, a checksum over all of it.
//
//   offset  bytes
//        0     16  "ringpress snap\n\0"
//       16      4  version
//       20      4  zero
//       24      8  length of the packed part
//       32         one zstd frame: sections of tag (4 bytes), zero (4), length (8), contents; the last is
//       "END "
//      end      4  CRC-32 of everything before
//
// Numbers are little-endian.  The whole file is checked before anything of it is used.
#pragma once

#include <boost/crc.hpp>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace ringpress {

/// Four letters.
using SectionTag = std::uint32_t;
constexpr SectionTag section_tag(const char (&letters)[5]) {
    return static_cast<std::uint32_t>(letters[0]) | static_cast<std::uint32_t>(letters[1]) << 8 |
           static_cast<std::uint32_t>(letters[2]) << 16 | static_cast<std::uint32_t>(letters[3]) << 24;
}

class SnapshotWriter {
  public:
    /// Begins a file beside `path`.  Throws std::runtime_error with one line, as the others do.
    SnapshotWriter(const std::string& path, std::uint32_t version);
    /// Removes what was written unless finish() was reached.
    ~SnapshotWriter();
    SnapshotWriter(const SnapshotWriter&) = delete;
    SnapshotWriter& operator=(const SnapshotWriter&) = delete;

    void begin_section(SectionTag tag, std::uint64_t bytes);
    void put(const void* bytes, std::size_t size);
    void section(SectionTag tag, const void* bytes, std::size_t size) {
        begin_section(tag, size);
        put(bytes, size);
    }
    /// Writes the end, and gives the file its name.
    void finish();

  private:
    void pack(const void* bytes, std::size_t size, int directive);
    void write(const void* bytes, std::size_t size);
    [[noreturn]] void fail() const;

    std::string path_, temporary_;
    std::unique_ptr<FILE, int (*)(FILE*)> file_;
    std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> packer_;
    std::vector<std::uint8_t> buffer_;
    std::uint64_t packed_ = 0, unpacked_ = 0;
    std::uint32_t version_;
};

class SnapshotReader {
  public:
    /// Reads the file and checks its header, length and checksum.  Throws std::runtime_error with one line.
    SnapshotReader(const std::string& path, std::uint32_t version);

    /// The next section; it must have that tag.  Its length, of `max` at most.
    std::uint64_t begin_section(SectionTag tag, std::uint64_t max);
    void get(void* into, std::size_t size);
    /// A section of exactly that size.
    void section(SectionTag tag, void* into, std::size_t size);
    void end();

    [[noreturn]] void damaged(const char* how) const;

  private:
    std::string path_;
    std::vector<std::uint8_t> file_;
    std::unique_ptr<ZSTD_DCtx_s, std::size_t (*)(ZSTD_DCtx_s*)> unpacker_;
    std::size_t at_ = 0, packed_end_ = 0;
};

}  // namespace ringpress
