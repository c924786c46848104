#include "s3pager/s3/get_object.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "unit/s3/bench.hpp"

using namespace s3pager;
using namespace s3pager::s3;
using namespace s3pager::s3::test;

namespace {

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\nhello";

std::string error_answer(int status, const std::string& code, const std::string& more_headers = {}) {
  const std::string body = "<Error><Code>" + code + "</Code><Message>no</Message></Error>";
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nx-amz-request-id: RID\r\nx-amz-id-2: HID\r\n" + more_headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nx-amz-request-id: RID\r\nTransfer-Encoding: chunked\r\n\r\n" + "2\r\n" +
         body.substr(0, 2) + "\r\n" + (body.size() > 2 ? "000" + std::string(1, "0123456789abcdef"[body.size() - 2]) + "\r\n" + body.substr(2) + "\r\n" : "") +
         "0\r\n\r\n";
}

}  // namespace

TEST_CASE("Content-Range is read as RFC 9110 has it, and nothing else", "[s3][get_object]") {
  const auto whole = parse_content_range("bytes 0-4095/8192");
  REQUIRE(whole);
  CHECK(whole->range == byte_range{0, 4095});
  CHECK(whole->total == 8192U);
  const auto unknown = parse_content_range("bytes 7-7/*");
  REQUIRE(unknown);
  CHECK(unknown->range == byte_range{7, 7});
  CHECK_FALSE(unknown->total);
  const auto unsatisfied = parse_content_range("bytes */0");
  REQUIRE(unsatisfied);
  CHECK_FALSE(unsatisfied->range);
  CHECK(unsatisfied->total == 0U);
  const auto largest = parse_content_range("bytes 18446744073709551613-18446744073709551614/18446744073709551615");
  REQUIRE(largest);
  CHECK(largest->range->size() == 2);

  for (const std::string_view bad :
       {"", "bytes", "bytes ", "bytes */*", "bytes 0-/1", "bytes -0/1", "bytes 0-0", "bytes 0-0/", "bytes 0-0/1 ", "bytes  0-0/1",
        "bytes 0 -0/1", "bytes +0-0/1", "bytes 1-0/2", "bytes 0-1/1", "bytes 0-18446744073709551616/*", "bytes 0-0/0",
        "bytes 0-0/18446744073709551616", "Bytes 0-0/1", "items 0-0/1", "bytes=0-0/1", "bytes 0-0/1,", "bytes 0x0-0/1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_content_range(bad));
  }
}

TEST_CASE("what is asked for is written as S3 wants it", "[s3][get_object]") {
  bench in(hello);
  const wall_time date{std::chrono::seconds{784'111'777}};
  const outcome out = fetched(in, {.key = "a b/c+d",
                                   .range = byte_range{0, 99},
                                   .if_match = "\"1\"",
                                   .if_none_match = "\"2\"",
                                   .if_modified_since = date,
                                   .if_unmodified_since = date + std::chrono::seconds(1),
                                   .query = "versionId=v%2F1",
                                   .part_number = 3,
                                   .requester_pays = true});
  CHECK(out.complete);
  REQUIRE(in.server.requests().size() == 1);
  const std::string port = std::to_string(in.server.port());
  CHECK(in.server.requests()[0] ==
        "GET /b/a%20b/c%2Bd?partNumber=3&versionId=v%2F1 HTTP/1.1\r\n"
        "host: 127.0.0.1:" + port + "\r\n"
        "if-match: \"1\"\r\n"
        "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "if-none-match: \"2\"\r\n"
        "if-unmodified-since: Sun, 06 Nov 1994 08:49:38 GMT\r\n"
        "range: bytes=0-99\r\n"
        "x-amz-request-payer: requester\r\n"
        "user-agent: s3pager/" + std::string(version) + "\r\n\r\n");
}

TEST_CASE("a customer's key is in no failure though a service echoes it, and not in memory after its request", "[s3][get_object]") {
  constexpr std::string_view text = "an AES-256 key has just 32 bytes";
  constexpr std::string_view encoded = "YW4gQUVTLTI1NiBrZXkgaGFzIGp1c3QgMzIgYnl0ZXM=";
  const auto headers = make_ref<common_headers>();
  headers->add_customer_key({as_byte_span(text)});
  const std::string body = "<Error><Code>InvalidArgument</Code><Message>" + std::string(encoded) + " is bad</Message></Error>";
  const bool refuses = GENERATE(false, true);
  bench in(refuses ? "HTTP/1.1 400 X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body : hello);
  const outcome out = fetched(in, {.key = "k", .common = headers.get()});
  CHECK(out.failure.has_value() == refuses);
  if (refuses) CHECK(out.failure->details().message == "**** is bad");
  REQUIRE(in.server.requests().size() == 1);
  CHECK(in.server.requests()[0].find("\r\nx-amz-server-side-encryption-customer-key: " + std::string(encoded) + "\r\n") != std::string::npos);
  net::place kept = in.target->host()->try_place(false);
  REQUIRE(kept.connected());
  const net::lease lease = net::host::connected(std::move(kept));
  const std::string_view memory(lease->out()->bytes().data(), in.server.requests()[0].size());
  CHECK(memory == std::string(memory.size(), '\0'));
}

TEST_CASE("an answer is read whole wherever it is cut", "[s3][get_object]") {
  for (std::size_t at = 0; at <= hello.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(hello, at)}}});
    const outcome out = fetched(in, {.key = "k"});
    CHECK_FALSE(out.failure);
    CHECK(out.body == "hello");
    CHECK(out.etag == "\"e\"");
    CHECK(out.total == 5U);
    CHECK(out.body_size == 5U);
    CHECK(in.target->host()->idle() == 1);
    CHECK(in.pool->granted() == 0);
    CHECK(in.pool->held() == 0);
  }
}

