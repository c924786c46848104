// A bucket of 2,500 small and middling objects in 25 folders, which several tests read. Made once a program.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "support/put_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {

inline constexpr const char* many_bucket = "many";
inline constexpr unsigned many_count = 2'500;

/// `n/FOLDER/NUMBER`; each folder has 100.
[[nodiscard]] inline std::string many_key(unsigned index) {
  char text[32];
  std::snprintf(text, sizeof text, "n/%02u/%04u", index % 25, index);
  return text;
}

/// Some are empty, most fit a slot, some need several, and some are more than one slice in ordered mode.
[[nodiscard]] inline contents many_contents(unsigned index) {
  if (index % 50 == 0) return {.seed = index, .size = 0};
  if (index % 97 == 1) return {.seed = index, .size = (1 << 20) + index};
  if (index % 11 == 3) return {.seed = index, .size = (64 << 10) + index};
  return {.seed = index, .size = 1 + index * 7919 % 12'000};
}

[[nodiscard]] inline const object_map& many_objects() {
  static const object_map made = [] {
    object_map put;
    for (unsigned i = 0; i < many_count; ++i) put.emplace(many_key(i), many_contents(i));
    put_all(many_bucket, put);
    return put;
  }();
  return made;
}

[[nodiscard]] inline std::uint64_t bytes_of(const object_map& objects) {
  std::uint64_t sum = 0;
  for (const auto& [key, what] : objects) sum += what.size;
  return sum;
}

}  // namespace s3pager::test
