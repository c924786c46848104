#include "s3pager/checksum/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace s3pager::checksum;

}  // namespace

TEST_CASE("the value of a checksum header is base64 of exactly the algorithm's bytes, the most significant first") {
  const auto crc = parse_claim(algorithm::crc32, "y/Q5Jg==");
  REQUIRE(crc);
  CHECK(crc->algorithm == algorithm::crc32);
  CHECK(crc->value == digest::of_word(std::uint32_t{0xcbf43926}));
  CHECK_FALSE(crc->composite());
  const auto wide = parse_claim(algorithm::crc64nvme, "rosUhgp5mIg=");
  REQUIRE(wide);
  CHECK(wide->value.word<std::uint64_t>() == 0xae8b14860a799888U);
  const auto sha = parse_claim(algorithm::sha256, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  REQUIRE(sha);
  CHECK(sha->value.size == 32);
  CHECK(sha->value.bytes[0] == std::byte{0xba});
  CHECK(sha->value.bytes[31] == std::byte{0xad});
}

TEST_CASE("a checksum of parts' checksums says of how many") {
  const auto made = parse_claim(algorithm::crc32, "y/Q5Jg==-10000");
  REQUIRE(made);
  CHECK(made->composite());
  CHECK(made->parts == 10'000);
  CHECK(made->value == digest::of_word(std::uint32_t{0xcbf43926}));
  CHECK(parse_claim(algorithm::sha1, "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=-1")->parts == 1);
}

TEST_CASE("what is no such value is none") {
  const std::string_view wrong = GENERATE(
      as<std::string_view>(), "", "=", "y/Q5Jg=", "y/Q5Jg", "y/Q5Jg===", "y/Q5Jg==\n", " y/Q5Jg==", "y/Q5Jh==", "y_Q5Jg==", "y/Q5J===",
      "y/Q5JgAA", "rosUhgp5mIg=", "y/Q5Jg==-", "y/Q5Jg==-0", "y/Q5Jg==-01", "y/Q5Jg==-10001", "y/Q5Jg==-99999",
      "y/Q5Jg==-123456", "y/Q5Jg==-1x", "y/Q5Jg==--1", "y/Q5Jg==-1-1", "-1", "\xff/Q5Jg==");
  CAPTURE(wrong);
  CHECK_FALSE(parse_claim(algorithm::crc32, wrong));
}

TEST_CASE("a value cut anywhere, or with any one character changed to none of base64, is none") {
  const std::string good = "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
  REQUIRE(parse_claim(algorithm::sha1, good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    CHECK_FALSE(parse_claim(algorithm::sha1, std::string_view(good).substr(0, i)));
    std::string changed = good;
    changed[i] = '!';
    CHECK_FALSE(parse_claim(algorithm::sha1, changed));
  }
}