TEST_CASE("an answer that comes byte by byte is read", "[s3][get_object]") {
  std::vector<std::string> bytes;
  for (const char c : hello) bytes.emplace_back(1, c);
  bench in({{{std::move(bytes)}}});
  const outcome out = fetched(in, {.key = "k"}, 1);
  CHECK(out.body == "hello");
  CHECK(in.target->host()->idle() == 1);
}

TEST_CASE("a chunked answer is read, and its connection kept", "[s3][get_object]") {
  const std::string answer = chunked(200, "hello");
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const outcome out = fetched(in, {.key = "k"});
    CHECK_FALSE(out.failure);
    CHECK(out.body == "hello");
    CHECK_FALSE(out.total);
    CHECK_FALSE(out.body_size);
    CHECK(in.target->host()->idle() == 1);
  }
}

TEST_CASE("an answer up to the close is read", "[s3][get_object]") {
  bench in("HTTP/1.1 200 OK\r\n\r\nhello", afterwards::close);
  const outcome out = fetched(in, {.key = "k"});
  CHECK(out.complete);
  CHECK(out.body == "hello");
  CHECK(in.target->host()->idle() == 0);
}

TEST_CASE("interim answers are passed over", "[s3][get_object]") {
  bench in("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + hello);
  const outcome out = fetched(in, {.key = "k"});
  CHECK(out.body == "hello");
  CHECK(out.status == 200);
}

TEST_CASE("a body larger than a grant comes in several receives", "[s3][get_object]") {
  std::string body(100'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  bench in("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body);
  const outcome out = fetched(in, {.key = "k"});
  CHECK(out.body == body);
  CHECK(in.target->host()->idle() == 1);
}

TEST_CASE("bytes after the answer cost the connection, not the answer", "[s3][get_object]") {
  bench in(hello + "x");
  const outcome out = fetched(in, {.key = "k"});
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
  CHECK(in.target->host()->idle() == 0);
  CHECK(in.target->host()->statistics().discards == 1);
}

TEST_CASE("an answer to a range says where it lies in the object", "[s3][get_object]") {
  bench in("HTTP/1.1 206 X\r\nContent-Length: 5\r\nContent-Range: bytes 10-14/100\r\n\r\nhello");
  const outcome out = fetched(in, {.key = "k", .range = byte_range{10, 14}});
  CHECK(out.status == 206);
  CHECK(out.offset == 10);
  CHECK(out.total == 100U);
  CHECK(out.body == "hello");
}

TEST_CASE("a range may end with the object", "[s3][get_object]") {
  bench in("HTTP/1.1 206 X\r\nContent-Length: 5\r\nContent-Range: bytes 10-14/15\r\n\r\nhello");
  const outcome out = fetched(in, {.key = "k", .range = byte_range{10, 99}});
  CHECK_FALSE(out.failure);
  CHECK(out.total == 15U);
}

TEST_CASE("a chunked answer to a range is as long as its Content-Range says", "[s3][get_object]") {
  bench in("HTTP/1.1 206 X\r\nContent-Range: bytes 0-4/100\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  const outcome out = fetched(in, {.key = "k", .range = byte_range{0, 4}});
  CHECK(out.body == "hello");
  CHECK(out.body_size == 5U);
}

TEST_CASE("a part is a range of the server's choice", "[s3][get_object]") {
  bench in("HTTP/1.1 206 X\r\nContent-Length: 5\r\nContent-Range: bytes 10-14/100\r\n\r\nhello");
  const outcome out = fetched(in, {.key = "k", .part_number = 2});
  CHECK_FALSE(out.failure);
  CHECK(out.offset == 10);
}

TEST_CASE("a Range that is ignored is no harm where all fits into it", "[s3][get_object]") {
  bench fits(hello);
  CHECK(fetched(fits, {.key = "k", .range = byte_range{0, 4}}).body == "hello");
}

TEST_CASE("answers that are not of what was asked for are refused", "[s3][get_object]") {
  const get_object_request ranged{.key = "k", .range = byte_range{10, 14}};
  const get_object_request plain{.key = "k"};
  const std::string partial = "HTTP/1.1 206 X\r\nContent-Length: 5\r\n";
  struct wrong {
    const char* what;
    get_object_request asked;
    std::string answer;
    const char* message;
  };
  const std::vector<wrong> cases{
      {"an ignored Range, all before it", ranged, hello, "the object ends before the range that was asked for"},
      {"an ignored Range that begins late", {.key = "k", .range = byte_range{(64U << 20) + 1, (64U << 20) + 2}}, hello,
       "the server ignored the Range of the request, and what was asked for begins too late to read up to it"},
      {"no Content-Range", ranged, partial + "\r\nhello", "status 206 without a valid Content-Range"},
      {"a bad one", ranged, partial + "Content-Range: bytes 10-14\r\n\r\nhello", "status 206 without a valid Content-Range"},
      {"no range in it", ranged, partial + "Content-Range: bytes */15\r\n\r\nhello", "status 206 without a valid Content-Range"},
      {"two lengths", ranged, partial + "Content-Range: bytes 10-13/15\r\n\r\nhello",
       "Content-Length and Content-Range contradict each other"},
      {"another start", ranged, partial + "Content-Range: bytes 9-13/15\r\n\r\nhello",
       "the server answered another range than was asked for"},
      {"a later end", {.key = "k", .range = byte_range{10, 13}}, partial + "Content-Range: bytes 10-14/15\r\n\r\nhello",
       "the server answered another range than was asked for"},
      {"an earlier end", {.key = "k", .range = byte_range{10, 15}}, partial + "Content-Range: bytes 10-14/16\r\n\r\nhello",
       "the server answered another range than was asked for"},
      {"a range unasked for", plain, partial + "Content-Range: bytes 0-4/5\r\n\r\nhello", "status 206, but no Range was asked for"},
  };
  for (const wrong& each : cases) {
    CAPTURE(each.what);
    bench in(each.answer);
    const outcome out = fetched(in, each.asked);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::protocol_violation);
    CHECK(out.failure->details().message == each.message);
    CHECK(out.failure->key() == "k");
    CHECK(in.target->host()->idle() == 0);
  }
}

TEST_CASE("of a server that ignores the Range what was asked for is cut out of the whole", "[s3][get_object]") {
  struct part {
    byte_range asked;
    std::string body;
  };
  const part wanted = GENERATE(part{{0, 3}, "hell"}, part{{1, 3}, "ell"}, part{{4, 4}, "o"}, part{{2, 9}, "llo"}, part{{0, 9}, "hello"});
  const bool with_length = GENERATE(true, false);
  const std::string answer = with_length ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                                         : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
  for (std::size_t at = 0; at < answer.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const outcome out = fetched(in, {.key = "k", .range = wanted.asked});
    CHECK_FALSE(out.failure);
    CHECK(out.body == wanted.body);
    CHECK(out.complete);
    CHECK(out.offset == wanted.asked.first);
    if (with_length) CHECK(out.total == 5);
    CHECK(in.pool->granted() == 0);
  }
}

TEST_CASE("what is cut out of the whole must be of the version that was asked for", "[s3][get_object]") {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
  const get_object_request asked{.key = "k", .range = byte_range{1, 3}, .if_match = "\"a\""};
  bench same(head + "ETag: \"a\"\r\n\r\nhello");
  CHECK(fetched(same, asked).body == "ell");
  for (const std::string etag : {"ETag: \"b\"\r\n", ""}) {
    bench other(head + etag + "\r\nhello");
    const outcome out = fetched(other, asked);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::changed);
    CHECK(out.body.empty());
  }
}

TEST_CASE("checksums are asked for where they are wanted, and read from the head", "[s3][get_object]") {
  using checksum::algorithm;
  struct example {
    std::string headers;
    int status;
    std::optional<algorithm> of;
    bool composite;
    bool full_object;
  };
  const std::vector<example> cases{
      {"", 200, {}, false, false},
      {"x-amz-checksum-crc32: y/Q5Jg==\r\n", 200, algorithm::crc32, false, false},
      {"X-AMZ-Checksum-CRC32C: 4waSgw==\r\nx-amz-checksum-type: FULL_OBJECT\r\n", 200, algorithm::crc32c, false, true},
      {"x-amz-checksum-sha1: qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\r\nx-amz-checksum-crc64nvme: rosUhgp5mIg=\r\n", 200,
       algorithm::crc64nvme, false, false},
      {"x-amz-checksum-crc32: y/Q5Jg==-3\r\n", 200, {}, true, false},
      {"x-amz-checksum-crc32: y/Q5Jg==\r\nx-amz-checksum-type: COMPOSITE\r\n", 200, {}, true, false},
      {"x-amz-checksum-crc32: y/Q5Jg==\r\nx-amz-checksum-type: COMPOSITE\r\n", 206, algorithm::crc32, false, false},
      {"x-amz-checksum-crc32: rubbish\r\nx-amz-checksum-xxhash: AAAA\r\nx-amz-checksum-: A\r\n", 200, {}, false, false},
  };
  for (const example& each : cases) {
    CAPTURE(each.headers);
    http::response_parser parser;
    const std::string head = "HTTP/1.1 " + std::to_string(each.status) + " OK\r\n" + each.headers + "Content-Length: 0\r\n\r\n";
    REQUIRE(parser.feed(as_byte_span(head)).kind == http::step_kind::head);
    const checksum_claims read = read_checksum_claims(parser.headers(), each.status);
    CHECK(read.claim.has_value() == each.of.has_value());
    if (read.claim && each.of) CHECK(read.claim->algorithm == *each.of);
    CHECK(read.composite == each.composite);
    CHECK(read.full_object == each.full_object);
  }
  for (const bool wanted : {true, false}) {
    bench in("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(fetched(in, {.key = "k", .checksums = wanted}).complete);
    CHECK((in.server.requests().at(0).find("\r\nx-amz-checksum-mode: ENABLED\r\n") != std::string::npos) == wanted);
  }
}

TEST_CASE("an answer that ends too early is a lost connection", "[s3][get_object]") {
  for (const std::string& answer : {std::string("HTTP/1.1 200 OK\r\nContent-Le"), std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"),
                                    std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")}) {
    CAPTURE(answer);
    for (const afterwards end : {afterwards::close, afterwards::reset}) {
      bench in(answer, end);
      const outcome out = fetched(in, {.key = "k"});
      REQUIRE(out.failure);
      CHECK(out.failure->code() == errc::connection_lost);
      CHECK(in.server.connections() == 1);
      CHECK(in.pool->granted() == 0);
    }
  }
}

TEST_CASE("what is not HTTP is a violation of the protocol", "[s3][get_object]") {
  bench in("SSH-2.0-OpenSSH_9.2\r\n");
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::protocol_violation);
}

TEST_CASE("a refusal is the typed error of its body, wherever that is cut", "[s3][get_object]") {
  const std::string answer = error_answer(404, "NoSuchKey");
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const outcome out = fetched(in, {.key = "k"});
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::not_found);
    CHECK(out.failure->http_status() == 404);
    CHECK(out.failure->s3_code() == "NoSuchKey");
    CHECK(out.failure->request_id() == "RID");
    CHECK(out.failure->details().host_id == "HID");
    CHECK(out.failure->bucket() == "b");
    CHECK(out.failure->key() == "k");
    CHECK(in.target->host()->idle() == 1);
  }
}

