#include "s3pager/http/response_parser.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/counted_operators.hpp"
#include "unit/http/splits.hpp"

using s3pager::as_byte_span;
using s3pager::http::protocol_error;
using s3pager::http::request_method;
using s3pager::http::response_limits;
using s3pager::http::response_parser;
using s3pager::http::step_kind;
using s3pager::test::heap;
using s3pager::test::transcript;

namespace {

transcript parse(std::string_view input, request_method method = request_method::ordinary, response_limits limits = {}) {
  return s3pager::test::run_all_splits(input, [&] {
    auto parser = std::make_unique<response_parser>(limits);
    parser->reset(method);
    return parser;
  });
}

std::error_code error_of(std::string_view input) { return parse(input).error; }

/// The error of a 200 with these header lines.
std::error_code error_of_headers(std::string_view lines) {
  return error_of("HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\nbody that is long enough");
}

}  // namespace

TEST_CASE("a response with a length is a head, a body and an end", "[http][response]") {
  const transcript log = parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"abc\"\r\n\r\nhello");
  CHECK(log.head == "200 OK 1.1 keep Content-Length=5;ETag=\"abc\";");
  CHECK(log.body == "hello");
  CHECK(log.ended);
  CHECK_FALSE(log.error);
}

TEST_CASE("bytes after a message are not consumed", "[http][response]") {
  const std::string_view message = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const transcript log = parse(std::string(message) + "HTTP/1.1 500 ");
  CHECK(log.ended);
  CHECK(log.consumed == message.size());
}

TEST_CASE("a length of zero is an end without a body", "[http][response]") {
  const transcript log = parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx");
  CHECK(log.ended);
  CHECK(log.body.empty());
  CHECK(log.consumed == 38);
}

