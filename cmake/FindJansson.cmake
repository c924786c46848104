# Finds jansson, whose Debian package has no CMake package, and defines Jansson::jansson.
# Sets Jansson_FOUND and Jansson_VERSION. Installed with s3pager, whose package needs it as well.

find_path(Jansson_INCLUDE_DIR jansson.h)
find_library(Jansson_LIBRARY jansson)
mark_as_advanced(Jansson_INCLUDE_DIR Jansson_LIBRARY)

if(EXISTS "${Jansson_INCLUDE_DIR}/jansson.h")
  file(STRINGS "${Jansson_INCLUDE_DIR}/jansson.h" Jansson_header REGEX "#define JANSSON_VERSION +\"")
  string(REGEX REPLACE ".*\"([0-9.]+)\".*" "\\1" Jansson_VERSION "${Jansson_header}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Jansson
  REQUIRED_VARS Jansson_LIBRARY Jansson_INCLUDE_DIR
  VERSION_VAR Jansson_VERSION)

if(Jansson_FOUND AND NOT TARGET Jansson::jansson)
  add_library(Jansson::jansson UNKNOWN IMPORTED)
  set_target_properties(Jansson::jansson PROPERTIES
    IMPORTED_LOCATION "${Jansson_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Jansson_INCLUDE_DIR}")
endif()
