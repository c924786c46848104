#include "s3pager/xml/error_body.hpp"

#include <string>

#include "support/catch.hpp"

using s3pager::xml::parse_error_body;

TEST_CASE("an error of AWS is read with all that it says") {
  const auto body = parse_error_body(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using "
      "the specified endpoint &amp; no other.</Message><Endpoint>logs.s3.eu-west-1.amazonaws.com</Endpoint>"
      "<BucketName>logs</BucketName><Key>a&lt;b</Key><Region>eu-west-1</Region>"
      "<RequestId>4442587FB7D0A2F9</RequestId><HostId>vZ/Abc+d=</HostId></Error>");
  REQUIRE(body);
  CHECK(body->code == "PermanentRedirect");
  CHECK(body->message ==
        "The bucket you are attempting to access must be addressed using the specified endpoint & no other.");
  CHECK(body->endpoint == "logs.s3.eu-west-1.amazonaws.com");
  CHECK(body->bucket_name == "logs");
  CHECK(body->key == "a<b");
  CHECK(body->region == "eu-west-1");
  CHECK(body->request_id == "4442587FB7D0A2F9");
  CHECK(body->host_id == "vZ/Abc+d=");
}

TEST_CASE("radosgw's error without a message is read") {
  const auto body = parse_error_body(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchKey</Code><Message></Message>"
      "<BucketName>b</BucketName><RequestId>tx00000e8-0069-1005-default</RequestId>"
      "<HostId>1005-default-default</HostId></Error>");
  REQUIRE(body);
  CHECK(body->code == "NoSuchKey");
  CHECK(body->message.empty());
  CHECK(body->bucket_name == "b");
  CHECK(body->request_id == "tx00000e8-0069-1005-default");
  CHECK(body->key.empty());
}

TEST_CASE("unknown elements, namespaces and markup inside of a field do no harm") {
  const auto body = parse_error_body(
      "<e:Error xmlns:e=\"urn:e\"><!-- c --><e:Resource>/b/k</e:Resource><e:Message>a<b/>c</e:Message>"
      "<e:Code><![CDATA[SlowDown]]></e:Code><Deep><Code>Wrong</Code></Deep></e:Error>\r\n");
  REQUIRE(body);
  CHECK(body->code == "SlowDown");
  CHECK(body->message.empty());
}

TEST_CASE("of a repeated element the first counts") {
  const auto body = parse_error_body("<Error><Code>A</Code><Code>B</Code></Error>");
  REQUIRE(body);
  CHECK(body->code == "A");
}

TEST_CASE("an error that STS wraps is read, with the request id beside it") {
  const auto body = parse_error_body(
      "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
      "<Code>ExpiredTokenException</Code><Message>The token is expired</Message></Error>"
      "<RequestId>c6104cbe-af31-11e0</RequestId></ErrorResponse>");
  REQUIRE(body);
  CHECK(body->code == "ExpiredTokenException");
  CHECK(body->message == "The token is expired");
  CHECK(body->request_id == "c6104cbe-af31-11e0");
}

TEST_CASE("what is no error body is nothing") {
  const auto bytes =
      GENERATE(as<std::string_view>{}, "", " ", "Service Unavailable", "<html><body><h1>503</h1></body></html>",
               "<!DOCTYPE html><html></html>", "<Error/>", "<Error></Error>", "<Error><Code></Code></Error>",
               "<Error><Message>m</Message></Error>", "<Error>SlowDown</Error>", "{\"Code\":\"SlowDown\"}",
               "<ErrorResponse><Code2>x</Code2></ErrorResponse>", "<Errors><Code>x</Code></Errors>",
               "<Error><Code>a&#0;b</Code></Error>", "<Error><Code>x</Code></Error><Error/>", "<", "<?xml", "<!--",
               "<!DOCTYPE Error><Error><Code>x</Code></Error>");
  CAPTURE(bytes);
  CHECK_FALSE(parse_error_body(bytes));
}

TEST_CASE("an error body with a NUL in it is nothing") {
  using namespace std::string_view_literals;
  CHECK_FALSE(parse_error_body("<Error><Code>a\0b</Code></Error>"sv));
  CHECK_FALSE(parse_error_body("<Error><Code>a</Code></Error>\0"sv));
}

TEST_CASE("an error body that is cut off anywhere is nothing") {
  const std::string whole =
      "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>m &amp; n</Message><Key>k</Key></Error>";
  REQUIRE(parse_error_body(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(parse_error_body(std::string_view(whole).substr(0, length)));
  }
}

TEST_CASE("a long field is cut at its bound, a body beyond its own is not read") {
  const auto with_message = [](std::size_t length) {
    return "<Error><Code>C</Code><Message>" + std::string(length, 'm') + "</Message></Error>";
  };
  CHECK(parse_error_body(with_message(1024))->message == std::string(1024, 'm'));
  CHECK(parse_error_body(with_message(1025))->message == std::string(1024, 'm'));
  const std::size_t around = with_message(0).size();
  CHECK(parse_error_body(with_message(64 * 1024 - around)));
  CHECK_FALSE(parse_error_body(with_message(64 * 1024 - around + 1)));
}