TEST_CASE("a refusal that comes chunked, as S3 sends them, keeps its ids and its connection", "[s3][get_object]") {
  const std::string head = "HTTP/1.1 403 X\r\nx-amz-request-id: RID\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
  REQUIRE(body.size() == 0x3d);
  const std::string answer = head + "3d\r\n" + body + "\r\n0\r\n\r\n";
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    CAPTURE(at);
    bench in({{{split_at(answer, at)}}});
    const outcome out = fetched(in, {.key = "k"});
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::access_denied);
    CHECK(out.failure->s3_code() == "AccessDenied");
    CHECK(out.failure->request_id() == "RID");
    CHECK(in.target->host()->idle() == 1);
  }
}

TEST_CASE("a refusal without a body is what its status says", "[s3][get_object]") {
  const std::vector<std::pair<std::string, errc>> cases{
      {"HTTP/1.1 304 X\r\nETag: \"e\"\r\n\r\n", errc::not_modified},
      {"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n", errc::access_denied},
      {"HTTP/1.1 412 X\r\nContent-Length: 0\r\n\r\n", errc::precondition_failed},
      {"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", errc::unavailable}};
  for (const auto& [answer, meaning] : cases) {
    CAPTURE(answer);
    bench in(answer);
    const outcome out = fetched(in, {.key = "k"});
    REQUIRE(out.failure);
    CHECK(out.failure->code() == meaning);
    CHECK(out.failure->s3_code().empty());
    CHECK(in.target->host()->idle() == 1);
  }
}

