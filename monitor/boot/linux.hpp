// The Linux/x86 boot protocol, 32-bit entry: Documentation/x86/boot.rst and zero-page.rst of the kernel.
#pragma once

#include "monitor/boot/boot_state.hpp"
#include "monitor/boot/image_reader.hpp"
#include "monitor/boot/loader.hpp"
#include "monitor/boot/ram_layout.hpp"

namespace ringpress {

bool is_linux_bzimage(Image image);

/// Loads a bzImage of protocol 2.02 or later and at most one module, the initial RAM disk.
/// Throws std::runtime_error, one line, if the image is truncated, too old, 64-bit only, or does not fit.
BootState load_linux(Image image, RamLayout& layout, const BootOptions& options);

}  // namespace ringpress
