# Finds liburing, which ships no CMake package of its own, and defines Liburing::liburing.
# Sets Liburing_FOUND and Liburing_VERSION. Installed with s3pager, whose package needs it as well.

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_Liburing QUIET liburing)
endif()

find_path(Liburing_INCLUDE_DIR liburing.h HINTS ${PC_Liburing_INCLUDE_DIRS})
find_library(Liburing_LIBRARY uring HINTS ${PC_Liburing_LIBRARY_DIRS})
mark_as_advanced(Liburing_INCLUDE_DIR Liburing_LIBRARY)

set(Liburing_VERSION "${PC_Liburing_VERSION}")
# Without pkg-config the headers still tell, from liburing 2.4 on.
if(NOT Liburing_VERSION AND EXISTS "${Liburing_INCLUDE_DIR}/liburing/io_uring_version.h")
  file(READ "${Liburing_INCLUDE_DIR}/liburing/io_uring_version.h" Liburing_header)
  if(Liburing_header MATCHES "IO_URING_VERSION_MAJOR ([0-9]+).*IO_URING_VERSION_MINOR ([0-9]+)")
    set(Liburing_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Liburing
  REQUIRED_VARS Liburing_LIBRARY Liburing_INCLUDE_DIR
  VERSION_VAR Liburing_VERSION)

if(Liburing_FOUND AND NOT TARGET Liburing::liburing)
  add_library(Liburing::liburing UNKNOWN IMPORTED)
  set_target_properties(Liburing::liburing PROPERTIES
    IMPORTED_LOCATION "${Liburing_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Liburing_INCLUDE_DIR}")
endif()
