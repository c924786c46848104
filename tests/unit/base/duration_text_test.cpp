#include "s3pager/base/duration_text.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace s3pager;
using namespace std::chrono_literals;

TEST_CASE("a span of time is put in words exactly", "[base][duration_text]") {
  CHECK(to_text(0s) == "0 s");
  CHECK(to_text(5s) == "5 s");
  CHECK(to_text(90s) == "90 s");
  CHECK(to_text(120s) == "2 min");
  CHECK(to_text(1500ms) == "1500 ms");
  CHECK(to_text(24h * 7) == "7 d");
  CHECK(to_text(36h) == "36 h");
  CHECK(to_text(7us) == "7 us");
  CHECK(to_text(1s + 1ns) == "1000000001 ns");
}