TEST_CASE("a refusal whose body breaks off is what its status says", "[s3][get_object]") {
  bench in("HTTP/1.1 403 X\r\nx-amz-request-id: RID\r\nContent-Length: 99\r\n\r\n<Error><Code>Acc", afterwards::close);
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::access_denied);
  CHECK(out.failure->request_id() == "RID");
  CHECK(in.target->host()->idle() == 0);
}

TEST_CASE("the rest of an endless refusal is not read", "[s3][get_object]") {
  bench in("HTTP/1.1 500 X\r\nx-amz-request-id: RID\r\nContent-Length: 1000000000\r\n\r\n" + std::string(200'000, 'x'));
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::unavailable);
  CHECK(out.failure->request_id() == "RID");
  CHECK(in.target->host()->idle() == 0);
}

TEST_CASE("bytes after a refusal cost the connection, not its ids", "[s3][get_object]") {
  bench in(error_answer(404, "NoSuchKey") + "x");
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->s3_code() == "NoSuchKey");
  CHECK(out.failure->request_id() == "RID");
  CHECK(in.target->host()->idle() == 0);
}

TEST_CASE("a range beyond the end says how long the object is", "[s3][get_object]") {
  bench in(error_answer(416, "InvalidRange", "Content-Range: bytes */0\r\n"));
  const outcome out = fetched(in, {.key = "k", .range = byte_range{0, 99}});
  REQUIRE(out.failure);
  CHECK(out.failure->http_status() == 416);
  CHECK(out.total == 0U);
}

