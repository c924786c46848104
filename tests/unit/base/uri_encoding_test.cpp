#include "s3pager/base/uri_encoding.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using s3pager::plus;
using s3pager::slash;

namespace {

std::string encoded(std::string_view text, slash mode) {
  std::string out;
  s3pager::append_uri_encoded(out, text, mode);
  return out;
}

std::string decoded(std::string_view text, plus mode = plus::literal) {
  std::string out;
  return s3pager::append_uri_decoded(out, text, mode) ? out : "refused";
}

}  // namespace

TEST_CASE("unreserved characters are kept and all other bytes become upper-case escapes", "[uri_encoding]") {
  const std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::size_t kept = 0;
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const std::string text(1, c);
    if (unreserved.find(c) != std::string_view::npos) {
      ++kept;
      CHECK(encoded(text, slash::encode) == text);
      CHECK(encoded(text, slash::keep) == text);
      continue;
    }
    const char digits[] = "0123456789ABCDEF";
    const std::string escape = {'%', digits[value >> 4], digits[value & 15]};
    CHECK(encoded(text, slash::encode) == escape);
    CHECK(encoded(text, slash::keep) == (c == '/' ? "/" : escape));
  }
  CHECK(kept == 66);
}

TEST_CASE("a path is encoded without being normalised", "[uri_encoding]") {
  CHECK(encoded("/a//b/./../c/", slash::keep) == "/a//b/./../c/");
  CHECK(encoded("a b+c%20d", slash::keep) == "a%20b%2Bc%2520d");
  CHECK(encoded("\xc3\xbc/\xe6\x97\xa5", slash::keep) == "%C3%BC/%E6%97%A5");
  CHECK(encoded("a/b=c&d", slash::encode) == "a%2Fb%3Dc%26d");
  CHECK(encoded("", slash::encode).empty());
}

TEST_CASE("encoding appends and says its size beforehand", "[uri_encoding]") {
  std::string out = "/bucket/";
  s3pager::append_uri_encoded(out, "a b", slash::keep);
  CHECK(out == "/bucket/a%20b");
  CHECK(s3pager::uri_encoded_size("a b/", slash::keep) == 6);
  CHECK(s3pager::uri_encoded_size("a b/", slash::encode) == 8);
  char buffer[8];
  CHECK(s3pager::uri_encode("a b/", buffer, slash::encode) == buffer + 8);
  CHECK(std::string_view(buffer, 8) == "a%20b%2F");
}

TEST_CASE("decoding undoes encoding for every byte", "[uri_encoding]") {
  std::string all;
  for (int value = 0; value < 256; ++value) all += static_cast<char>(value);
  CHECK(decoded(encoded(all, slash::encode)) == all);
  CHECK(decoded(encoded(all, slash::keep)) == all);
  CHECK(decoded(encoded(all, slash::encode), plus::space) == all);
}

TEST_CASE("a plus is itself or a space, as the caller says", "[uri_encoding]") {
  CHECK(decoded("a+b%2Bc%20d") == "a+b+c d");
  CHECK(decoded("a+b%2Bc%20d", plus::space) == "a b+c d");
}

TEST_CASE("digits of escapes may have either case", "[uri_encoding]") {
  CHECK(decoded("%2f%2F%aB%Ab") == "//\xab\xab");
}

TEST_CASE("a bad escape is refused and leaves the output as it was", "[uri_encoding]") {
  for (const std::string_view text : {"%", "a%", "a%2", "%2g", "%g2", "%%20", "%-1", "% 1", "%+1", "ok%20then%"}) {
    CAPTURE(text);
    std::string out = "before";
    CHECK_FALSE(s3pager::append_uri_decoded(out, text));
    CHECK(out == "before");
  }
  std::string out = "before ";
  CHECK(s3pager::append_uri_decoded(out, "%61fter"));
  CHECK(out == "before after");
}
