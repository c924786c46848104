#include "s3pager/testing/conditions.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using namespace s3pager::testing;

namespace {

constexpr auto proceed = condition_verdict::proceed;
constexpr auto not_modified = condition_verdict::not_modified;
constexpr auto failed = condition_verdict::precondition_failed;

// Of an object with ETag "e", changed on Sun, 06 Nov 1994 08:49:37.5.
condition_verdict verdict(test::fields headers) {
  headers.emplace_back("Host", "h");
  const test::parsed asked("GET", "/b/k", headers);
  REQUIRE(asked.complete());
  return evaluate_conditions(asked.request.headers, "e",
                             *parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") + std::chrono::milliseconds(500));
}

const std::string before = "Sun, 06 Nov 1994 08:49:36 GMT";
const std::string same = "Sun, 06 Nov 1994 08:49:37 GMT";

}  // namespace

TEST_CASE("each condition decides by itself", "[testing][conditions]") {
  CHECK(verdict({}) == proceed);
  CHECK(verdict({{"If-Match", "\"e\""}}) == proceed);
  CHECK(verdict({{"If-Match", "\"f\""}}) == failed);
  CHECK(verdict({{"If-Match", "\"f\", \"e\""}}) == proceed);
  CHECK(verdict({{"If-Match", "e"}}) == proceed);
  CHECK(verdict({{"If-Match", "*"}}) == proceed);
  CHECK(verdict({{"If-Match", "W/\"e\""}}) == failed);
  CHECK(verdict({{"If-None-Match", "\"e\""}}) == not_modified);
  CHECK(verdict({{"If-None-Match", "W/\"e\""}}) == not_modified);
  CHECK(verdict({{"If-None-Match", "*"}}) == not_modified);
  CHECK(verdict({{"If-None-Match", "\"f\""}}) == proceed);
  CHECK(verdict({{"If-Unmodified-Since", same}}) == proceed);
  CHECK(verdict({{"If-Unmodified-Since", before}}) == failed);
  CHECK(verdict({{"If-Modified-Since", same}}) == not_modified);
  CHECK(verdict({{"If-Modified-Since", before}}) == proceed);
}

TEST_CASE("a date that is none is no condition", "[testing][conditions]") {
  CHECK(verdict({{"If-Modified-Since", "yesterday"}}) == proceed);
  CHECK(verdict({{"If-Unmodified-Since", "yesterday"}}) == proceed);
}

TEST_CASE("ETags outdo dates", "[testing][conditions]") {
  CHECK(verdict({{"If-Match", "\"e\""}, {"If-Unmodified-Since", before}}) == proceed);
  CHECK(verdict({{"If-Match", "\"f\""}, {"If-Unmodified-Since", same}}) == failed);
  CHECK(verdict({{"If-None-Match", "\"f\""}, {"If-Modified-Since", same}}) == proceed);
  CHECK(verdict({{"If-None-Match", "\"e\""}, {"If-Modified-Since", before}}) == not_modified);
}

TEST_CASE("a failed precondition comes before an object that was not modified", "[testing][conditions]") {
  CHECK(verdict({{"If-Match", "\"f\""}, {"If-None-Match", "\"e\""}}) == failed);
  CHECK(verdict({{"If-Match", "\"e\""}, {"If-None-Match", "\"e\""}}) == not_modified);
  CHECK(verdict({{"If-Unmodified-Since", before}, {"If-Modified-Since", same}}) == failed);
}

TEST_CASE("ranges are read as S3 reads them", "[testing][conditions]") {
  struct row {
    const char* header;
    std::uint64_t size;
    range_verdict verdict;
    std::uint64_t offset;
    std::uint64_t length;
  };
  const auto part = range_verdict::part;
  const auto whole = range_verdict::whole;
  const auto none = range_verdict::unsatisfiable;
  const row rows[] = {
      {"bytes=0-0", 10, part, 0, 1},
      {"bytes=0-9", 10, part, 0, 10},
      {"bytes=3-5", 10, part, 3, 3},
      {"bytes=9-", 10, part, 9, 1},
      {"bytes=0-", 10, part, 0, 10},
      {"bytes=5-100", 10, part, 5, 5},
      {"bytes=5-18446744073709551615", 10, part, 5, 5},
      {"bytes=5-99999999999999999999999", 10, part, 5, 5},
      {"bytes=-3", 10, part, 7, 3},
      {"bytes=-100", 10, part, 0, 10},
      {"Bytes=1-1", 10, part, 1, 1},
      {"bytes=10-", 10, none, 0, 0},
      {"bytes=10-20", 10, none, 0, 0},
      {"bytes=99999999999999999999999-", 10, none, 0, 0},
      {"bytes=-0", 10, none, 0, 0},
      {"bytes=0-", 0, none, 0, 0},
      {"bytes=0-0", 0, none, 0, 0},
      {"bytes=-1", 0, none, 0, 0},
      {"bytes=5-4", 10, whole, 0, 10},
      {"bytes=-", 10, whole, 0, 10},
      {"bytes=", 10, whole, 0, 10},
      {"bytes=a-b", 10, whole, 0, 10},
      {"bytes=0-1,3-4", 10, whole, 0, 10},
      {"lines=0-1", 10, whole, 0, 10},
      {"", 10, whole, 0, 10},
  };
  for (const row& each : rows) {
    CAPTURE(each.header, each.size);
    const range_result result = parse_range(each.header, each.size);
    CHECK(result.verdict == each.verdict);
    CHECK(result.offset == each.offset);
    CHECK(result.length == each.length);
  }
}
