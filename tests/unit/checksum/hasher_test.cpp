#include "s3pager/checksum/hasher.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/checksum/digest.hpp"
#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace s3pager::checksum;

digest of(algorithm which, std::string_view text) {
  hasher made;
  made.begin(which);
  made.update(as_byte_span(text));
  return made.finish();
}

}  // namespace

TEST_CASE("every algorithm gives what others publish, fed at once or in two pieces") {
  struct example {
    algorithm of;
    std::string_view text;
    std::string_view value;
  };
  const example expected = GENERATE(
      example{algorithm::crc32, "123456789", "y/Q5Jg=="}, example{algorithm::crc32c, "123456789", "4waSgw=="},
      example{algorithm::crc64nvme, "123456789", "rosUhgp5mIg="},
      example{algorithm::sha1, "abc", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="},
      example{algorithm::sha256, "abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="});
  const digest value = parse_claim(expected.of, expected.value)->value;
  CHECK(of(expected.of, expected.text) == value);
  for (std::size_t at = 0; at <= expected.text.size(); ++at) {
    hasher made;
    CHECK_FALSE(made.active());
    made.begin(expected.of);
    CHECK(made.active());
    made.update(as_byte_span(expected.text.substr(0, at)));
    made.update(as_byte_span(expected.text.substr(at)));
    CHECK(made.finish() == value);
    CHECK_FALSE(made.active());
  }
}

TEST_CASE("checksums of neighbours make that of both, where the algorithm lets them") {
  const algorithm which = GENERATE(algorithm::crc64nvme, algorithm::crc32c, algorithm::crc32);
  CHECK(combinable(which));
  const std::string text(1000, 'x');
  const std::string_view whole(text);
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{500}, std::size_t{1000}})
    CHECK(combine(which, of(which, whole.substr(0, at)), of(which, whole.substr(at)), 1000 - at) == of(which, whole));
  CHECK_FALSE(combinable(algorithm::sha1));
  CHECK_FALSE(combinable(algorithm::sha256));
}
