# What only our own tests and examples are built with; an including project gets none of it.

add_library(s3pager_own_build INTERFACE)
target_link_libraries(s3pager_own_build INTERFACE s3pager::s3pager)
target_compile_options(s3pager_own_build INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${S3PAGER_WARNINGS_AS_ERRORS}>:-Werror>)
# GCC's manual says of this one that the sanitizers' instrumentation makes it warn wrongly; the other builds have it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
  target_compile_options(s3pager_own_build INTERFACE -Wno-maybe-uninitialized)
endif()

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_EXTENSIONS OFF)
  find_program(S3PAGER_CCACHE ccache)
  mark_as_advanced(S3PAGER_CCACHE)
  if(S3PAGER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${S3PAGER_CCACHE}")
  endif()
endif()