TEST_CASE("a connection that breaks in mid-body leaves an error with the ids of its answer", "[s3][get_object]") {
  // The slot that the head came in is another answer's by then.
  const std::string head = "HTTP/1.1 200 X\r\nx-amz-request-id: RID\r\nContent-Length: 100000\r\n\r\n";
  bench in({{{{head + "a", std::string(50'000, 'z')}, afterwards::close}}});
  const outcome out = fetched(in, {.key = "k"}, 1);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::connection_lost);
  CHECK(out.failure->http_status() == 200);
  CHECK(out.failure->request_id() == "RID");
}

TEST_CASE("a connection serves one request after the other", "[s3][get_object]") {
  bench in({{{{hello}}, {{hello}}}});
  for (int i = 0; i < 2; ++i) CHECK(fetched(in, {.key = "k"}).body == "hello");
  CHECK(in.server.connections() == 1);
  CHECK(in.target->host()->statistics().reuses == 1);
  CHECK(in.tally->requests == 2);
}

TEST_CASE("a kept connection that was closed meanwhile is not used", "[s3][get_object]") {
  for (const afterwards end : {afterwards::close, afterwards::reset}) {
    bench in({{{{hello}, end}}, {{{hello}}}});
    CHECK(fetched(in, {.key = "k"}).body == "hello");
    CHECK(fetched(in, {.key = "k"}).body == "hello");
    CHECK(in.server.connections() == 2);
    CHECK(in.tally->requests == 2);
  }
}

TEST_CASE("a kept connection that is closed as a request comes is replaced once", "[s3][get_object]") {
  for (const afterwards end : {afterwards::close, afterwards::reset}) {
    bench in({{{{hello}}, {{}, end}}, {{{hello}}}});
    CHECK(fetched(in, {.key = "k"}).body == "hello");
    CHECK(fetched(in, {.key = "k"}).body == "hello");
    CHECK(in.server.connections() == 2);
    CHECK(in.tally->requests == 3);
  }
}

TEST_CASE("a fresh connection that fails is not replaced", "[s3][get_object]") {
  bench in({{{{hello}, afterwards::close}}, {{{}, afterwards::close}}});
  CHECK(fetched(in, {.key = "k"}).body == "hello");
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::connection_lost);
  CHECK(in.server.connections() == 2);
}

TEST_CASE("an answer that has begun is not asked for again", "[s3][get_object]") {
  bench in({{{{hello}}, {{"HTTP"}, afterwards::close}}});
  CHECK(fetched(in, {.key = "k"}).body == "hello");
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::connection_lost);
  CHECK(in.server.connections() == 1);
}

TEST_CASE("the first byte and every further one have a deadline", "[s3][get_object]") {
  bench in({{{{}}}, {{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}}}});
  outcome out;
  {
    root<> waiting(in.loop.ready(), fetch(in, {.key = "k"}, out));
    in.until([&] { return in.server.requests().size() == 1; });
    in.time.advance(std::chrono::seconds(30) - std::chrono::nanoseconds(1));
    for (int i = 0; i < 10; ++i) in.loop.run_once(ring::reactor::wait::no);
    CHECK_FALSE(waiting.done());
    in.time.advance(std::chrono::nanoseconds(1));
    in.until([&] { return waiting.done(); });
  }
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::timed_out);
  CHECK(out.failure->details().elapsed == std::chrono::seconds(30));

  outcome second;
  {
    root<> waiting(in.loop.ready(), fetch(in, {.key = "k"}, second));
    in.until([&] { return second.status == 200 && second.body == "he"; });
    for (int i = 0; i < 10; ++i) in.loop.run_once(ring::reactor::wait::no);
    in.time.advance(std::chrono::seconds(30));
    in.until([&] { return waiting.done(); });
  }
  REQUIRE(second.failure);
  CHECK(second.failure->code() == errc::timed_out);
}

TEST_CASE("a GET that is dropped closes its connection", "[s3][get_object]") {
  bench in({{{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}}}});
  outcome out;
  {
    root<> waiting(in.loop.ready(), fetch(in, {.key = "k"}, out));
    in.until([&] { return out.body == "he"; });
  }
  in.until([&] { return in.server.hung_up() == 1; });
  CHECK(in.target->host()->idle() == 0);
  CHECK(in.pool->granted() == 0);
  CHECK(in.pool->held() == 0);
}

