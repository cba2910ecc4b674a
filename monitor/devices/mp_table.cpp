#include "monitor/devices/mp_table.hpp"

#include <cstring>

#include "monitor/devices/io_apic.hpp"
#include "monitor/devices/local_apic.hpp"
#include "shadow/check.hpp"

namespace ringpress {
namespace {

struct [[gnu::packed]] FloatingPointer {
    char signature[4] = {'_', 'M', 'P', '_'};
    std::uint32_t table = 0;
    std::uint8_t length = 1;  // of this structure, in 16 bytes
    std::uint8_t revision = 4;
    std::uint8_t checksum = 0;
    std::uint8_t feature1 = 0;  // a configuration table is present
    std::uint8_t feature2 = 0;  // virtual wire mode, no IMCR
    std::uint8_t reserved[3] = {};
};
static_assert(sizeof(FloatingPointer) == 16);

struct [[gnu::packed]] Header {
    char signature[4] = {'P', 'C', 'M', 'P'};
    std::uint16_t length = 0;
    std::uint8_t revision = 4;
    std::uint8_t checksum = 0;
    char oem[8] = {'R', 'N', 'G', 'P', 'R', 'E', 'S', 'S'};
    char product[12] = {'P', 'C', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    std::uint32_t oem_table = 0;
    std::uint16_t oem_table_size = 0;
    std::uint16_t entries = 0;
    std::uint32_t local_apic = LocalApic::kBase;
    std::uint16_t extended_length = 0;
    std::uint8_t extended_checksum = 0;
    std::uint8_t reserved = 0;
};
static_assert(sizeof(Header) == 44);

struct [[gnu::packed]] Processor {
    std::uint8_t type = 0;
    std::uint8_t apic_id = 0;
    std::uint8_t apic_version = 0x14;
    std::uint8_t flags = 3;  // usable, bootstrap processor
    std::uint32_t signature = 0;
    std::uint32_t features = 0;
    std::uint32_t reserved[2] = {};
};
static_assert(sizeof(Processor) == 20);

struct [[gnu::packed]] Bus {
    std::uint8_t type = 1;
    std::uint8_t id = 0;
    char name[6] = {'I', 'S', 'A', ' ', ' ', ' '};
};
static_assert(sizeof(Bus) == 8);

struct [[gnu::packed]] IoApicEntry {
    std::uint8_t type = 2;
    std::uint8_t id = 0;
    std::uint8_t version = 0x11;
    std::uint8_t flags = 1;  // usable
    std::uint32_t address = IoApic::kBase;
};
static_assert(sizeof(IoApicEntry) == 8);

struct [[gnu::packed]] Interrupt {
    std::uint8_t type;
    std::uint8_t kind;        // 0: vectored, 1: NMI, 3: ExtINT
    std::uint16_t flags = 0;  // polarity and trigger as is usual on the bus
    std::uint8_t bus = 0;
    std::uint8_t irq;
    std::uint8_t apic;
    std::uint8_t input;
};
static_assert(sizeof(Interrupt) == 8);

std::uint8_t checksum(const std::uint8_t* bytes, std::size_t length) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += bytes[i];
    return static_cast<std::uint8_t>(0u - sum);
}

}  // namespace

void write_mp_table(std::span<std::uint8_t> ram, const CpuModel& model) {
    CHECK(ram.size() >= 0x100000);
    std::uint8_t* const table = ram.data() + kMpFloatingPointer + sizeof(FloatingPointer);
    std::uint8_t* at = table + sizeof(Header);
    Header header;
    const auto add = [&at, &header](const auto& entry) {
        std::memcpy(at, &entry, sizeof entry);
        at += sizeof entry;
        ++header.entries;
    };

    Processor processor;
    processor.signature = model.signature;
    processor.features = model.features_edx;
    add(processor);
    add(Bus{});
    add(IoApicEntry{});
    constexpr std::uint8_t kIoInterrupt = 3, kLocalInterrupt = 4, kVectored = 0, kNmi = 1, kExtInt = 3;
    for (std::uint8_t irq = 0; irq < 16; ++irq) {
        if (irq == 2) continue;  // the cascade is no interrupt of its own
        const std::uint8_t input = irq == 0 ? std::uint8_t{IoApic::kTimerPin} : irq;
        add(Interrupt{.type = kIoInterrupt, .kind = kVectored, .irq = irq, .apic = 0, .input = input});
    }
    add(Interrupt{.type = kLocalInterrupt, .kind = kExtInt, .irq = 0, .apic = 0, .input = 0});
    add(Interrupt{.type = kLocalInterrupt, .kind = kNmi, .irq = 0, .apic = 0xFF, .input = 1});

    header.length = static_cast<std::uint16_t>(at - table);
    std::memcpy(table, &header, sizeof header);
    table[offsetof(Header, checksum)] = checksum(table, header.length);

    FloatingPointer pointer;
    pointer.table = kMpFloatingPointer + sizeof(FloatingPointer);
    std::uint8_t* const where = ram.data() + kMpFloatingPointer;
    std::memcpy(where, &pointer, sizeof pointer);
    where[offsetof(FloatingPointer, checksum)] = checksum(where, sizeof pointer);
}

}  // namespace ringpress