TEST_CASE("a chunked response gives its body and its trailers", "[http][response]") {
  const transcript log = parse(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-sum: 1 \r\n\r\nX");
  CHECK(log.body == "hello world");
  CHECK(log.end == "x-sum=1;");
  CHECK(log.ended);
}

TEST_CASE("a response without a length goes on until the connection ends", "[http][response]") {
  const transcript log = parse("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nall of this");
  CHECK(log.head == "200 OK 1.1 close Server=x;");
  CHECK(log.body == "all of this");
  CHECK(log.ended);
}

TEST_CASE("a head in one piece is parsed in place, a split one in the parser's memory", "[http][response]") {
  const std::string_view text = "HTTP/1.1 200 Fine\r\nA: bc\r\nContent-Length: 1\r\n\r\n";
  response_parser parser;
  CHECK(parser.feed(as_byte_span(text)).kind == step_kind::head);
  CHECK(parser.header("a")->data() == text.data() + 22);
  CHECK(parser.reason().data() == text.data() + 13);

  parser.reset();
  CHECK(parser.feed(as_byte_span(text.substr(0, 21))).kind == step_kind::need_more);
  CHECK(parser.feed(as_byte_span(text.substr(21))).kind == step_kind::head);
  CHECK(*parser.header("A") == "bc");
  const char* const held = parser.header("A")->data();
  CHECK((held < text.data() || held >= text.data() + text.size()));
}

TEST_CASE("only a split head needs memory, which is kept for the next one", "[http][response]") {
  const std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const std::string_view pieces[] = {text.substr(0, 9), text.substr(9, 9), text.substr(18)};
  response_parser parser;
  std::size_t taken = heap::allocations();
  (void)parser.feed(as_byte_span(text));
  taken = heap::allocations() - taken;
  CHECK(taken == 0);
  for (int i = 0; i < 3; ++i) {
    parser.reset();
    std::size_t held = 0;
    const std::size_t before = heap::allocations();
    for (const std::string_view piece : pieces) held += parser.feed(as_byte_span(piece)).consumed;
    taken += heap::allocations() - before;
    CHECK(held == 38);
    CHECK(parser.status() == 200);
    CHECK(taken == 1);
  }
}

TEST_CASE("headers keep their order, may repeat and are found in any case", "[http][response]") {
  const std::string_view text = "HTTP/1.1 200 OK\r\nX:1\r\nempty:\r\ny: \t a b\t \r\nx:2\r\nContent-Length:0\r\n\r\n";
  response_parser parser;
  CHECK(parser.feed(as_byte_span(text)).kind == step_kind::head);
  CHECK(parser.headers().size() == 5);
  CHECK(parser.headers().count("x") == 2);
  CHECK(*parser.header("X") == "1");
  CHECK(*parser.header("Y") == "a b");
  CHECK(parser.header("EMPTY")->empty());
  CHECK(parser.header("none") == std::nullopt);
  CHECK(parse(text).head == "200 OK 1.1 keep X=1;empty=;y=a b;x=2;Content-Length=0;");
}

TEST_CASE("the length and what remains of it are known at every step", "[http][response]") {
  response_parser parser;
  CHECK_FALSE(parser.started());
  CHECK(parser.content_remaining() == 0);
  CHECK(parser.feed(as_byte_span("HTTP/1.1 206 Partial Content\r\nContent-Length: 6\r\n\r\n")).kind == step_kind::head);
  CHECK(parser.started());
  CHECK(parser.status() == 206);
  CHECK(parser.content_length() == 6U);
  CHECK(parser.content_remaining() == 6);
  CHECK(parser.feed({}).kind == step_kind::need_more);
  CHECK(parser.feed(as_byte_span("abcd")).body.size() == 4);
  CHECK(parser.content_remaining() == 2);
  CHECK(parser.feed(as_byte_span("efgh")).consumed == 2);
  CHECK(parser.content_remaining() == 0);
  CHECK(parser.feed({}).kind == step_kind::end);
}

TEST_CASE("a length may be any of 64 bits", "[http][response]") {
  response_parser parser;
  CHECK(parser.feed(as_byte_span("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n")).kind ==
        step_kind::head);
  CHECK(parser.content_remaining() == 18446744073709551615U);
  parser.reset();
  CHECK(parser.feed(as_byte_span("HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000000007\r\n\r\n")).kind ==
        step_kind::head);
  CHECK(parser.content_length() == 7U);
}

TEST_CASE("some responses have no body, whatever their headers say", "[http][response]") {
  for (const std::string_view lines : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    CAPTURE(lines);
    const std::string head200 = "HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n";
    const std::string head204 = "HTTP/1.1 204 No Content\r\n" + std::string(lines) + "\r\n";
    const std::string head304 = "HTTP/1.1 304 Not Modified\r\n" + std::string(lines) + "\r\n";
    for (const transcript& log :
         {parse(head200 + "hello", request_method::head), parse(head200 + "hello", request_method::connect)}) {
      CHECK(log.ended);
      CHECK(log.body.empty());
      CHECK(log.consumed == head200.size());
      CHECK(log.head.find(" keep ") != std::string::npos);
    }
    CHECK(parse(head204 + "x").ended);
    CHECK(parse(head204 + "x").consumed == head204.size());
    CHECK(parse(head304 + "x").ended);
    CHECK(parse(head304 + "x").consumed == head304.size());
  }
  response_parser parser;
  parser.reset(request_method::head);
  CHECK(parser.feed(as_byte_span("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")).kind == step_kind::head);
  CHECK(parser.content_length() == 5U);
  CHECK(parser.content_remaining() == 0);
  CHECK(parse("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", request_method::connect).body == "no");
}

TEST_CASE("interim responses are skipped, up to their limit", "[http][response]") {
  const std::string interim = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  std::string many;
  for (int i = 0; i < 16; ++i) many += interim;
  const transcript log = parse(many + last);
  CHECK(log.head == "200 OK 1.1 keep Content-Length=2;");
  CHECK(log.body == "ok");
  CHECK(error_of(many + interim + last) == protocol_error::too_many_interim_responses);
  CHECK(error_of("HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n" + last) == std::error_code());
  CHECK(parse("HTTP/1.1 103 Early Hints\r\nConnection: close\r\nContent-Length: 9\r\n\r\n" + last).head ==
        "200 OK 1.1 keep Content-Length=2;");
  CHECK(error_of("HTTP/1.1 101 Switching Protocols\r\n\r\n" + last) == protocol_error::unexpected_upgrade);
  CHECK(error_of(interim) == protocol_error::truncated_head);
}

TEST_CASE("status lines that are tolerated", "[http][response]") {
  const std::string rest = "\r\nContent-Length: 0\r\n\r\n";
  CHECK(parse("HTTP/1.1 200" + rest).head == "200  1.1 keep Content-Length=0;");
  CHECK(parse("HTTP/1.1 200 " + rest).head == "200  1.1 keep Content-Length=0;");
  CHECK(parse("HTTP/1.1 503 Slow\tDown \xc3\xbc" + rest).head == "503 Slow\tDown \xc3\xbc 1.1 keep Content-Length=0;");
  CHECK(parse("HTTP/1.1 999 ?" + rest).head == "999 ? 1.1 keep Content-Length=0;");
}

TEST_CASE("status lines that are refused", "[http][response]") {
  const std::string rest = "\r\nContent-Length: 0\r\n\r\n";
  for (const std::string_view line :
       {"", "\r\nHTTP/1.1 200 OK", "http/1.1 200 OK", "HTTP/1.1200 OK", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
        "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 +20 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1 200\tOK", "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\x7fK", "HTTP/.1 200 OK", "HTTP/1,1 200 OK",
        "HTTP/1.x 200 OK", "HTTPS/1.1 200 OK", "ICY 200 OK", " HTTP/1.1 200 OK", "\x16\x03\x01 a TLS record"}) {
    CAPTURE(line);
    CHECK(error_of(std::string(line) + rest) == protocol_error::bad_status_line);
  }
  for (const std::string_view line : {"HTTP/2 200 OK", "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "HTTP/3.1 200 OK"}) {
    CAPTURE(line);
    CHECK(error_of(std::string(line) + rest) == protocol_error::unsupported_version);
  }
  CHECK(error_of("HTTP/1.1 200 OK\nA: b\r\n\r\n") == protocol_error::bare_lf);
  CHECK(error_of("HTTP/1.1 200 O\rK\r\n\r\n") == protocol_error::bare_cr);
  CHECK(error_of("HTTP/1.1 200\rOK\r\n\r\n") == protocol_error::bare_cr);
}

TEST_CASE("lengths that two readers could read in two ways are refused", "[http][response][smuggling]") {
  CHECK(error_of_headers("Content-Length: 5\r\nContent-Length: 5\r\n") == protocol_error::duplicate_content_length);
  CHECK(error_of_headers("Content-Length: 5\r\nA: b\r\ncontent-length: 05\r\n") ==
        protocol_error::duplicate_content_length);
  CHECK(error_of_headers("Content-Length: 5\r\nContent-Length: 6\r\n") == protocol_error::conflicting_content_length);
  CHECK(error_of_headers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") ==
        protocol_error::length_with_transfer_encoding);
  CHECK(error_of_headers("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") ==
        protocol_error::length_with_transfer_encoding);
  for (const std::string_view bad : {"", " ", "+5", "-5", "-0", "5,5", "5, 5", "5 5", "0x5", "5.0", "5e1", "five", "5;",
                                     "\"5\"", "18446744073709551616", "99999999999999999999", "184467440737095516150"}) {
    CAPTURE(bad);
    CHECK(error_of_headers("Content-Length:" + std::string(bad) + "\r\n") == protocol_error::bad_content_length);
  }
  // Also where no body follows.
  CHECK(parse("HTTP/1.1 304 x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").error ==
        protocol_error::conflicting_content_length);
}

TEST_CASE("a transfer coding is just chunked or refused", "[http][response][smuggling]") {
  for (const std::string_view bad : {"", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                                     "chunked;q=1", "chunked,", ",chunked", "xchunked", "\"chunked\"", "chunke"}) {
    CAPTURE(bad);
    CHECK(error_of_headers("Transfer-Encoding: " + std::string(bad) + "\r\n") ==
          protocol_error::unsupported_transfer_coding);
  }
  CHECK(error_of_headers("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") ==
        protocol_error::unsupported_transfer_coding);
  CHECK(error_of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
        protocol_error::unsupported_transfer_coding);
}

TEST_CASE("malformed header lines are refused", "[http][response][smuggling]") {
  using namespace std::string_view_literals;
  for (const std::string_view bad :
       {"Content-Length : 5\r\n"sv, "Content-Length\t: 5\r\n"sv, ": 5\r\n"sv, "no colon\r\n"sv, "nocolon\r\n"sv,
        "a b: c\r\n"sv, "a\0b: c\r\n"sv, "\xc3\xbc: c\r\n"sv, "a(b): c\r\n"sv, "a\x7f: c\r\n"sv, "\0: c\r\n"sv}) {
    CAPTURE(bad);
    CHECK(error_of_headers(bad) == protocol_error::bad_header_name);
  }
  for (int value = 0; value < 0x20; ++value) {
    const char c = static_cast<char>(value);
    if (c == '\t' || c == '\r' || c == '\n') continue;
    CAPTURE(value);
    for (const std::string_view before : {"", "1234567", "12345678", "123456789abcdef"})
      CHECK(error_of_headers("a: " + std::string(before) + c + "23456789\r\n") == protocol_error::bad_header_value);
  }
  CHECK(error_of_headers("a: b\x7f\r\n") == protocol_error::bad_header_value);
  CHECK(error_of_headers("a: b\r\n c\r\n") == protocol_error::obsolete_fold);
  CHECK(error_of_headers("a: b\r\n\tc\r\n") == protocol_error::obsolete_fold);
  CHECK(error_of_headers(" a: b\r\n") == protocol_error::obsolete_fold);
}

TEST_CASE("a bare CR or LF is refused anywhere in a head", "[http][response][smuggling]") {
  CHECK(error_of_headers("a: b\nc: d\r\n") == protocol_error::bare_lf);
  CHECK(error_of_headers("a: b\n\r\n") == protocol_error::bare_lf);
  CHECK(error_of_headers("a:\n") == protocol_error::bare_lf);
  CHECK(error_of_headers("a\n: b\r\n") == protocol_error::bare_lf);
  CHECK(error_of_headers("\n") == protocol_error::bare_lf);
  CHECK(error_of_headers("a: b\rc\r\n") == protocol_error::bare_cr);
  CHECK(error_of_headers("a: b\r\r\n") == protocol_error::bare_cr);
  CHECK(error_of_headers("a:\rb\r\n") == protocol_error::bare_cr);
  CHECK(error_of_headers("\rb: c\r\n") == protocol_error::bare_cr);
}

TEST_CASE("a head may be as large as its limit and not a byte larger", "[http][response]") {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
  const auto with_limit = [&](std::size_t max) {
    return parse(head + "ok", request_method::ordinary, {.max_head_bytes = max});
  };
  CHECK(with_limit(head.size()).ended);
  CHECK(with_limit(head.size()).body == "ok");
  for (std::size_t max = 0; max < head.size(); ++max) {
    const transcript log = with_limit(max);
    CHECK(log.error == protocol_error::head_too_large);
    CHECK(log.consumed == max);
  }
}

TEST_CASE("a head of 64 KiB is read in any pieces by default", "[http][response]") {
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
  text += "x: " + std::string(64 * 1024 - text.size() - 7, 'v') + "\r\n\r\n";
  REQUIRE(text.size() == 64 * 1024);
  for (const bool fits : {true, false}) {
    if (!fits) text.insert(text.size() - 4, "v");
    for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{1448}, std::size_t{40000}}) {
      std::vector<std::string_view> pieces;
      for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
        pieces.push_back(rest.substr(0, piece));
      response_parser parser;
      const transcript log = s3pager::test::run(parser, pieces);
      CHECK(log.error == (fits ? protocol_error::truncated_body : protocol_error::head_too_large));
      CHECK(log.consumed == 64 * 1024);
    }
  }
}

