# add_guest(NAME [HIGH_HALF] SOURCES files...): a guest kernel, an ELF file that any Multiboot loader takes.
#
# Sources are C or assembler; one of them defines guest_main() (guestkit/multiboot.h).  HIGH_HALF links it for
# 0xC0000000 and up; it still loads at 1 MiB.

# Freestanding 32-bit code for the lowest i686: nothing that needs an operating system, a loader, or CR4.OSFXSR.
function(guest_compile_flags target)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF C_STANDARD 17)
  target_compile_options(${target} PRIVATE
    -m32 -march=i686 $<$<COMPILE_LANGUAGE:C>:-mno-sse;-mno-mmx;-mno-80387;-ffreestanding;-Wall;-Wextra;-Werror>
    -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -O2)
endfunction()

function(add_guest name)
  cmake_parse_arguments(PARSE_ARGV 1 GUEST "HIGH_HALF" "" "SOURCES")
  add_executable(${name} ${GUEST_SOURCES})
  guest_compile_flags(${name})
  target_link_libraries(${name} PRIVATE guestkit)
  target_link_options(${name} PRIVATE -m32 -nostdlib -static -no-pie -T "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/guest.ld"
    -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments)
  if(GUEST_HIGH_HALF)
    target_link_options(${name} PRIVATE -Wl,--defsym=guest_virtual_base=0xC0000000)
  endif()
  set_target_properties(${name} PROPERTIES LINK_DEPENDS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/guest.ld")
endfunction()
