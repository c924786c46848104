#include "s3pager/http/request_parser.hpp"

#include <memory>
#include <string>
#include <string_view>

#include "s3pager/http/request_writer.hpp"
#include "support/catch.hpp"
#include "unit/http/splits.hpp"

using s3pager::as_byte_span;
using s3pager::http::protocol_error;
using s3pager::http::request_limits;
using s3pager::http::request_parser;
using s3pager::http::step_kind;
using s3pager::test::transcript;

namespace {

transcript parse(std::string_view input, request_limits limits = {}) {
  return s3pager::test::run_all_splits(input, [&] { return std::make_unique<request_parser>(limits); });
}

std::error_code error_of(std::string_view input) { return parse(input).error; }

}  // namespace

TEST_CASE("a request without a body is a head and an end", "[http][request]") {
  const std::string request = "GET /b/a%20key?list-type=2 HTTP/1.1\r\nHost: h\r\nRange: bytes=0-1 \r\n\r\n";
  const transcript log = parse(request + "GET ");
  CHECK(log.head == "GET /b/a%20key?list-type=2 1.1 keep Host=h;Range=bytes=0-1;");
  CHECK(log.ended);
  CHECK(log.consumed == request.size());
}

TEST_CASE("a request with a length has a body", "[http][request]") {
  const transcript log = parse("PUT /k HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello");
  CHECK(log.head == "PUT /k 1.1 keep expects Content-Length=5;Expect=100-Continue;");
  CHECK(log.body == "hello");
  CHECK(log.ended);
  CHECK(parse("PUT /k HTTP/1.0\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n").head ==
        "PUT /k 1.0 close Content-Length=0;Expect=100-continue;");
}

TEST_CASE("the parser reads back what the writer wrote", "[http][request]") {
  char buffer[256];
  s3pager::http::request_writer writer(buffer);
  const auto bytes = writer.begin("GET", "/a//./../b").header("Host", "h").header("x", "a  b").finish();
  request_parser parser;
  CHECK(parser.feed(bytes).kind == step_kind::head);
  CHECK(parser.method() == "GET");
  CHECK(parser.target() == "/a//./../b");
  CHECK(*parser.header("X") == "a  b");
  CHECK(parser.method().data() == buffer);
  CHECK(parser.content_length() == std::nullopt);
  CHECK(parser.feed({}).kind == step_kind::end);
}

TEST_CASE("request lines that are refused", "[http][request]") {
  for (const std::string_view line : {"", " GET / HTTP/1.1", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /", "GET",
                                      "GET /a b HTTP/1.1", "GET / http/1.1", "GET / HTTP/1.x", "G(T / HTTP/1.1",
                                      "GET\t/ HTTP/1.1", "GET /\t HTTP/1.1", "GET /\xc3\xbc HTTP/1.1", "GET  HTTP/1.1",
                                      "GET / HTTP/1,1", "GET /\x01 HTTP/1.1", "GET / HTTP/1.10"}) {
    CAPTURE(line);
    CHECK(error_of(std::string(line) + "\r\n\r\n") == protocol_error::bad_request_line);
  }
  CHECK(error_of("GET / HTTP/2.0\r\n\r\n") == protocol_error::unsupported_version);
  CHECK(error_of("GET / HTTP/1.2\r\n\r\n") == protocol_error::unsupported_version);
  CHECK(error_of("GET / HTTP/1.1\n\r\n") == protocol_error::bare_lf);
  CHECK(error_of("GET /\n") == protocol_error::bare_lf);
  CHECK(error_of("GET / HTTP/1.1\r\r\n") == protocol_error::bare_cr);
}

TEST_CASE("a request's fields are held to the rules of a response's", "[http][request][smuggling]") {
  const auto with = [](std::string_view lines) {
    return error_of("PUT / HTTP/1.1\r\n" + std::string(lines) + "\r\nbody");
  };
  CHECK(with("Content-Length: 1\r\nContent-Length: 1\r\n") == protocol_error::duplicate_content_length);
  CHECK(with("Content-Length: 1\r\nContent-Length: 2\r\n") == protocol_error::conflicting_content_length);
  CHECK(with("Content-Length: +1\r\n") == protocol_error::bad_content_length);
  CHECK(with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") == protocol_error::length_with_transfer_encoding);
  CHECK(with("Transfer-Encoding: chunked\r\n") == protocol_error::unsupported_transfer_coding);
  CHECK(with("Content-Length : 1\r\n") == protocol_error::bad_header_name);
  CHECK(with("a: b\r\n c\r\n") == protocol_error::obsolete_fold);
  CHECK(with("a: \x01\r\n") == protocol_error::bad_header_value);
  CHECK(with("a: b\n") == protocol_error::bare_lf);
  CHECK(with("a: b\rc\r\n") == protocol_error::bare_cr);
}

TEST_CASE("a request's head may be as large as its limits and not larger", "[http][request]") {
  const std::string_view head = "GET / HTTP/1.1\r\na: b\r\n\r\n";
  CHECK(parse(head, {.max_head_bytes = head.size()}).ended);
  CHECK(parse(head, {.max_head_bytes = head.size() - 1}).error == protocol_error::head_too_large);
  std::string many = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i < request_parser::max_headers; ++i) many += "a:b\r\n";
  CHECK(parse(many + "\r\n").ended);
  CHECK(parse(many + "a:b\r\n\r\n").error == protocol_error::too_many_headers);
}

TEST_CASE("a request that ends early says where", "[http][request]") {
  const std::string_view whole = "PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
  CHECK(error_of("") == protocol_error::closed_before_message);
  for (std::size_t size = 1; size < whole.size(); ++size)
    CHECK(error_of(whole.substr(0, size)) ==
          (size < 37 ? protocol_error::truncated_head : protocol_error::truncated_body));
}

TEST_CASE("whether a client may send another request", "[http][request]") {
  const auto kept = [](std::string_view version, std::string_view line) {
    const std::string text = "GET / HTTP/" + std::string(version) + "\r\n" + std::string(line) + "\r\n";
    return parse(text).head.find(" keep ") != std::string::npos;
  };
  CHECK(kept("1.1", ""));
  CHECK(kept("1.1", "Connection: keep-alive\r\n"));
  CHECK_FALSE(kept("1.1", "Connection: close\r\n"));
  CHECK_FALSE(kept("1.0", ""));
  CHECK(kept("1.0", "Connection: keep-alive\r\n"));
}

TEST_CASE("requests follow each other on one parser", "[http][request]") {
  std::string_view rest = "PUT /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /b HTTP/1.1\r\n\r\n";
  request_parser parser;
  const transcript first = s3pager::test::run(parser, rest);
  CHECK(first.body == "ab");
  CHECK(first.ended);
  rest.remove_prefix(first.consumed);
  parser.reset();
  CHECK_FALSE(parser.started());
  const transcript second = s3pager::test::run(parser, rest);
  CHECK(second.head == "GET /b 1.1 keep ");
  CHECK(second.ended);
  CHECK(second.consumed == rest.size());
}
