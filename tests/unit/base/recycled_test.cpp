#include "s3pager/base/recycled.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/sanitized.hpp"

namespace {

using s3pager::recycled;

struct thing final : recycled<thing, 2> {
  explicit thing(int what) noexcept : value(what) {}
  std::array<char, 200> more{};
  int value;
};

TEST_CASE("the memory of what was deleted is that of the next ones, up to as many as are kept") {
  std::vector<std::unique_ptr<thing>> made;
  for (int i = 0; i < 4; ++i) made.push_back(std::make_unique<thing>(i));
  std::set<const void*> before;
  for (const auto& each : made) before.insert(each.get());
  CHECK(before.size() == 4);
  const std::array<const void*, 2> first{made[0].get(), made[1].get()};
  made.clear();
  if (s3pager::test::sanitized) return;  // nothing is kept, so that use after free shows
  const auto one = std::make_unique<thing>(5);
  const auto other = std::make_unique<thing>(6);
  CHECK(one.get() == first[1]);
  CHECK(other.get() == first[0]);
  CHECK(one->value == 5);
}

TEST_CASE("what was made on one thread may be deleted on another, which may end") {
  auto made = std::make_unique<thing>(7);
  std::thread([gone = std::move(made)]() mutable {
    CHECK(gone->value == 7);
    gone.reset();
    gone = std::make_unique<thing>(8);
    CHECK(gone->value == 8);
  }).join();
}

}  // namespace
