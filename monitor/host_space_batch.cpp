#include "monitor/host_space_batch.hpp"

#include "monitor/core_syscalls.hpp"
#include "monitor/host_call.hpp"
#include "shadow/check.hpp"

namespace ringpress {

namespace {

template <class F>
std::uint64_t address_of(F* function) {
    return reinterpret_cast<std::uint64_t>(function);
}

BatchCall map(const MapCall& c) {
    return {address_of(core_mmap),
            {c.address, c.length, static_cast<std::uint64_t>(c.protection),
             static_cast<std::uint64_t>(c.flags), static_cast<std::uint64_t>(c.fd), c.offset},
            c.address};
}

}  // namespace

HostSpaceBatch::HostSpaceBatch(std::uint8_t* ram, int ram_fd, int view_fd)
    : ram_(ram),
      ram_fd_(ram_fd),
      view_fd_(view_fd),
      file_("ringpress-batch", sizeof(BatchMemory)),
      region_(file_.map()),
      memory_(static_cast<BatchMemory*>(region_.get_address())) {}

BatchCall& HostSpaceBatch::add() {
    if (count_ == kBatchCalls) {
        CHECK(runner_ != nullptr);
        runner_->run_batch();
        CHECK(count_ == 0);
    }
    return memory_->call[count_++];
}

void HostSpaceBatch::map_ram(gva at, std::uint32_t from, std::uint32_t bytes, bool writable, bool executable,
                             bool populate) {
    add() = map(ram_call(at, from, bytes, writable, executable, populate, ram_fd_));
}
/// At once: the guest process has no part in it, and rests meanwhile.
void HostSpaceBatch::show_ram(gpa page, std::uint32_t from) {
    const MapCall c = show_call(ram_, page, from, ram_fd_);
    void* const at = reinterpret_cast<void*>(c.address);
    CHECK(mmap(at, c.length, c.protection, c.flags, c.fd, static_cast<off_t>(c.offset)) == at);
}
void HostSpaceBatch::map_view(gva at, std::uint32_t first_slot, std::uint32_t pages) {
    add() = map(view_call(at, first_slot, pages, view_fd_));
}
void HostSpaceBatch::map_bounce(gva at) {
    add() = map(bounce_call(at, view_fd_));
}
void HostSpaceBatch::map_anchor(gva at) {
    add() = map(anchor_call(at, ram_fd_));
}
void HostSpaceBatch::protect_ram(gva at, std::uint32_t bytes, bool writable) {
    const std::uint64_t protection = PROT_READ | (writable ? PROT_WRITE : 0);
    add() = {address_of(core_mprotect), {at.value, bytes, protection}, 0};
}
void HostSpaceBatch::unmap(gva at, std::uint64_t bytes) {
    add() = {address_of(core_munmap), {at.value, bytes}, 0};
}

void HostSpaceBatch::load_descriptor(unsigned slot, const HostDescriptor& descriptor) {
    BatchCall& call = add();
    user_desc& entry = memory_->descriptor[count_ - 1];
    entry = ldt_call(slot, descriptor);
    call = {address_of(core_modify_ldt), {kWriteLdt, address_of(&entry), sizeof entry}, 0};
    loads_descriptors_ = true;
}

}  // namespace ringpress
