# What `cmake --install` puts where: the program, its man pages and completion, the guestkit with a CMake package for
# those who write guests, and the documentation.  Works with any prefix and with DESTDIR.
find_program(GZIP_PROGRAM gzip REQUIRED)

set(installed_kit lib/ringpress/guestkit)
set(installed_doc share/doc/ringpress)

# gzip_file(RESULT FROM NAME): NAME.gz in build/gz, made at build time
function(gzip_file result from name)
  set(to "${PROJECT_BINARY_DIR}/gz/${name}.gz")
  add_custom_command(OUTPUT "${to}" DEPENDS "${from}" VERBATIM
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/gz"
    COMMAND sh -c "\"$0\" -9nc \"$1\" > \"$2\"" "${GZIP_PROGRAM}" "${from}" "${to}")
  set(${result} "${to}" PARENT_SCOPE)
endfunction()

# Man pages: docs/man/ringpress-COMMAND.1.in, with the options taken from the program itself (make-man).
file(GLOB man_templates CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/man/*.1.in")
set(packed_pages)
foreach(template IN LISTS man_templates)
  get_filename_component(page "${template}" NAME_WLE)
  string(REGEX REPLACE "^ringpress-?(.*)\\.1$" "\\1" command "${page}")
  set(plain "${PROJECT_BINARY_DIR}/man/${page}")
  add_custom_command(OUTPUT "${plain}" DEPENDS "${template}" ringpress "${PROJECT_SOURCE_DIR}/cmake/make-man" VERBATIM
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/man"
    COMMAND bash -c "\"$0\" \"$1\" \"$2\" $4 > \"$3.new\" && mv \"$3.new\" \"$3\""
      "${PROJECT_SOURCE_DIR}/cmake/make-man" "${template}" $<TARGET_FILE:ringpress> "${plain}" "${command}")
  gzip_file(packed "${plain}" "${page}")
  list(APPEND packed_pages "${packed}")
endforeach()
gzip_file(packed_changelog "${PROJECT_SOURCE_DIR}/packaging/changelog" changelog)
add_custom_target(manual ALL DEPENDS ${packed_pages} "${packed_changelog}")

install(TARGETS ringpress RUNTIME DESTINATION bin)
install(FILES ${packed_pages} DESTINATION share/man/man1)
install(FILES "${PROJECT_SOURCE_DIR}/completions/ringpress.bash" RENAME ringpress
  DESTINATION share/bash-completion/completions)

install(TARGETS guestkit ARCHIVE DESTINATION "${installed_kit}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/guestkit/include" DESTINATION "${installed_kit}")
install(FILES "${PROJECT_SOURCE_DIR}/guestkit/guest.ld" "${PROJECT_SOURCE_DIR}/guestkit/user.ld"
  "${PROJECT_SOURCE_DIR}/guestkit/add_guest.cmake" DESTINATION "${installed_kit}")
install(FILES "${PROJECT_SOURCE_DIR}/guestkit/guestkit-config.cmake" DESTINATION lib/cmake/guestkit)

file(GLOB doc_pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/*.md")
install(FILES ${doc_pages} DESTINATION "${installed_doc}")
install(FILES "${PROJECT_SOURCE_DIR}/guestkit/README.md" RENAME guestkit.md DESTINATION "${installed_doc}")
install(FILES "${PROJECT_SOURCE_DIR}/packaging/copyright" "${packed_changelog}" DESTINATION "${installed_doc}")
