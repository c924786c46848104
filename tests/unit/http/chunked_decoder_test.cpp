#include "s3pager/http/chunked_decoder.hpp"

#include <memory>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "unit/http/splits.hpp"

using s3pager::http::chunked_decoder;
using s3pager::http::chunked_limits;
using s3pager::http::protocol_error;
using s3pager::http::step_kind;
using s3pager::test::transcript;

namespace {

transcript decode(std::string_view input, chunked_limits limits = {}) {
  return s3pager::test::run_all_splits(input, [&] { return std::make_unique<chunked_decoder>(limits); });
}

std::error_code error_of(std::string_view input, chunked_limits limits = {}) { return decode(input, limits).error; }

}  // namespace

TEST_CASE("chunks become the body however they are cut", "[http][chunked]") {
  const transcript log = decode("5\r\nhello\r\n1\r\n \r\nB\r\nworld of us\r\n0\r\n\r\n");
  CHECK(log.ended);
  CHECK(log.body == "hello world of us");
  CHECK(log.end.empty());
  CHECK(decode("0\r\n\r\n").ended);
  CHECK(decode("0000\r\n\r\n").ended);
  CHECK(decode("00a\r\n0123456789\r\n0\r\n\r\n").body == "0123456789");
  CHECK(decode("1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n").body == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("the limits of one chunk's line don't add up over chunks", "[http][chunked]") {
  std::string input;
  for (int i = 0; i < 20; ++i) input += "01;" + std::string(200, 'x') + "\r\na\r\n";
  CHECK(decode(input + "0\r\n\r\n").body == std::string(20, 'a'));
}

TEST_CASE("a body's bytes may look like frames", "[http][chunked]") {
  CHECK(decode("7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n").body == "0\r\n\r\n\r\n");
}

TEST_CASE("bytes after a chunked body are not consumed", "[http][chunked]") {
  const transcript log = decode("1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK");
  CHECK(log.ended);
  CHECK(log.consumed == 11);
}

TEST_CASE("body pieces are views into the input", "[http][chunked]") {
  chunked_decoder decoder;
  const auto input = s3pager::as_byte_span("5\r\nhello\r\n0\r\n\r\n");
  const auto piece = decoder.feed(input);
  CHECK(piece.kind == step_kind::body);
  CHECK(piece.body.data() == input.data() + 3);
  CHECK(piece.consumed == 8);
  CHECK(decoder.feed(input.subspan(8)).kind == step_kind::end);
}

TEST_CASE("extensions are skipped", "[http][chunked]") {
  CHECK(decode("3;name=value\r\nabc\r\n0;last\r\n\r\n").body == "abc");
  CHECK(decode("3 \t; name=\"v;v\"\r\nabc\r\n0\r\n\r\n").body == "abc");
  CHECK(error_of("3;a\x01\r\nabc\r\n") == protocol_error::bad_chunk_extension);
  CHECK(error_of("3;a\nabc\r\n") == protocol_error::bare_lf);
  CHECK(error_of("3;a\rb") == protocol_error::bare_cr);
}

TEST_CASE("an extension may be as long as its limit and not longer", "[http][chunked]") {
  const chunked_limits limits{.max_extension_bytes = 8, .max_trailer_bytes = 64};
  CHECK(decode("1;1234567\r\na\r\n1;1234567\r\nb\r\n0\r\n\r\n", limits).body == "ab");
  CHECK(error_of("1;12345678\r\na\r\n0\r\n\r\n", limits) == protocol_error::chunk_extension_too_long);
  CHECK(error_of("1         ;\r\na\r\n0\r\n\r\n", limits) == protocol_error::chunk_extension_too_long);
  CHECK(decode("1;" + std::string(255, 'x') + "\r\na\r\n0\r\n\r\n").ended);
  CHECK(error_of("1;" + std::string(256, 'x') + "\r\na\r\n0\r\n\r\n") == protocol_error::chunk_extension_too_long);
}

TEST_CASE("a chunk's size is hexadecimal digits and nothing else", "[http][chunked]") {
  for (const std::string_view bad : {"+1\r\na", "-1\r\na", " 1\r\na", "0x1\r\na", "g\r\na", "\r\n", ";x\r\n", "1 \r\na",
                                     "1 1\r\na", "1,\r\na", "1\t\r\n"}) {
    CAPTURE(bad);
    CHECK(error_of(bad) == protocol_error::bad_chunk_size);
  }
  CHECK(error_of("1\na") == protocol_error::bare_lf);
  CHECK(error_of("\n") == protocol_error::bare_lf);
  CHECK(error_of("1\ra") == protocol_error::bare_cr);
}

TEST_CASE("a chunk's size may be any of 64 bits and no more", "[http][chunked]") {
  chunked_decoder decoder;
  CHECK(decoder.feed(s3pager::as_byte_span("ffffffffffffffff\r\n")).kind == step_kind::need_more);
  CHECK(decoder.chunk_remaining() == 0xffffffffffffffff);
  CHECK(decoder.feed(s3pager::as_byte_span("abc")).body.size() == 3);
  CHECK(decoder.chunk_remaining() == 0xfffffffffffffffc);
  CHECK(error_of("10000000000000000\r\n") == protocol_error::bad_chunk_size);
  CHECK(error_of("00000000000000001\r\n") == protocol_error::bad_chunk_size);
  CHECK(decode("0000000000000001\r\na\r\n0\r\n\r\n").body == "a");
}

TEST_CASE("a chunk must end where its size says", "[http][chunked]") {
  for (const std::string_view bad : {"1\r\nab\r\n", "1\r\na\n0\r\n", "1\r\na\r0", "1\r\na0\r\n\r\n"}) {
    CAPTURE(bad);
    CHECK(error_of(bad) == protocol_error::bad_chunk_end);
  }
}

TEST_CASE("trailers are read, trimmed and kept apart", "[http][chunked]") {
  const transcript log = decode("1\r\na\r\n0\r\nx-amz-checksum-crc32c:  abc== \r\nB:\r\n\r\n");
  CHECK(log.ended);
  CHECK(log.end == "x-amz-checksum-crc32c=abc==;B=;");
}

TEST_CASE("trailers are held to the rules of headers", "[http][chunked]") {
  CHECK(error_of("0\r\nno colon\r\n\r\n") == protocol_error::bad_header_name);
  CHECK(error_of("0\r\n: v\r\n\r\n") == protocol_error::bad_header_name);
  CHECK(error_of("0\r\na: v\n\r\n") == protocol_error::bare_lf);
  CHECK(error_of("0\r\na: v\r\n folded\r\n\r\n") == protocol_error::obsolete_fold);
  CHECK(error_of("0\r\n\n") == protocol_error::bare_lf);
  CHECK(error_of("0\r\n\ra") == protocol_error::bare_cr);
}

TEST_CASE("trailers may be as large and as many as their limits and not more", "[http][chunked]") {
  const chunked_limits limits{.max_extension_bytes = 8, .max_trailer_bytes = 10};
  CHECK(decode("0\r\na: 123\r\n\r\n", limits).end == "a=123;");
  CHECK(error_of("0\r\na: 1234\r\n\r\n", limits) == protocol_error::trailers_too_large);
  CHECK(error_of("0\r\nabcdefghijkl", limits) == protocol_error::trailers_too_large);
  std::string many = "0\r\n";
  for (std::size_t i = 0; i < chunked_decoder::max_trailers; ++i) many += "a:\r\n";
  CHECK(decode(many + "\r\n").ended);
  CHECK(decode(many + "a:\r\n\r\n").error == protocol_error::trailers_too_large);
}

TEST_CASE("a chunked body that ends early is truncated, at whatever byte", "[http][chunked]") {
  const std::string_view whole = "2;x\r\nab\r\n0\r\nt: v\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const transcript log = decode(whole.substr(0, size));
    CHECK_FALSE(log.ended);
    CHECK(log.error == protocol_error::truncated_body);
    CHECK(log.error == s3pager::errc::connection_lost);
  }
}

TEST_CASE("a decoder is as new after a reset", "[http][chunked]") {
  chunked_decoder decoder;
  for (const std::string_view before : {"1;x\r\na\r\n0\r\nt: v\r\n\r\n", "zz", "5\r\nab", "5;abc", "0\r\nt: v"}) {
    (void)s3pager::test::run(decoder, before);
    decoder.reset();
    const transcript log = s3pager::test::run(decoder, "2\r\nok\r\n0\r\n\r\n");
    CHECK(log.ended);
    CHECK(log.body == "ok");
    CHECK(log.end.empty());
    decoder.reset();
  }
}
