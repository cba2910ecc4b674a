# find_package(guestkit): the library `guestkit` and the functions of add_guest.cmake, from an installed ringpress.
get_filename_component(_guestkit_folder "${CMAKE_CURRENT_LIST_DIR}/../../ringpress/guestkit" ABSOLUTE)
include("${_guestkit_folder}/add_guest.cmake")

if(NOT TARGET guestkit)
  add_library(guestkit STATIC IMPORTED)
  set_target_properties(guestkit PROPERTIES IMPORTED_LOCATION "${_guestkit_folder}/libguestkit.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_guestkit_folder}/include")
endif()
unset(_guestkit_folder)
