// A bucket of 2,500 small and middling objects in 25 folders, which several tests read. Made once a program.
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "support/put_client.hpp"
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
    server().writer().make_bucket(many_bucket);
    constexpr unsigned writers = 8;
    std::vector<std::thread> threads;
    std::vector<std::exception_ptr> failed(writers);
    for (unsigned thread = 0; thread < writers; ++thread)
      threads.emplace_back([thread, &failed] {
        try {
          put_client writer = server().writer();
          for (unsigned i = thread; i < many_count; i += writers) writer.put(many_bucket, many_key(i), many_contents(i));
        } catch (...) {
          failed[thread] = std::current_exception();
        }
      });
    for (std::thread& each : threads) each.join();
    for (const std::exception_ptr& each : failed)
      if (each) std::rethrow_exception(each);
    object_map put;
    for (unsigned i = 0; i < many_count; ++i) put.emplace(many_key(i), many_contents(i));
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
