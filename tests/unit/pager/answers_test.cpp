// What a client makes of answers that are rare: of servers that pass over headers, and of failures in the wrong place.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_read.hpp"
#include "support/scripted_server.hpp"

using namespace s3pager;
using test::afterwards;
using test::as_listed;
using test::read_scripted;
using test::scripted_answer;
using outcome = test::scripted_outcome;

namespace {

using answers = std::vector<std::vector<scripted_answer>>;

constexpr std::string_view etag = "ETag: \"1\"\r\n";
constexpr std::string_view crc32_of_hello = "x-amz-checksum-crc32: NhCmhg==\r\n";

std::string answer(std::string_view headers, std::string_view body, std::string_view status = "200 OK") {
  std::string made("HTTP/1.1 ");
  made.append(status).append("\r\n").append(headers);
  made.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return made;
}
std::string chunked(std::string_view headers, std::string_view chunks, std::string_view status = "200 OK") {
  std::string made("HTTP/1.1 ");
  made.append(status).append("\r\n").append(headers).append("Transfer-Encoding: chunked\r\n\r\n").append(chunks);
  return made;
}
std::string join(std::string_view a, std::string_view b, std::string_view c = {}) {
  return std::string(a).append(b).append(c);
}
/// On a connection each, for what ends one.
answers one_each(std::vector<std::string> texts) {
  answers made;
  for (std::string& each : texts) made.push_back({{{std::move(each)}, afterwards::close}});
  return made;
}

page_stream by_key(client& s3) { return s3.page_ordered("bucket", {std::string_view("k")}); }

auto range(std::uint64_t first, std::uint64_t last) {
  return [=](client& s3) {
    return s3.get({.bucket = "bucket", .key = "k", .range = byte_range{first, last}});
  };
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a range that the caller asked for is cut out of what a server sends that knows none", "[pager][answers]") {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  struct asked {
    std::uint64_t first;
    std::uint64_t last;
    std::string_view wanted;
  };
  for (const asked& each : {asked{0, 0, "0"}, asked{0, 3, "0123"}, asked{2, 3, "23"}, asked{0, 9, "0123456789"}, asked{0, 20, "0123456789"},
                            asked{8, 20, "89"}, asked{0, most, "0123456789"}, asked{1, most, "123456789"}}) {
    CAPTURE(each.first, each.last);
    for (const std::string& whole : {answer(etag, "0123456789"), chunked(etag, "a\r\n0123456789\r\n0\r\n\r\n")}) {
      const outcome out = read_scripted({{{{whole}}}}, range(each.first, each.last));
      CHECK_FALSE(out.failure);
      CHECK(out.pages == texts{std::string(each.wanted)});
    }
  }
  const outcome part = read_scripted({{{{answer(join(etag, "Content-Range: bytes 0-4/5\r\n"), "hello", "206 P")}}}}, range(0, most));
  CHECK(part.pages == texts{"hello"});
}

TEST_CASE("the rest of a body is taken only from an answer that says of which version it is", "[pager][answers]") {
  const outcome out = read_scripted(one_each({"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n01234",
                                     answer("Content-Range: bytes 5-9/10\r\n", "XXXXX", "206 P")}),
                           as_listed(10, "\"1\""));
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::changed);
  CHECK(out.pages == texts{"01234"});
}

TEST_CASE("a body goes on by the ETag of its first answer where the list has none", "[pager][answers]") {
  const outcome out = read_scripted(one_each({"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n01234",
                                     answer(join(etag, "Content-Range: bytes 5-9/10\r\n"), "56789", "206 P")}),
                           as_listed(10, ""));
  CHECK_FALSE(out.failure);
  CHECK(out.pages == texts{"01234", "56789"});
  REQUIRE(out.requests.size() == 2);
  CHECK(out.asked(1, "if-match") == "\"1\"");
  CHECK(out.asked(1, "range") == "bytes=5-9");
}

