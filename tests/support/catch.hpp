// Catch2 in either generation: 2.13 (Debian 12) and 3.x (Debian 13, Ubuntu 24.04) differ in their header's name, and in those of matchers.
#pragma once

#include <cstdlib>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

#include <string>

namespace Catch {
using Matchers::EndsWith;
using Matchers::StartsWith;
[[nodiscard]] inline auto Contains(const std::string& part) { return Matchers::ContainsSubstring(part); }
}  // namespace Catch
#else
#include <catch2/catch.hpp>
#endif

namespace s3pager::test {

/// Whoever runs the tests may have credentials and settings of their own; and instance metadata, on no loopback, is not to be asked for.
/// A test that needs them sets them for itself.
inline const bool alone_with_its_settings = [] {
  for (const char* const name : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"}) ::unsetenv(name);
  ::setenv("AWS_CONFIG_FILE", "/dev/null", 1);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
  ::setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
  return true;
}();

}  // namespace s3pager::test
