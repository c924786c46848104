// The process's environment, behind a lookup that tests can replace. Knows no variable.
#pragma once

#include <cstdlib>
#include <string_view>

namespace s3pager {

/// Gives the value of a variable, or null. std::getenv is one; others are for tests.
using environment_lookup = const char* (*)(const char* name);

/// The process's own environment. As std::getenv, not to be called while another thread changes it.
[[nodiscard]] inline const char* process_environment(const char* name) noexcept { return std::getenv(name); }

/// Unset and empty are the same, as they are to AWS's tools and to curl.
[[nodiscard]] inline std::string_view environment_value(environment_lookup lookup, const char* name) {
  const char* const value = lookup(name);
  return value != nullptr ? std::string_view(value) : std::string_view();
}

}  // namespace s3pager
