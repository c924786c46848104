// Not run by itself: `unit_xml '[speed]'`. What it costs to read a list.
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "s3pager/xml/list_result.hpp"
#include "support/canned_lists.hpp"
#include "support/catch.hpp"

using namespace s3pager;

namespace {

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Nanoseconds a key, without what it takes to copy the body.
double cost_of(const std::string& bytes) {
  std::vector<double> spent;
  for (int round = 0; round < 7; ++round) {
    double sum = 0;
    for (int i = 0; i < 100; ++i) {
      auto body = std::make_unique_for_overwrite<char[]>(bytes.size());
      std::memcpy(body.get(), bytes.data(), bytes.size());
      ref<xml::list_page> page;
      const double begun = cpu_seconds();
      const auto failed = xml::parse_list_page(std::move(body), bytes.size(), page);
      sum += cpu_seconds() - begun;
      REQUIRE_FALSE(failed);
      REQUIRE(page->contents().size() == 1000);
    }
    spent.push_back(sum / 100);
  }
  std::sort(spent.begin(), spent.end());
  return spent[spent.size() / 2] * 1e6;
}

}  // namespace

TEST_CASE("reading a page of 1,000 keys", "[.][speed]") {
  for (const bool with_owner : {false, true}) {
    const double nanoseconds = cost_of(test::canned_list({.with_owner = with_owner}));
    std::printf("%s owners: %.0f ns a key, %.0f keys per second\n", with_owner ? "with" : "without", nanoseconds, 1e9 / nanoseconds);
  }
}
