#include "s3pager/base/glob.hpp"

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager;

namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto made = glob::parse(pattern);
  CAPTURE(pattern.substr(0, 100), text.substr(0, 100), made.message());
  REQUIRE(made);
  return made.value().matches(text);
}

std::string refusal(std::string_view pattern) {
  const auto made = glob::parse(pattern);
  return made ? "none" : made.message();
}

/// The same by the meaning of the words, in whatever time it takes. Of patterns without classes and escapes.
bool means(std::string_view pattern, std::string_view text, bool at_name = true) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    const std::size_t stars = std::min(pattern.find_first_not_of('*'), pattern.size());
    const std::string_view rest = pattern.substr(stars);
    const bool directories = stars > 1 && at_name && !rest.empty() && rest[0] == '/';
    if (directories && means(rest.substr(1), text, true)) return true;
    for (std::size_t taken = 0;; ++taken) {
      if (means(rest, text.substr(taken), false)) return true;
      if (taken == text.size() || (stars == 1 && text[taken] == '/')) return false;
    }
  }
  if (text.empty()) return false;
  if (pattern[0] == '?' ? text[0] == '/' : pattern[0] != text[0]) return false;
  return means(pattern.substr(1), text.substr(1), pattern[0] == '/');
}

}  // namespace

TEST_CASE("a pattern without anything special is the text itself, all of it", "[base][glob]") {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, "a"sv, "logs/2026.json"sv, "\0\xff"sv, "a]b"sv, "a-b!^{,}"sv, "//"sv}) {
    CHECK(matches(text, text));
    CHECK_FALSE(matches(text, std::string(text) + "x"));
    CHECK_FALSE(matches(text, "x" + std::string(text)));
    CHECK_FALSE(matches(std::string(text) + "x", text));
  }
  CHECK_FALSE(matches("a.c", "abc"));
}

TEST_CASE("a star is any run of bytes without a slash", "[base][glob]") {
  CHECK(matches("*", ""));
  CHECK(matches("*", "abc"));
  CHECK(matches("*", "\xff\n"));
  CHECK_FALSE(matches("*", "a/b"));
  CHECK_FALSE(matches("*", "/"));
  CHECK(matches("*.json", ".json"));
  CHECK(matches("*.json", "a.json.json"));
  CHECK_FALSE(matches("*.json", "a.json.gz"));
  CHECK_FALSE(matches("*.json", "a/b.json"));
  CHECK(matches("a/*/c", "a/b/c"));
  CHECK(matches("a/*/c", "a//c"));
  CHECK_FALSE(matches("a/*/c", "a/c"));
  CHECK_FALSE(matches("a/*/c", "a/b/b/c"));
  CHECK(matches("*a*b*", "xxaxxbxx"));
  CHECK_FALSE(matches("*a*b*", "xxbxxaxx"));
}

TEST_CASE("two stars are any run of bytes", "[base][glob]") {
  CHECK(matches("**", ""));
  CHECK(matches("**", "a/b//c"));
  CHECK(matches("a**z", "az"));
  CHECK(matches("a**z", "a/b/z"));
  CHECK_FALSE(matches("a**z", "a/b/zz/y"));
  CHECK(matches("a/**", "a/"));
  CHECK(matches("a/**", "a/b/c"));
  CHECK_FALSE(matches("a/**", "a"));
  CHECK(matches("a***z", "a/z"));
  CHECK(matches("**.json", "a/b.json"));
}

TEST_CASE("two stars and a slash are any number of directories where a name may begin", "[base][glob]") {
  CHECK(matches("**/b", "b"));
  CHECK(matches("**/b", "/b"));
  CHECK(matches("**/b", "a/b"));
  CHECK(matches("**/b", "a/b/b"));
  CHECK_FALSE(matches("**/b", "ab"));
  CHECK_FALSE(matches("**/b", "a/ab"));
  CHECK(matches("a/**/b", "a/b"));
  CHECK(matches("a/**/b", "a/x/b"));
  CHECK(matches("a/**/b", "a/x/y/b"));
  CHECK_FALSE(matches("a/**/b", "a/xb"));
  CHECK_FALSE(matches("a/**/b", "ab"));
  CHECK(matches("a/**/*.json", "a/x.json"));
  CHECK(matches("a/**/*.json", "a/x/y.json"));
  CHECK(matches("a/**/*.json", "a/.json"));
  CHECK_FALSE(matches("a/**/*.json", "ax.json"));
  CHECK(matches("**/**/b", "b"));
  CHECK(matches("**/**", ""));
  CHECK(matches("**/**", "ab"));
  CHECK(matches("\\/**/b", "/b"));
  // Elsewhere they are a run and a slash.
  CHECK(matches("a**/b", "a/b"));
  CHECK_FALSE(matches("a**/b", "ab"));
}

TEST_CASE("a question mark is one byte, but no slash", "[base][glob]") {
  CHECK(matches("a?c", "abc"));
  CHECK(matches("a?c", "a\xff" "c"));
  CHECK_FALSE(matches("a?c", "a/c"));
  CHECK_FALSE(matches("a?c", "ac"));
  CHECK_FALSE(matches("a?c", "abbc"));
}

