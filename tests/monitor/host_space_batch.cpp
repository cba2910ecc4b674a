#include "monitor/host_space_batch.hpp"

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "monitor/core_syscalls.hpp"

using namespace ringpress;

namespace {

constexpr int kRam = 40, kViews = 41;

template <class F>
std::uint64_t address_of(F* function) {
    return reinterpret_cast<std::uint64_t>(function);
}

struct CountingRunner : HostSpaceBatch::Runner {
    explicit CountingRunner(HostSpaceBatch& b) : batch(b) {}
    void run_batch() override {
        made += batch.calls().size();
        batch.clear();
    }
    HostSpaceBatch& batch;
    std::size_t made = 0;
};

}  // namespace

TEST_CASE("Host mappings become calls in the order in which they were asked for") {
    HostSpaceBatch batch(nullptr, kRam, kViews);
    CHECK(batch.calls().empty());
    batch.map_ram(gva(0x400000), 0x3000, 0x2000, true, false, true);
    batch.map_view(gva(0xE0000000), 7, 2);
    batch.protect_ram(gva(0x400000), 0x1000, false);
    batch.unmap(gva(0), 1ull << 32);

    const auto calls = batch.calls();
    REQUIRE(calls.size() == 4);
    CHECK(calls[0].function == address_of(core_mmap));
    CHECK(calls[0].argument[0] == 0x400000);
    CHECK(calls[0].argument[1] == 0x2000);
    CHECK(calls[0].argument[2] == (PROT_READ | PROT_WRITE));
    CHECK(calls[0].argument[3] == (MAP_SHARED | MAP_FIXED | MAP_POPULATE));
    CHECK(calls[0].argument[4] == kRam);
    CHECK(calls[0].argument[5] == 0x3000);
    CHECK(calls[0].result == 0x400000);

    CHECK(calls[1].function == address_of(core_mmap));
    CHECK(calls[1].argument[2] == (PROT_READ | PROT_EXEC));
    CHECK(calls[1].argument[4] == kViews);
    CHECK(calls[1].argument[5] == 7 * 4096);

    CHECK(calls[2].function == address_of(core_mprotect));
    CHECK(calls[2].argument[2] == PROT_READ);
    CHECK(calls[2].result == 0);

    CHECK(calls[3].function == address_of(core_munmap));
    CHECK(calls[3].argument[1] == 1ull << 32);
    CHECK_FALSE(batch.loads_descriptors());

    batch.clear();
    CHECK(batch.calls().empty());
}

TEST_CASE("A descriptor travels in shared memory, beside the call that loads it") {
    HostSpaceBatch batch(nullptr, kRam, kViews);
    batch.unmap(gva(0x1000), 0x1000);
    HostDescriptor code;
    code.base = 0x10000000;
    code.limit = 0xBFFFF;
    code.in_pages = true;
    code.code = true;
    batch.load_descriptor(12, code);
    CHECK(batch.loads_descriptors());

    const BatchCall& call = batch.calls()[1];
    CHECK(call.function == address_of(core_modify_ldt));
    CHECK(call.argument[2] == sizeof(user_desc));
    const auto* entry = reinterpret_cast<const user_desc*>(call.argument[1]);
    REQUIRE(entry == &batch.memory().descriptor[1]);
    CHECK(entry->entry_number == 12);
    CHECK(entry->base_addr == 0x10000000);
    CHECK(entry->limit == 0xBFFFF);
    CHECK(entry->contents == MODIFY_LDT_CONTENTS_CODE);
    CHECK(entry->limit_in_pages == 1);

    batch.clear();
    CHECK_FALSE(batch.loads_descriptors());
}

TEST_CASE("A full list is made before another call is added") {
    HostSpaceBatch batch(nullptr, kRam, kViews);
    CountingRunner runner(batch);
    batch.set_runner(&runner);
    for (std::uint32_t i = 0; i < kBatchCalls; ++i) batch.unmap(gva(i << 12), 0x1000);
    CHECK(runner.made == 0);
    batch.unmap(gva(0xFFFFF000), 0x1000);
    CHECK(runner.made == kBatchCalls);
    REQUIRE(batch.calls().size() == 1);
    CHECK(batch.calls()[0].argument[0] == 0xFFFFF000);
}