namespace {

struct recorder final : s3pager::observer {
  void request_began(const request_event& what) noexcept override {
    text += "began " + std::to_string(what.id) + " " + std::string(what.key) + "@" + std::to_string(what.offset) +
            (what.reused_connection ? " reused\n" : "\n");
  }
  void request_ended(const request_event& what, const request_outcome& how) noexcept override {
    text += "ended " + std::to_string(what.id) + " " + std::to_string(how.http_status) + " " +
            (how.error ? how.error.message() : "well") + " " + std::string(how.request_id) + " " +
            std::to_string(how.body_bytes) + "\n";
  }
  void request_retried(const request_event& what, std::error_code) noexcept override {
    text += "retried " + std::to_string(what.id) + "\n";
  }
  std::string text;
};

}  // namespace

TEST_CASE("an observer sees each request begin and end", "[s3][get_object]") {
  recorder seen;
  bench in({{{{hello}}, {{}, afterwards::close}}, {{{error_answer(404, "NoSuchKey")}}}}, &seen);
  fetched(in, {.key = "k"});
  fetched(in, {.key = "l", .range = byte_range{7, 9}});
  CHECK(seen.text ==
        "began 1 k@0\n"
        "ended 1 200 well  5\n"
        "began 2 l@7 reused\n"
        "ended 2 0 the connection ended before the message began  0\n"
        "retried 2\n"
        "began 3 l@7\n"
        "ended 3 404 not found RID 58\n");
}