TEST_CASE("a class is one byte of those it has", "[base][glob]") {
  struct one {
    std::string_view pattern, in, out;
  };
  for (const one& each : {one{"[abc]", "abc", "dA^-]/"}, one{"[a-c]", "abc", "d`-"}, one{"[a-cx-z]", "abcxyz", "dw-"},
                          one{"[!a-c]", "d-!\xff", "abc/"}, one{"[^a-c]", "d-^\x01", "abc/"}, one{"[]]", "]", "[a"},
                          one{"[!]]", "a[!", "]/"}, one{"[]a]", "]a", "b"}, one{"[-a]", "-a", "b"}, one{"[a-]", "a-", "b]"},
                          one{"[a\\]b]", "a]b", "\\"}, one{"[\\!a]", "!a", "\\b"}, one{"[a\\-c]", "a-c", "b\\"},
                          one{"[\\a-\\c]", "abc", "\\-"}, one{"[*?]", "*?", "a"}, one{"[[]", "[", "]"}, one{"[a!^]", "a!^", "b"},
                          one{"[+-9]", "+.09", "/:*"}, one{"[/]", "", "/]["}, one{"[\x80-\xff]", "\x80\xc3\xff", "a\x7f"},
                          one{"[a-a]", "a", "b"}}) {
    CAPTURE(each.pattern);
    for (const char c : each.in) CHECK(matches(each.pattern, {&c, 1}));
    for (const char c : each.out) CHECK_FALSE(matches(each.pattern, {&c, 1}));
    CHECK_FALSE(matches(each.pattern, ""));
  }
  CHECK(matches("log-[0-9][0-9].[a-z]*", "log-07.json"));
}

TEST_CASE("a backslash takes what is special for itself", "[base][glob]") {
  CHECK(matches("\\*", "*"));
  CHECK_FALSE(matches("\\*", "a"));
  CHECK(matches("\\?\\[\\]\\\\\\a", "?[]\\a"));
  CHECK(matches("\\**", "*abc"));
}

TEST_CASE("a bad pattern is refused with the place", "[base][glob]") {
  CHECK(refusal("a[b") == "the class at offset 1 is not closed by ]");
  CHECK(refusal("[") == "the class at offset 0 is not closed by ]");
  CHECK(refusal("[!") == "the class at offset 0 is not closed by ]");
  CHECK(refusal("[]") == "the class at offset 0 is not closed by ]");
  CHECK(refusal("[!]") == "the class at offset 0 is not closed by ]");
  CHECK(refusal("[a-") == "the class at offset 0 is not closed by ]");
  CHECK(refusal("xx[a\\]") == "the class at offset 2 is not closed by ]");
  CHECK(refusal("ab\\") == "the \\ at offset 2 has nothing behind it");
  CHECK(refusal("[a\\") == "the \\ at offset 2 has nothing behind it");
  CHECK(refusal("[a-\\") == "the \\ at offset 3 has nothing behind it");
  CHECK(refusal("x[bz-a]") == "the range at offset 3 ends before it begins");
  CHECK(refusal("[[:alpha:]]") == "names of classes, as at offset 1, are not understood");
  CHECK(refusal(std::string(1024, 'a')) == "the pattern has more than 1023 parts");
  CHECK(refusal(std::string(1023, 'a')) == "none");
  CHECK(refusal(std::string(100'000, '*')) == "none");
}

TEST_CASE("patterns of any length up to the most match at every word of their states", "[base][glob]") {
  for (const std::size_t size : {62U, 63U, 64U, 65U, 127U, 128U, 1000U, 1022U, 1023U}) {
    const std::string text(size, 'a');
    CHECK(matches(text, text));
    CHECK_FALSE(matches(text, text + 'a'));
    CHECK_FALSE(matches(text, text.substr(1)));
    CHECK(matches(text.substr(1) + "*", text + "bc"));
    CHECK(matches("**/" + text.substr(1), "x/" + text.substr(1)));
  }
}

TEST_CASE("hostile patterns and texts take no more time than others", "[base][glob]") {
  // By backtracking any of these takes longer than there is time.
  std::string stars, runs, mixed;
  for (int i = 0; i < 340; ++i) {
    stars += "**a";
    runs += "*a";
    mixed += i % 2 == 0 ? "*a" : "**?";
  }
  const std::string text(20'000, 'a');
  for (const std::string& each : {stars, runs, mixed}) {
    CHECK(matches(each, text));
    CHECK_FALSE(matches(each + "b", text));
    CHECK_FALSE(matches(each, std::string(100, 'a')));
  }
  std::string slashes;
  for (int i = 0; i < 250; ++i) slashes += "**/*a/";
  std::string path;
  for (int i = 0; i < 10'000; ++i) path += "a/";
  CHECK(matches(slashes, path));
  CHECK_FALSE(matches(slashes + "b", path));
}

TEST_CASE("random patterns mean what the words say", "[base][glob][long]") {
  std::mt19937 random(6);
  const auto text_of = [&](std::string_view alphabet, std::size_t most) {
    std::string made(random() % (most + 1), '\0');
    for (char& c : made) c = alphabet[random() % alphabet.size()];
    return made;
  };
  std::size_t matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = text_of("ab/**?", 9);
    const std::string text = text_of("ab//", 9);
    const bool expected = means(pattern, text);
    matched += expected ? 1 : 0;
    if (matches(pattern, text) != expected) FAIL("pattern " << pattern << ", text " << text << ": " << expected);
  }
  CHECK(matched > 700);
}
