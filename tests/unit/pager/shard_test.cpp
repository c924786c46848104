#include "s3pager/pager/shard.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using s3pager::shard;

namespace {

// The one of `count` shards that owns the key; `count` if it isn't exactly one.
std::uint32_t owner(std::string_view key, std::uint32_t count) {
  std::uint32_t found = count;
  std::uint32_t owners = 0;
  for (std::uint32_t index = 0; index < count; ++index) {
    if (!shard{index, count}.owns(key)) continue;
    found = index;
    ++owners;
  }
  return owners == 1 ? found : count;
}

}  // namespace

TEST_CASE("the shard of a key is the same in every version") {
  // Computed by an implementation of its own (FNV-1a, 64 bits, the high half folded into the low one).
  struct row {
    std::string key;
    std::array<std::uint32_t, 5> owners;  // of 2, 3, 7, 64 and 1000 shards
  };
  const std::vector<row> rows{{"", {1, 0, 6, 1, 945}},
                              {"a", {0, 1, 1, 0, 824}},
                              {"foobar", {1, 1, 4, 25, 697}},
                              {"logs/2026/11/23/part-00000.parquet", {0, 0, 6, 26, 842}},
                              {std::string("\xff\x80\0", 3), {1, 1, 4, 5, 45}},
                              {std::string(1024, 'k'), {1, 2, 6, 27, 507}}};
  constexpr std::array<std::uint32_t, 5> counts{2, 3, 7, 64, 1000};
  for (const row& each : rows) {
    CAPTURE(each.key);
    for (std::size_t i = 0; i < counts.size(); ++i) CHECK(owner(each.key, counts[i]) == each.owners[i]);
  }
}

TEST_CASE("without parts, everything is owned") {
  static_assert(shard{}.owns("any key"));
  static_assert(shard{0, 1}.owns(""));
  CHECK(shard{0, 0}.owns("k"));
}

TEST_CASE("as many shards as there can be may be asked for") {
  CHECK(shard{438821665, 0xffffffff}.owns(std::string_view("\xff\x80\0", 3)));
  CHECK_FALSE(shard{438821664, 0xffffffff}.owns(std::string_view("\xff\x80\0", 3)));
}

TEST_CASE("keys that differ in a few characters only are spread evenly") {
  constexpr std::uint32_t keys = 64'000;
  const std::uint32_t count = GENERATE(2U, 3U, 8U, 64U);
  const std::string before = GENERATE(std::string(), std::string("year=2026/month=11/part-"));
  const std::string after = GENERATE(std::string(), std::string(".snappy.parquet"));
  std::vector<std::uint32_t> held(count);
  for (std::uint32_t i = 0; i < keys; ++i) {
    const std::string number = std::to_string(1'000'000 + i);
    const std::string key = before + number + after;
    for (std::uint32_t index = 0; index < count; ++index)
      if (shard{index, count}.owns(key)) ++held[index];
  }
  CAPTURE(count, before, after);
  const double even = static_cast<double>(keys) / count;
  for (const std::uint32_t each : held) {
    CHECK(each > even * 0.85);
    CHECK(each < even * 1.15);
  }
}
