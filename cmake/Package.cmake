# `cpack --config build/CPackConfig.cmake` (or `ninja -C build package`) makes a Debian package.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ringpress)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
# A package must name an address, and there is none: RFC 2606 keeps .invalid for saying so.
set(CPACK_PACKAGE_CONTACT "ringpress maintainers <ringpress@ringpress.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
# Permissions are the package's, not those of whoever builds it.
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION otherosfs)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gdb, qemu-system-x86, cmake, gcc-multilib")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "runs 32-bit x86 operating systems inside an ordinary process
Boots unmodified 32-bit x86 kernels, Debian's Linux kernel among them, inside
an unprivileged process: without KVM, kernel module, root, or emulation of
every instruction.  The guest's kernel is deprivileged: it runs natively at
ring 3, its privileged instructions fault and are emulated, and the sensitive
ones that do not fault are found and patched in a copy of the code.

It is made for looking inside: every trap can be logged, counted and traced.
The package also has the guestkit, with which guest kernels are written.")
include(CPack)