TEST_CASE("a range refused without the object's size says nothing of the object", "[pager][answers]") {
  const std::string refused = answer("", "", "416 Range Not Satisfiable");
  for (const std::string_view body : {"hello", ""}) {
    const outcome out = read_scripted({{{{refused}}, {{answer(etag, body)}}}}, by_key, verify::off);
    CHECK_FALSE(out.failure);
    CHECK(out.pages == texts{std::string(body)});
    REQUIRE(out.requests.size() == 2);
    CHECK_FALSE(out.asked(0, "range").empty());
    CHECK(out.asked(1, "range").empty());
  }
  const outcome empty = read_scripted({{{{answer("Content-Range: bytes */0\r\n", "", "416 Range Not Satisfiable")}}}}, by_key, verify::off);
  CHECK(empty.pages == texts{""});
  CHECK(empty.requests.size() == 1);
  const outcome twice = read_scripted({{{{refused}}, {{refused}}}}, by_key, verify::off);
  REQUIRE(twice.failure);
  CHECK(twice.failure->http_status() == 416);
  CHECK(twice.requests.size() == 2);
}

TEST_CASE("a refusal whose body is broken is what its status says, and final", "[pager][answers]") {
  const std::string refused = chunked("", "zz\r\n", "403 Forbidden");
  for (std::size_t at = 0; at <= refused.size(); ++at) {
    CAPTURE(at);
    const outcome out = read_scripted({{{test::split_at(refused, at), afterwards::close}}}, as_listed(10, "\"1\""));
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::access_denied);
    CHECK(out.failure->attempts() == 1);
    CHECK(out.requests.size() == 1);
  }
}

TEST_CASE("what fits into a slot is held back until it is verified, whether its size is known or not", "[pager][answers]") {
  const std::string head = join(etag, crc32_of_hello);
  const auto pieces = [&](std::string_view first) {
    const std::string begun = chunked(head, "2\r\n");
    return scripted_answer{{begun + std::string(first) + "\r\n", "3\r\nllo\r\n", "0\r\n\r\n"}};
  };
  const outcome whole = read_scripted({{pieces("he")}}, by_key, verify::before_delivery);
  CHECK(whole.pages == texts{"hello"});
  CHECK(whole.last == verification::crc32);
  const outcome again = read_scripted({{pieces("je")}, {pieces("he")}}, by_key, verify::before_delivery);
  CHECK_FALSE(again.failure);
  CHECK(again.pages == texts{"hello"});
  const outcome wrong = read_scripted({{pieces("je")}, {pieces("je")}}, by_key, verify::before_delivery);
  REQUIRE(wrong.failure);
  CHECK(wrong.failure->code() == errc::corrupted);
  CHECK(wrong.pages.empty());
}

TEST_CASE("a range that is all of an object without parts is held against its checksum", "[pager][answers]") {
  const std::string head = join("Content-Range: bytes 0-4/5\r\n", crc32_of_hello);
  const std::string wrong = answer(join(etag, head), "jello", "206 P");
  const outcome out = read_scripted({{{{wrong}}}, {{{wrong}}}}, range(0, 9), verify::before_delivery);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::corrupted);
  CHECK(out.pages.empty());
  REQUIRE(out.requests.size() == 2);
  CHECK(out.asked(1, "range") == "bytes=0-9");
  // Of one that had parts it may be a checksum of theirs.
  const outcome parts = read_scripted({{{{answer(join("ETag: \"1-2\"\r\n", head), "jello", "206 P")}}}}, range(0, 9));
  CHECK_FALSE(parts.failure);
  CHECK(parts.last == verification::ambiguous);
}

TEST_CASE("an empty object whose checksum does not hold is asked for again", "[pager][answers]") {
  const std::string wrong = answer(join(etag, crc32_of_hello), "");
  const outcome out = read_scripted({{{{wrong}}}, {{{wrong}}}}, by_key);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::corrupted);
  REQUIRE(out.requests.size() == 2);
}

