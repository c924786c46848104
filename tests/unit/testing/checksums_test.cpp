#include "s3pager/testing/checksums.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/coro/task.hpp"
#include "support/catch.hpp"
#include "unit/testing/bench.hpp"
#include "unit/testing/wire.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using namespace s3pager::test;

namespace {

std::string hex(const std::string& bytes) {
  std::string made(2 * bytes.size(), '0');
  write_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}, made.data());
  return made;
}

std::string sum(checksum_algorithm of, std::string_view text) {
  checksum_of_bytes made(of);
  made.update(as_byte_span(text.substr(0, text.size() / 3)));
  made.update(as_byte_span(text.substr(text.size() / 3)));
  return hex(made.finish());
}

constexpr const char* asked = "x-amz-checksum-mode: ENABLED\r\n";

/// The answers to a GET, a GET of a range and a HEAD of `target`.
struct answers {
  wire_answer whole;
  wire_answer range;
  wire_answer head;
};
answers ask(const origin_options& options, const char* headers, std::string target = "/m/k") {
  bench made(options);
  answers got;
  made.run([](bench& in, std::string what, std::string more, answers& out) -> task<> {
    wire client(in.loop);
    co_await client.connect(in.server.port());
    out.whole = co_await client.ask("GET", what, more);
    out.range = co_await client.ask("GET", what, more + "Range: bytes=2-5\r\n");
    out.head = co_await client.ask("HEAD", what, more);
  }(made, std::move(target), headers, got));
  return got;
}

}  // namespace

TEST_CASE("checksums have their published check values", "[testing][checksums]") {
  // https://reveng.sourceforge.io/crc-catalogue/all.htm and FIPS 180-4.
  CHECK(sum(checksum_algorithm::crc32, "123456789") == "cbf43926");
  CHECK(sum(checksum_algorithm::crc32c, "123456789") == "e3069283");
  CHECK(sum(checksum_algorithm::crc64nvme, "123456789") == "ae8b14860a799888");
  CHECK(sum(checksum_algorithm::sha1, "abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(sum(checksum_algorithm::sha256, "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sum(checksum_algorithm::crc32, "") == "00000000");
  CHECK(sum(checksum_algorithm::none, "abc").empty());
}

TEST_CASE("a checksum is said where it is asked for and offered", "[testing][checksums]") {
  const origin_options offering{.checksums = {.algorithm = checksum_algorithm::crc32}};
  const answers got = ask(offering, asked);
  CHECK(got.whole.headers.at("x-amz-checksum-crc32") == "poTHxg==");  // of 0123456789: a684c7c6
  CHECK(got.whole.headers.at("x-amz-checksum-type") == "FULL_OBJECT");
  CHECK(got.head.headers.at("x-amz-checksum-crc32") == got.whole.headers.at("x-amz-checksum-crc32"));
  CHECK(got.range.headers.count("x-amz-checksum-crc32") == 0);
  CHECK(got.range.body == "2345");
  CHECK(ask(offering, "").whole.headers.count("x-amz-checksum-crc32") == 0);
  CHECK(ask({}, asked).whole.headers.count("x-amz-checksum-type") == 0);
}

TEST_CASE("a range may come with its own checksum, or with its object's", "[testing][checksums]") {
  const answers own = ask(
      {.checksums = {.algorithm = checksum_algorithm::crc32c, .of_ranges = range_checksum::of_range}}, asked);
  checksum_of_bytes of_range(checksum_algorithm::crc32c);
  of_range.update(as_byte_span("2345"));
  CHECK(own.range.headers.at("x-amz-checksum-crc32c") == testing::detail::base64(of_range.finish()));
  CHECK(own.range.headers.count("x-amz-checksum-type") == 0);
  const answers whole = ask(
      {.checksums = {.algorithm = checksum_algorithm::crc32c, .of_ranges = range_checksum::of_object}}, asked);
  CHECK(whole.range.headers.at("x-amz-checksum-crc32c") == whole.whole.headers.at("x-amz-checksum-crc32c"));
  CHECK(whole.range.headers.at("x-amz-checksum-type") == "FULL_OBJECT");
}

TEST_CASE("a composite checksum is that of its parts' checksums", "[testing][checksums]") {
  const answers got = ask({.checksums = {.algorithm = checksum_algorithm::sha256, .composite_parts = 3}}, asked);
  checksum_of_bytes of_parts(checksum_algorithm::sha256);
  for (const char* part : {"012", "345", "6789"}) {
    checksum_of_bytes one(checksum_algorithm::sha256);
    one.update(as_byte_span(part));
    of_parts.update(as_byte_span(one.finish()));
  }
  CHECK(got.whole.headers.at("x-amz-checksum-sha256") == testing::detail::base64(of_parts.finish()) + "-3");
  CHECK(got.whole.headers.at("x-amz-checksum-type") == "COMPOSITE");
  const answers small = ask({.checksums = {.algorithm = checksum_algorithm::sha1, .composite_parts = 11}}, asked);
  CHECK(small.whole.headers.at("x-amz-checksum-type") == "FULL_OBJECT");
}

TEST_CASE("an object's checksum is computed once, and again when it changed", "[testing][checksums]") {
  class counting final : public object_body {
   public:
    task<body_piece> read(std::uint64_t offset, std::size_t most) override {
      ++reads;
      static const std::string text(10, 'x');
      co_return body_piece{as_byte_span(text).subspan(offset).first(std::min(most, text.size() - offset)), {}};
    }
    int reads = 0;
  };
  ring::reactor loop;
  checksum_source from({.algorithm = checksum_algorithm::sha1, .of_ranges = range_checksum::of_object});
  const auto body = make_ref<counting>();
  const std::string first = loop.run(from.fields(*body, "k/1", 0, 10, 10, false));
  CHECK(first == loop.run(from.fields(*body, "k/1", 3, 4, 10, true)));
  CHECK(body->reads == 1);
  CHECK(first == loop.run(from.fields(*body, "k/2", 0, 10, 10, false)));
  CHECK(body->reads == 2);
}
