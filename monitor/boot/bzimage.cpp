#include "monitor/boot/bzimage.hpp"

#include <bit>
#include <stdexcept>

#include "monitor/boot/linux.hpp"
#include "monitor/boot/linux_setup.hpp"

namespace ringpress {

bool has_packed_kernel(Image image) {
    if (!is_linux_bzimage(image)) return false;
    return field<std::uint16_t>(image, setup::version) < 0x208 ||
           peek<std::uint32_t>(image, setup::payload_length).value_or(0) != 0;
}

UnpackedKernel unpack_bzimage(Image image) {
    if (field<std::uint16_t>(image, setup::version) < 0x208)
        throw std::runtime_error(
            "the bzImage is of a kernel before 2.6.26, and does not say where its packed code is; "
            "give the kernel's vmlinux");
    const std::uint64_t at =
        std::uint64_t{setup::code_offset(image)} + field<std::uint32_t>(image, setup::payload_offset);
    const std::uint64_t length = field<std::uint32_t>(image, setup::payload_length);
    if (!holds(image, at, length))
        throw std::runtime_error("the bzImage is truncated: it ends within its packed code; get it again");
    const Image payload = image.subspan(at, length);
    const auto compression = compression_of(payload);
    if (!compression)
        throw std::runtime_error(
            "the bzImage is packed in a way that ringpress does not know; give the kernel's vmlinux");

    UnpackedKernel kernel;
    kernel.compression = *compression;
    kernel.elf = decompress(payload, *compression, kMaxUnpackedKernel);
    const auto alignment = field<std::uint32_t>(image, setup::kernel_alignment);
    if (std::has_single_bit(alignment)) kernel.alignment = alignment;
    return kernel;
}

}  // namespace ringpress