TEST_CASE("there may be 128 headers and not one more", "[http][response]") {
  std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  for (std::size_t i = 1; i < response_parser::max_headers; ++i) text += "a:b\r\n";
  CHECK(parse(text + "\r\n").ended);
  CHECK(error_of(text + "a:b\r\n\r\n") == protocol_error::too_many_headers);
}

TEST_CASE("whether a connection may be used again", "[http][response]") {
  struct row {
    std::string_view version;
    std::string_view lines;
    bool expected;
  };
  const std::vector<row> rows = {
      {"1.1", "", true},
      {"1.1", "Connection: keep-alive\r\n", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "connection: CLOSE\r\n", false},
      {"1.1", "Connection: x, Close ,y\r\n", false},
      {"1.1", "Connection: keep-alive, close\r\n", false},
      {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
      {"1.1", "Connection: close\r\nConnection: keep-alive\r\n", false},
      {"1.1", "Connection: closed\r\n", true},
      {"1.1", "Connection: ,,\r\n", true},
      {"1.1", "X-Connection: close\r\n", true},
      {"1.0", "", false},
      {"1.0", "Connection: keep-alive\r\n", true},
      {"1.0", "Connection: Keep-Alive, x\r\n", true},
      {"1.0", "Connection: keep-alive, close\r\n", false},
      {"1.0", "Connection: x\r\n", false},
  };
  for (const row& r : rows) {
    CAPTURE(r.version, r.lines);
    const std::string start = "HTTP/" + std::string(r.version) + " 200 OK\r\n" + std::string(r.lines);
    const std::string expected = r.expected ? " keep " : " close ";
    CHECK(parse(start + "Content-Length: 0\r\n\r\n").head.find(expected) != std::string::npos);
    CHECK(parse(start + "\r\n").head.find(" close ") != std::string::npos);  // ends with the connection
    CHECK(parse(start + "\r\n", request_method::head).head.find(expected) != std::string::npos);
  }
}

TEST_CASE("a refused or unfinished head keeps no connection", "[http][response]") {
  response_parser parser;
  CHECK_FALSE(parser.keep_alive());
  CHECK(parser.feed(as_byte_span("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n")).kind == step_kind::head);
  CHECK(parser.keep_alive());
  CHECK(parser.on_eof().error == protocol_error::truncated_body);
  CHECK_FALSE(parser.keep_alive());
  CHECK(parser.feed(as_byte_span("x")).error == protocol_error::truncated_body);
  CHECK(parser.on_eof().error == protocol_error::truncated_body);
}

TEST_CASE("an early end is told apart by where it came", "[http][response]") {
  const std::string_view sized = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  CHECK(error_of("") == protocol_error::closed_before_message);
  for (std::size_t size = 1; size < sized.size(); ++size) {
    const transcript log = parse(sized.substr(0, size));
    CHECK(log.error == (size < 38 ? protocol_error::truncated_head : protocol_error::truncated_body));
  }
  const std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nt: v\r\n\r\n";
  for (std::size_t size = 48; size < chunked.size(); ++size) {
    CAPTURE(size);
    CHECK(parse(chunked.substr(0, size)).error == protocol_error::truncated_body);
  }
  CHECK(parse(chunked).ended);

  response_parser parser;
  CHECK(parser.feed(as_byte_span("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).kind == step_kind::head);
  CHECK(parser.on_eof().kind == step_kind::end);
}

TEST_CASE("a parser is as new after a reset, whatever came before", "[http][response]") {
  response_parser parser;
  const std::string chunked = "HTTP/1.0 404 No\r\nA: b\r\n\r\n";
  for (const std::string_view before :
       {std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nt: v\r\n\r\n"),
        std::string_view("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na"),
        std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"), std::string_view(chunked),
        std::string_view("HTTP/1.1 200 OK\r\nConnection: cl"), std::string_view("HTTP/1.1 100 x\r\n\r\nHT"),
        std::string_view("junk")}) {
    CAPTURE(before);
    parser.reset();
    (void)s3pager::test::run(parser, before);
    parser.reset();
    CHECK_FALSE(parser.started());
    const std::string_view pieces[] = {"HTTP/1.1 200 O", "K\r\nContent-Length: 2\r\n\r\nok"};
    const transcript log = s3pager::test::run(parser, pieces);
    CHECK(log.head == "200 OK 1.1 keep Content-Length=2;");
    CHECK(log.body == "ok");
    CHECK(log.ended);
    CHECK(log.end.empty());
  }
}

TEST_CASE("responses follow each other in one input", "[http][response]") {
  const std::string_view text =
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n"
      "\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nd";
  response_parser parser;
  std::string bodies;
  std::string_view rest = text;
  for (int i = 0; i < 4; ++i) {
    parser.reset();
    const transcript log = s3pager::test::run(parser, rest);
    CHECK(log.ended);
    bodies += log.body + ",";
    rest.remove_prefix(log.consumed);
  }
  CHECK(bodies == "a,b,,d,");
  CHECK(rest.empty());
}
