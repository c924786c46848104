#include "s3pager/base/bytes.hpp"

#include <array>
#include <string>
#include <vector>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager;

TEST_CASE("bytes are seen as characters and back, in place") {
  const std::string text("a\0\xFF", 3);
  const auto bytes = as_byte_span(text);
  REQUIRE(bytes.size() == 3);
  CHECK(bytes[0] == std::byte{'a'});
  CHECK(bytes[1] == std::byte{0});
  CHECK(bytes[2] == std::byte{0xFF});
  const auto chars = as_chars(bytes);
  CHECK(chars == text);
  CHECK(chars.data() == text.data());
  CHECK(as_chars({}).empty());
  CHECK(as_byte_span("").empty());
}

TEST_CASE("hexadecimal is lower-case, two digits a byte, and stays in its room") {
  const std::array<unsigned char, 5> in{0x00, 0x0f, 0xa5, 0xf0, 0xff};
  std::string out(12, '#');
  write_hex(in, out.data() + 1);
  CHECK(out == "#000fa5f0ff#");
  write_hex({}, out.data());
  CHECK(out == "#000fa5f0ff#");
}

TEST_CASE("of any number of bytes, each is two digits") {
  std::vector<unsigned char> in;
  std::string expected;
  for (unsigned i = 0; i < 100; ++i) {
    const std::string out_expected = expected;
    std::string out(2 * in.size() + 2, '#');
    write_hex(in, out.data() + 1);
    CHECK(out == "#" + out_expected + "#");
    const auto byte = static_cast<unsigned char>(i * 37);
    in.push_back(byte);
    constexpr std::string_view digits = "0123456789abcdef";
    expected += digits[byte / 16];
    expected += digits[byte % 16];
  }
}

TEST_CASE("text of any length is copied whole, and nothing beside it is touched") {
  std::string text;
  for (std::size_t size = 0; size < 100; ++size) {
    std::string out(size + 2, '#');
    CHECK(put_text(out.data() + 1, text) == out.data() + 1 + size);
    CHECK(out == "#" + text + "#");
    text += static_cast<char>('a' + size % 26);
  }
}

TEST_CASE("only ASCII letters are lowered") {
  for (int value = 0; value < 256; ++value) {
    const auto c = static_cast<char>(value);
    CHECK(ascii_lower(c) == (value >= 'A' && value <= 'Z' ? static_cast<char>(value + 32) : c));
  }
}

TEST_CASE("names are compared ignoring the case of ASCII letters only") {
  CHECK(equals_ignoring_case("Content-Length", "cONTENT-lENGTH"));
  CHECK(equals_ignoring_case("", ""));
  CHECK_FALSE(equals_ignoring_case("a", ""));
  CHECK_FALSE(equals_ignoring_case("ab", "a"));
  CHECK_FALSE(equals_ignoring_case("ab", "ac"));
  CHECK_FALSE(equals_ignoring_case("@", "`"));
  CHECK_FALSE(equals_ignoring_case("[", "{"));
  CHECK_FALSE(equals_ignoring_case("\xC4", "\xE4"));
}

TEST_CASE("wherever a character stands in a name, its case alone makes no difference") {
  const std::string name = "x-amz-checksum-crc64nvme";
  for (std::size_t at = 0; at < name.size(); ++at) {
    for (int first = 0; first < 256; ++first) {
      std::string a = name;
      a[at] = static_cast<char>(first);
      for (const int second : {first, first ^ 0x20, first ^ 0x01, first ^ 0x80}) {
        std::string b = name;
        b[at] = static_cast<char>(second);
        const bool same = ascii_lower(a[at]) == ascii_lower(b[at]);
        if (equals_ignoring_case(a, b) != same) FAIL("at " << at << " " << first << " and " << second);
      }
    }
  }
}