TEST_CASE("secrets are in no failure, whatever a service echoes", "[pager][answers]") {
  constexpr std::string_view echoed =
      "<Error><Code>InvalidToken</Code><Message>Token TOKEN/of+session= and again TOKEN/of+session= are bad</Message>"
      "<Token-0>TOKEN/of+session=</Token-0><CanonicalRequest>x-amz-security-token:TOKEN/of+session=</CanonicalRequest></Error>";
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const std::string answers_all = answer("", echoed, "403 Forbidden");
  const test::scripted_server server(loop, {{{{answers_all}}, {{answer("", echoed)}}, {{answer("", "<html>TOKEN/of+session=", "400 X")}}}});
  const std::string endpoint = server.endpoint();
  client s3(loop, {.access_key_id = "AKIDEXAMPLE",
                   .secret_access_key = "SECRET/access+key",
                   .session_token = "TOKEN/of+session=",
                   .region = "us-east-1",
                   .endpoint_url = endpoint,
                   .window_bytes = 4 << 20,
                   .concurrency = 1,
                   .retry = {.max_attempts = 1}});
  for (int i = 0; i < 3; ++i) {
    CAPTURE(i);
    page_stream pages = i == 1 ? s3.page_ordered({.bucket = "bucket"}) : by_key(s3);
    outcome out;
    test::root<> reading(loop.ready(), read_all(pages, out));
    while (!reading.done()) loop.run_once();
    REQUIRE(out.failure);
    const std::string words = out.failure->what();
    CHECK(words.find("TOKEN") == std::string::npos);
    CHECK(words.find("SECRET") == std::string::npos);
    CHECK((i == 2 || out.failure->details().message == "Token **** and again **** are bad"));
  }
  REQUIRE(server.requests().size() == 3);
  for (const std::string& each : server.requests()) {
    CHECK(each.find("x-amz-security-token: TOKEN/of+session=") != std::string::npos);
    CHECK(each.find("SECRET") == std::string::npos);
  }
}

TEST_CASE("an object that changes while it is read has changed, though the caller made the same condition", "[pager][answers]") {
  const outcome out = read_scripted(one_each({"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n01234", answer("", "", "412 X")}),
                           [](client& s3) {
                             return s3.get({.bucket = "bucket", .key = "k", .if_match = "\"1\""});
                           });
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::changed);
  CHECK(out.pages == texts{"01234"});
}

TEST_CASE("a checksum that was wrong itself is not held against the answer that is asked for again", "[pager][answers]") {
  const std::string wrong = answer(join(etag, "x-amz-checksum-crc32: NhCmhw==\r\n"), "hello");
  const std::string right = answer(join(etag, crc32_of_hello), "hello");
  const auto conditional = [](client& s3) { return s3.get({.bucket = "bucket", .key = "k", .if_match = "\"1\""}); };
  const outcome listed = read_scripted({{{{wrong}}}, {{{right}}}}, as_listed(5, "\"1\""));
  const outcome given = read_scripted({{{{wrong}}}, {{{right}}}}, by_key);
  const outcome got = read_scripted({{{{wrong}}}, {{{right}}}}, conditional, verify::before_delivery);
  for (const outcome* each : {&listed, &given, &got}) {
    CHECK_FALSE(each->failure);
    CHECK(each->body == "hello");
    CHECK(each->last == verification::crc32);
    CHECK(each->requests.size() == 2);
  }
}

TEST_CASE("the checksum of a version of which nothing came is not held against the next one", "[pager][answers]") {
  // Without ETags, nothing else tells them apart.
  const std::string one = "HTTP/1.1 200 OK\r\nx-amz-checksum-crc32: NhCmhw==\r\nContent-Length: 5\r\n\r\n";
  const outcome out = read_scripted({{{{one}, afterwards::close}}, {{{answer(crc32_of_hello, "hello")}}}}, by_key);
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
}

TEST_CASE("a body that breaks off and can't go on says why not", "[pager][answers]") {
  const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
  const outcome out = read_scripted({{{{half}, afterwards::close}}}, by_key);
  REQUIRE(out.failure);
  CHECK(out.failure->details().given_up == "the answer had no ETag or no length, without which the rest can't be asked for");
  CHECK(out.requests.size() == 1);
}

TEST_CASE("an object that is not held to what was listed has its answer's size, or none", "[pager][answers]") {
  const auto not_held = [](client& s3) {
    return s3.page_ordered("bucket", test::one_object(0, "\"0\""), {.match_etag = false});
  };
  const outcome plain = read_scripted({{{{answer(etag, "hello")}}}}, not_held);
  CHECK(plain.body == "hello");
  CHECK(plain.size == 5U);
  const outcome in_chunks = read_scripted({{{{chunked(etag, "5\r\nhello\r\n0\r\n\r\n")}}}}, not_held);
  CHECK(in_chunks.body == "hello");
  CHECK_FALSE(in_chunks.size.has_value());
}
