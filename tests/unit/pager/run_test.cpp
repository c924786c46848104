#include "s3pager/pager/run.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_server.hpp"

using namespace s3pager;
using test::scripted_answer;

namespace {

struct outcome {
  std::string body = {};
  std::size_t lasts = 0;
  std::optional<error> failure = {};
};

task<> read_all(page_stream& pages, outcome& out) {
  try {
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      out.body += as_chars(got->bytes());
      out.lasts += got->last() ? 1 : 0;
    }
  } catch (const error& failed) {
    out.failure.emplace(failed);
  }
}

async_generator<object> object_of(std::string key, std::uint64_t size) {
  object made = object::of_key(key);
  made.size = size;
  co_yield std::move(made);
}

/// Reads `k` from a server that answers so: of unknown size, or listed with `size`; with a condition, without a Range.
outcome read(std::vector<std::vector<scripted_answer>> answers, std::optional<std::uint64_t> size = {},
             std::string_view if_none_match = {}) {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const test::scripted_server server(loop, std::move(answers));
  const std::string endpoint = server.endpoint();
  client s3(loop, {.anonymous = true, .region = "us-east-1", .endpoint_url = endpoint, .window_bytes = 4 << 20, .concurrency = 2, .retry = {.max_attempts = 1}});
  page_stream pages = size ? s3.page_ordered("bucket", object_of("k", *size)) : s3.get({.bucket = "bucket", .key = "k", .if_none_match = if_none_match});
  outcome out;
  test::root<> reading(loop.ready(), read_all(pages, out));
  while (!reading.done()) loop.run_once();
  return out;
}

}  // namespace

TEST_CASE("a chunked body of an object of unknown size is all of it", "[pager][run]") {
  const outcome out = read({{{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"}}}}, {}, "\"x\"");
  CHECK_FALSE(out.failure);
  CHECK(out.body == "hello");
  CHECK(out.lasts == 1);
}

TEST_CASE("a chunked range is not taken for the whole object", "[pager][run]") {
  const outcome out = read({{{{"HTTP/1.1 206 X\r\nContent-Range: bytes 0-4/7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"}}}});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::protocol_violation);  // asked for more than five bytes of seven
  CHECK(out.lasts == 0);
}

TEST_CASE("a range of an object whose size the server does not tell is not taken for the whole object", "[pager][run]") {
  const outcome out = read({{{{"HTTP/1.1 206 X\r\nContent-Range: bytes 0-4/*\r\nContent-Length: 5\r\n\r\nhello"}}}});
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::protocol_violation);
  CHECK(out.lasts == 0);
}

TEST_CASE("a body that is longer than the object is refused before more than the object was handed on", "[pager][run]") {
  for (const std::string chunks : {"5\r\nhello\r\n1\r\nx\r\n0\r\n\r\n", "6\r\nhellox\r\n0\r\n\r\n"}) {
    const outcome out = read({{{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks}}}}, 5);
    REQUIRE(out.failure);
    CHECK(out.failure->code() == errc::protocol_violation);
    CHECK(out.body.size() <= 5);
  }
}

TEST_CASE("a body that is shorter than the object is refused", "[pager][run]") {
  const outcome out = read({{{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n0\r\n\r\n"}}}}, 5);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::protocol_violation);
  CHECK(out.lasts == 0);
}

TEST_CASE("an object that has another size than was listed has changed", "[pager][run]") {
  const outcome out = read({{{{"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhellox"}}}}, 5);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::changed);
  CHECK(out.body.empty());
}
