#include "s3pager/http/header_fields.hpp"

#include <iterator>
#include <string>

#include "support/catch.hpp"

using s3pager::http::detail::field_entry;
using s3pager::http::header_fields;

static_assert(std::forward_iterator<header_fields::iterator>);

TEST_CASE("fields are found by name in any case, the first one first", "[http][header_fields]") {
  const char* const bytes = "ETag:a;x-id:bc;etag:d";
  const field_entry entries[] = {{0, 4, 5, 1}, {7, 4, 12, 2}, {15, 4, 20, 1}};
  const header_fields fields(bytes, entries);
  CHECK(fields.size() == 3);
  CHECK(fields.find("etag") == "a");
  CHECK(fields.find("X-ID") == "bc");
  CHECK(fields.find("x-i") == std::nullopt);
  CHECK(fields.count("ETAG") == 2);
  CHECK(fields.count("none") == 0);
  std::string all;
  for (const auto f : fields) all += std::string(f.name) + "=" + std::string(f.value) + " ";
  CHECK(all == "ETag=a x-id=bc etag=d ");
}

TEST_CASE("no fields are an empty range", "[http][header_fields]") {
  const header_fields none;
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
  CHECK(none.find("a") == std::nullopt);
}
