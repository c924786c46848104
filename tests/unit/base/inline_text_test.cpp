#include "s3pager/base/inline_text.hpp"

#include <string>

#include "support/catch.hpp"

namespace {

using s3pager::inline_text;

TEST_CASE("a short text is what was assigned last, in memory of its own") {
  inline_text<8> text;
  CHECK(text.view().empty());
  {
    std::string given = "request";
    text.assign(given);
    given.assign(given.size(), 'x');
  }
  CHECK(text.view() == "request");
  text.assign("id");
  CHECK(text.view() == "id");
  text.assign({});
  CHECK(text.view().empty());
}

TEST_CASE("of a text that is too long the beginning is kept") {
  inline_text<8> text;
  text.assign("12345678");
  CHECK(text.view() == "12345678");
  text.assign("123456789");
  CHECK(text.view() == "12345678");
}

}  // namespace