TEST_CASE("no connection is an error that names host and time", "[s3][get_object]") {
  bench in(hello);
  service_settings settings = in.settings(nullptr);
  settings.connect_port = 1;
  in.with = make_ref<service>(in.loop, settings);
  in.target = in.with->bucket("b");
  const outcome out = fetched(in, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::unavailable);
  CHECK(out.failure->bucket() == "b");
  CHECK(out.failure->key() == "k");
  CHECK(out.failure->details().message == "connecting to 127.0.0.1 port 1");
  CHECK(out.failure->details().elapsed == std::chrono::nanoseconds(0));
}

TEST_CASE("a refusal of the time that was signed tells how far the clocks are apart", "[s3][get_object]") {
  struct example {
    const char* code;
    const char* date;  // the bench's clock stands at 22:13:20
    std::chrono::seconds ahead;
  };
  const std::vector<example> examples{
      {"RequestTimeTooSkewed", "Tue, 14 Nov 2023 22:33:20 GMT", std::chrono::seconds(1200)},
      {"RequestTimeTooSkewed", "Tue, 14 Nov 2023 21:53:20 GMT", std::chrono::seconds(-1200)},
      {"RequestInTheFuture", "Tue, 14 Nov 2023 22:13:18 GMT", std::chrono::seconds(-2)},
      {"RequestTimeTooSkewed", "Tue, 14 Nov 2023 22:13:21 GMT", std::chrono::seconds(0)},
      {"RequestTimeTooSkewed", "yesterday", std::chrono::seconds(0)},
      {"RequestExpired", "Tue, 14 Nov 2023 22:17:20 GMT", std::chrono::seconds(240)},
      {"RequestExpired", "Tue, 14 Nov 2023 22:17:19 GMT", std::chrono::seconds(0)},
      {"SignatureDoesNotMatch", "Wed, 15 Nov 2023 22:13:20 GMT", std::chrono::hours(24)},
      {"SignatureDoesNotMatch", "Tue, 14 Nov 2023 22:14:20 GMT", std::chrono::seconds(0)},
      {"AccessDenied", "Wed, 15 Nov 2023 22:13:20 GMT", std::chrono::seconds(0)},
  };
  for (const example& each : examples) {
    CAPTURE(each.code, each.date);
    const std::string body = "<Error><Code>" + std::string(each.code) + "</Code></Error>";
    bench in("HTTP/1.1 403 X\r\nDate: " + std::string(each.date) + "\r\nContent-Length: " + std::to_string(body.size()) +
             "\r\n\r\n" + body);
    const outcome out = fetched(in, {.key = "k"});
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::access_denied);
    CHECK(out.failure->details().clock_ahead == each.ahead);
    CHECK(in.with->clock_offset() == each.ahead);
  }
}

TEST_CASE("Retry-After is read as seconds and as a date by the service's clock", "[s3][get_object]") {
  struct example {
    const char* retry_after;
    std::chrono::seconds asked;
  };
  // The service's clock is an hour behind.
  const std::vector<example> examples{
      {"7", std::chrono::seconds(7)},
      {"99999999", std::chrono::hours(24)},
      {"Tue, 14 Nov 2023 21:13:27 GMT", std::chrono::seconds(7)},
      {"Tue, 14 Nov 2023 21:13:20 GMT", std::chrono::seconds(0)},
      {"Tue, 14 Nov 2023 20:00:00 GMT", std::chrono::seconds(0)},
      {"Tue, 14 Nov 2173 20:00:00 GMT", std::chrono::hours(24)},
      {"-1", std::chrono::seconds(0)},
      {"soon", std::chrono::seconds(0)},
  };
  for (const example& each : examples) {
    CAPTURE(each.retry_after);
    bench in("HTTP/1.1 503 X\r\nDate: Tue, 14 Nov 2023 21:13:20 GMT\r\nRetry-After: " + std::string(each.retry_after) +
             "\r\nContent-Length: 0\r\n\r\n");
    const outcome out = fetched(in, {.key = "k"});
    REQUIRE(out.failure);
    CHECK(out.failure->details().retry_after == each.asked);
  }
  bench undated("HTTP/1.1 503 X\r\nRetry-After: Tue, 14 Nov 2023 22:13:27 GMT\r\nContent-Length: 0\r\n\r\n");
  const outcome out = fetched(undated, {.key = "k"});
  REQUIRE(out.failure);
  CHECK(out.failure->details().retry_after == std::chrono::seconds(7));
}
