#include "s3pager/testing/pattern.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;

namespace {

std::vector<std::byte> bytes_of(std::uint64_t seed, std::uint64_t index, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> out(size);
  synthetic_bytes(seed, index, offset, out);
  return out;
}

}  // namespace

TEST_CASE("the bytes of a synthetic object do not depend on how they are cut", "[testing][pattern]") {
  const std::size_t size = 3 * s3pager::testing::detail::pattern_segment + 5;
  const auto whole = bytes_of(7, 42, 0, size);
  for (const std::size_t step : {std::size_t{4093}, std::size_t{65536}, s3pager::testing::detail::pattern_segment + 1}) {
    std::vector<std::byte> joined;
    for (std::size_t at = 0; at < size; at += step) {
      const auto next = bytes_of(7, 42, at, std::min(step, size - at));
      joined.insert(joined.end(), next.begin(), next.end());
    }
    REQUIRE(joined == whole);
  }
}

TEST_CASE("a span of synthetic bytes ends where the next MiB of the object begins", "[testing][pattern]") {
  CHECK(synthetic_span(1, 0, 0, 100).size() == 100);
  CHECK(synthetic_span(1, 0, 0, 4 << 20).size() == 1 << 20);
  CHECK(synthetic_span(1, 0, (1 << 20) - 1, 4 << 20).size() == 1);
  CHECK(synthetic_span(1, 0, std::uint64_t{100} << 30, 10).size() == 10);
  CHECK(synthetic_span(1, 0, 5, 0).empty());
}

TEST_CASE("synthetic bytes differ by seed, by object and by place in it", "[testing][pattern]") {
  const auto base = bytes_of(1, 1, 0, 64);
  CHECK(bytes_of(2, 1, 0, 64) != base);
  CHECK(bytes_of(1, 2, 0, 64) != base);
  CHECK(bytes_of(1, 1, 64, 64) != base);
  for (std::uint64_t mib = 1; mib < 64; ++mib) REQUIRE(bytes_of(1, 1, mib << 20, 64) != base);
}

TEST_CASE("synthetic bytes are the same in every run and on every machine", "[testing][pattern]") {
  CHECK(s3pager::testing::detail::mix(0) == 0xe220a8397b1dcdaf);  // splitmix64's first output of seed 0
  const auto bytes = bytes_of(1, 0, 0, 4);
  const std::array<std::byte, 4> expected = {std::byte{0xc5}, std::byte{0x02}, std::byte{0xb6}, std::byte{0x3e}};
  CHECK(std::equal(bytes.begin(), bytes.end(), expected.begin()));
}

TEST_CASE("one wrong byte is seen wherever it is", "[testing][pattern]") {
  auto bytes = bytes_of(1, 3, (1 << 20) - 100, 200);
  REQUIRE(synthetic_equal(1, 3, (1 << 20) - 100, bytes));
  CHECK_FALSE(synthetic_equal(1, 3, (1 << 20) - 101, bytes));
  for (std::byte& each : bytes) {
    each ^= std::byte{1};
    REQUIRE_FALSE(synthetic_equal(1, 3, (1 << 20) - 100, bytes));
    each ^= std::byte{1};
  }
}

TEST_CASE("mixed sizes are of every magnitude up to the largest", "[testing][pattern]") {
  constexpr std::uint64_t most = 4 << 20;
  std::array<int, 24> magnitudes{};
  for (std::uint64_t index = 0; index < 2000; ++index) {
    const std::uint64_t size = mixed_size(1, index, most);
    REQUIRE(size <= most);
    ++magnitudes[static_cast<std::size_t>(std::bit_width(size))];
  }
  for (std::size_t bits = 0; bits <= 22; ++bits) CHECK(magnitudes[bits] > 10);
  CHECK(mixed_size(1, 0, most) == 0);
  CHECK(mixed_size(1, 9, 0) == 0);
  CHECK(mixed_size(1, 9, most) == mixed_size(1, 9, most));
  CHECK(mixed_size(1, 9, most) != mixed_size(2, 9, most));
}
