// Traps as lines of text: for -d and -D, and for the last traps in a dump.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "monitor/arena.hpp"
#include "monitor/trace/trap_sink.hpp"

namespace ringpress {

/// One record in one line, without a line end.  Anything at all may be in the record.
std::string trap_line(const TrapRecord& record);

/// The newest `count` records of the arena's ring of the newest traps, oldest first, a line each.
std::string last_traps(const Arena& arena, unsigned count = 16);

class TrapLog final : public TrapSink {
  public:
    /// Writes to `file`, or to standard error if it is empty.
    /// Throws std::runtime_error with one line if the file cannot be written.
    explicit TrapLog(const std::string& file);

    void machine_starts() override {}
    void put(const TraceRecord& record) override;
    void gap(std::uint64_t lost) override;
    void flush() override;
    bool closed() const override { return false; }

  private:
    struct Close {
        void operator()(FILE* file) const {
            if (file != stderr) std::fclose(file);
        }
    };
    std::unique_ptr<FILE, Close> out_;
};

}  // namespace ringpress
