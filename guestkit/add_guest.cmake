# What guests are built with.
#
# add_guest(NAME [HIGH_HALF] SOURCES files...): a guest kernel, an ELF file that any Multiboot loader takes.
#
# Sources are C or assembler; one of them defines guest_main() (guestkit/multiboot.h).  HIGH_HALF links it for
# 0xC0000000 and up; it still loads at 1 MiB.
#
# add_user_program(NAME SOURCES files...): a program for ring 3, linked at 0x00400000, entered at its first byte
# (put the entry into section .text.entry); NAME.bin beside the target's file is its flat image.
#
# embed_file(TARGET SYMBOL FILE [DEPENDENCY]): the bytes of a file, which target DEPENDENCY makes, from SYMBOL_begin
# to SYMBOL_end.

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

function(add_user_program name)
  cmake_parse_arguments(PARSE_ARGV 1 PROGRAM "" "" "SOURCES")
  add_executable(${name} ${PROGRAM_SOURCES})
  guest_compile_flags(${name})
  target_link_libraries(${name} PRIVATE guestkit)
  set(script "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/user.ld")
  target_link_options(${name} PRIVATE -m32 -nostdlib -static -no-pie -T "${script}"
    -Wl,--build-id=none -Wl,-z,noexecstack -Wl,--no-warn-rwx-segments)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS "${script}")
  add_custom_command(TARGET ${name} POST_BUILD BYPRODUCTS "${CMAKE_CURRENT_BINARY_DIR}/${name}.bin"
    COMMAND ${CMAKE_OBJCOPY} -O binary $<TARGET_FILE:${name}> $<TARGET_FILE:${name}>.bin)
endfunction()

function(embed_file target symbol file)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.S")
  file(GENERATE OUTPUT "${source}" CONTENT
".section .rodata
.balign 16
.globl ${symbol}_begin, ${symbol}_end
${symbol}_begin:
.incbin \"${file}\"
${symbol}_end:
.section .note.GNU-stack, \"\", @progbits
")
  target_sources(${target} PRIVATE "${source}")
  set_source_files_properties("${source}" PROPERTIES GENERATED TRUE OBJECT_DEPENDS "${file}")
  if(ARGC GREATER 3)
    add_dependencies(${target} ${ARGV3})
  endif()
endfunction()
