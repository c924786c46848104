#include "s3pager/testing/s3_error.hpp"

#include <string>

#include "s3pager/xml/error_body.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;

TEST_CASE("an error's body is what the library reads as one", "[testing][s3_error]") {
  const s3_error made{404, "NoSuchKey", "a < b & \"c\" > d", {{"Key", "x\r\n\ty]]>"}}};
  const auto read = xml::parse_error_body(error_body(made, "R", "H"));
  REQUIRE(read);
  CHECK(read->code == "NoSuchKey");
  CHECK(read->message == made.message);
  CHECK(read->key == "x\r\n\ty]]>");
  CHECK(read->request_id == "R");
  CHECK(read->host_id == "H");
}

TEST_CASE("control characters become references", "[testing][s3_error]") {
  std::string out;
  append_element(out, "E", "a\rb\x01&");
  CHECK(out == "<E>a&#13;b&#1;&amp;</E>");
}
