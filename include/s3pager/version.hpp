// The version of the library: numbers that a preprocessor and CMakeLists.txt read. Knows nothing else.
#pragma once

#include <string_view>

#define S3PAGER_VERSION_MAJOR 0
#define S3PAGER_VERSION_MINOR 1
#define S3PAGER_VERSION_PATCH 0

#define S3PAGER_VERSION_TEXT_(number) #number
#define S3PAGER_VERSION_JOIN_(major, minor, patch) \
  S3PAGER_VERSION_TEXT_(major) "." S3PAGER_VERSION_TEXT_(minor) "." S3PAGER_VERSION_TEXT_(patch)

namespace s3pager {

/// The version of these headers, "major.minor.patch".
inline constexpr std::string_view version =
    S3PAGER_VERSION_JOIN_(S3PAGER_VERSION_MAJOR, S3PAGER_VERSION_MINOR, S3PAGER_VERSION_PATCH);

}  // namespace s3pager

#undef S3PAGER_VERSION_JOIN_
#undef S3PAGER_VERSION_TEXT_
