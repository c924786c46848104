#include "s3pager/base/base64.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

using namespace s3pager;

namespace {

bool reads(std::string_view text, std::string_view expected) {
  std::vector<std::byte> out(expected.size());
  return from_base64(text, out) && to_base64(out) == text &&
         std::string_view(reinterpret_cast<const char*>(out.data()), out.size()) == expected;
}

}  // namespace

TEST_CASE("base64 has the values of RFC 4648") {
  for (const auto& [bytes, text] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                   {"f", "Zg=="},
                                                                                   {"fo", "Zm8="},
                                                                                   {"foo", "Zm9v"},
                                                                                   {"foob", "Zm9vYg=="},
                                                                                   {"fooba", "Zm9vYmE="},
                                                                                   {"foobar", "Zm9vYmFy"},
                                                                                   {"\xfb\xff\xbf", "+/+/"}}) {
    CHECK(to_base64(as_byte_span(bytes)) == text);
    CHECK(reads(text, bytes));
  }
}

TEST_CASE("base64 of another size, or written otherwise, is refused") {
  std::array<std::byte, 2> two;
  CHECK(from_base64("Zm8=", two));
  for (const std::string_view text : {"", "Zm8", "Zm8==", "Zm9v", "Zg==", "Zm8-", "Zm9=", "Z m8=", "Zm8=\n", "====", "Zm=8"})
    CHECK_FALSE(from_base64(text, two));
}
