#include "monitor/snapshot/snapshot_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "monitor/host_file.hpp"

namespace ringpress {

namespace {

constexpr char kMagic[16] = "ringpress snap\n";
struct Header {
    char magic[16];
    std::uint32_t version, zero;
    std::uint64_t packed;
};
static_assert(sizeof(Header) == 32);
struct SectionHeader {
    SectionTag tag;
    std::uint32_t zero;
    std::uint64_t bytes;
};
static_assert(sizeof(SectionHeader) == 16);

constexpr SectionTag kEnd = section_tag("END ");
constexpr int kLevel = 1;  ///< fast; guest RAM shrinks to a third, and little more at higher levels
constexpr std::uint64_t kMaxFile = std::uint64_t{8} << 30;

std::uint32_t checksum(std::span<const std::uint8_t> bytes) {
    boost::crc_32_type crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

}  // namespace

SnapshotWriter::SnapshotWriter(const std::string& path, std::uint32_t version)
    : path_(path),
      temporary_(fmt::format("{}.part-{}", path, getpid())),
      file_(nullptr, std::fclose),
      packer_(ZSTD_createCCtx(), ZSTD_freeCCtx),
      buffer_(ZSTD_CStreamOutSize()),
      version_(version) {
    // Guest memory may hold secrets: it is for this user only.
    const int fd = open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd >= 0) file_.reset(fdopen(fd, "w+b"));
    if (!file_) fail();
    if (!packer_ || ZSTD_isError(ZSTD_CCtx_setParameter(packer_.get(), ZSTD_c_compressionLevel, kLevel)))
        throw std::runtime_error("the compression library zstd cannot be used");
    const Header header{};  // written in earnest at the end
    write(&header, sizeof header);
}

SnapshotWriter::~SnapshotWriter() {
    if (!file_) return;
    file_.reset();
    unlink(temporary_.c_str());
}

void SnapshotWriter::fail() const {
    throw std::runtime_error(fmt::format("cannot write the snapshot '{}': {}", path_, std::strerror(errno)));
}

void SnapshotWriter::write(const void* bytes, std::size_t size) {
    if (std::fwrite(bytes, 1, size, file_.get()) != size) fail();
}

void SnapshotWriter::pack(const void* bytes, std::size_t size, int directive) {
    ZSTD_inBuffer in{bytes, size, 0};
    for (;;) {
        ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
        const std::size_t left =
            ZSTD_compressStream2(packer_.get(), &out, &in, static_cast<ZSTD_EndDirective>(directive));
        if (ZSTD_isError(left))
            throw std::runtime_error(fmt::format("cannot pack the snapshot: {}", ZSTD_getErrorName(left)));
        write(out.dst, out.pos);
        packed_ += out.pos;
        if (directive == ZSTD_e_continue ? in.pos == in.size : left == 0) return;
    }
}

void SnapshotWriter::put(const void* bytes, std::size_t size) {
    pack(bytes, size, ZSTD_e_continue);
}

void SnapshotWriter::begin_section(SectionTag tag, std::uint64_t bytes) {
    const SectionHeader header{tag, 0, bytes};
    put(&header, sizeof header);
}

void SnapshotWriter::finish() {
    begin_section(kEnd, 0);
    pack(nullptr, 0, ZSTD_e_end);
    Header header{{}, version_, 0, packed_};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    if (std::fseek(file_.get(), 0, SEEK_SET) != 0) fail();
    write(&header, sizeof header);

    // The checksum covers the header, which was known last: all of it is read once more.
    if (std::fseek(file_.get(), 0, SEEK_SET) != 0) fail();
    boost::crc_32_type crc;
    for (std::size_t n; (n = std::fread(buffer_.data(), 1, buffer_.size(), file_.get())) > 0;)
        crc.process_bytes(buffer_.data(), n);
    const std::uint32_t sum = crc.checksum();
    if (std::ferror(file_.get()) || std::fseek(file_.get(), 0, SEEK_END) != 0) fail();
    write(&sum, sizeof sum);
    if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0) fail();
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
    file_.reset();
}

SnapshotReader::SnapshotReader(const std::string& path, std::uint32_t version)
    : path_(path),
      file_(read_host_file(path, "snapshot", kMaxFile)),
      unpacker_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
    Header header{};
    if (file_.size() < sizeof header || std::memcmp(file_.data(), kMagic, sizeof kMagic) != 0)
        throw std::runtime_error(fmt::format("'{}' is no snapshot of ringpress", path_));
    std::memcpy(&header, file_.data(), sizeof header);
    if (header.version != version)
        throw std::runtime_error(fmt::format(
            "the snapshot '{}' has format {}, and this ringpress reads format {}: use the one that "
            "made it",
            path_, header.version, version));
    constexpr std::size_t kAround = sizeof header + sizeof(std::uint32_t);
    if (file_.size() < kAround || header.packed != file_.size() - kAround)
        damaged("it was cut off, or something was appended");
    packed_end_ = file_.size() - sizeof(std::uint32_t);
    std::uint32_t sum;
    std::memcpy(&sum, &file_[packed_end_], sizeof sum);
    if (sum != checksum(std::span(file_).first(packed_end_))) damaged("its checksum is wrong");
    at_ = sizeof header;
}

void SnapshotReader::damaged(const char* how) const {
    throw std::runtime_error(fmt::format("the snapshot '{}' is damaged: {}", path_, how));
}

void SnapshotReader::get(void* into, std::size_t size) {
    ZSTD_outBuffer out{into, size, 0};
    ZSTD_inBuffer in{file_.data(), packed_end_, at_};
    while (out.pos < out.size) {
        const std::size_t before_in = in.pos, before_out = out.pos;
        const std::size_t result = ZSTD_decompressStream(unpacker_.get(), &out, &in);
        if (ZSTD_isError(result)) damaged(ZSTD_getErrorName(result));
        if (in.pos == before_in && out.pos == before_out) damaged("it ends too early");
    }
    at_ = in.pos;
}

std::uint64_t SnapshotReader::begin_section(SectionTag tag, std::uint64_t max) {
    SectionHeader header{};
    get(&header, sizeof header);
    if (header.tag != tag || header.zero != 0 || header.bytes > max)
        damaged("its parts are not as they should be");
    return header.bytes;
}

void SnapshotReader::section(SectionTag tag, void* into, std::size_t size) {
    if (begin_section(tag, kMaxFile) != size)
        throw std::runtime_error(
            fmt::format("the snapshot '{}' was made by another version of ringpress: use that one", path_));
    get(into, size);
}

void SnapshotReader::end() {
    begin_section(kEnd, 0);
}

}  // namespace ringpress
