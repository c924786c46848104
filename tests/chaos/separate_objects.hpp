// What separate_origin holds in its bucket `b`: both it and the test that starts it must know.
#pragma once

#include <cstdint>
#include <memory>

#include "s3pager/testing/synthetic_bucket.hpp"

namespace s3pager::test {

/// Mixed sizes: empty, small, and every 16th of several slices.
[[nodiscard]] inline std::shared_ptr<const testing::synthetic_bucket> separate_objects() {
  testing::synthetic_options how;
  how.count = 400;
  how.size_of = [](std::uint64_t index) -> std::uint64_t {
    if (index % 16 == 5) return (std::uint64_t{1} << 20) + index * 4099;
    return index % 9 == 0 ? 0 : index * 7919 % 100'000;
  };
  return std::make_shared<testing::synthetic_bucket>(how);
}

}  // namespace s3pager::test
