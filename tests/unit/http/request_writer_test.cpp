#include "s3pager/http/request_writer.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

using s3pager::http::protocol_error;
using s3pager::http::request_writer;

namespace {

struct written {
  std::string bytes;
  std::error_code error;
};

written write_get(std::string_view method, std::string_view target, std::string_view name, std::string_view value,
                  std::size_t room = 256) {
  std::vector<char> buffer(room);
  request_writer writer(buffer);
  const auto bytes = writer.begin(method, target).header(name, value).finish();
  return {std::string(s3pager::as_chars(bytes)), writer.error()};
}

}  // namespace

TEST_CASE("a request head is written line by line", "[http][request_writer]") {
  std::array<char, 256> buffer;
  request_writer writer(buffer);
  writer.begin("GET", "/b/a%20key?list-type=2");
  writer.header("Host", "example.com:80").header("Range", "bytes=0-1").header("x-empty", "");
  const auto bytes = writer.finish();
  CHECK_FALSE(writer.error());
  CHECK(s3pager::as_chars(bytes) ==
        "GET /b/a%20key?list-type=2 HTTP/1.1\r\nHost: example.com:80\r\nRange: bytes=0-1\r\nx-empty: \r\n\r\n");
  CHECK(static_cast<const void*>(bytes.data()) == buffer.data());
}

TEST_CASE("the buffer may be exactly as large as the head, and not a byte smaller", "[http][request_writer]") {
  const std::string_view whole = "GET / HTTP/1.1\r\na: b\r\n\r\n";
  CHECK(write_get("GET", "/", "a", "b", whole.size()).bytes == whole);
  for (std::size_t room = 0; room < whole.size(); ++room) {
    const written result = write_get("GET", "/", "a", "b", room);
    CHECK(result.error == protocol_error::request_too_large);
    CHECK(result.bytes.empty());
  }
}

TEST_CASE("what could split a request is refused, wherever it stands", "[http][request_writer]") {
  using namespace std::string_view_literals;
  for (const std::string_view bad : {"\r"sv, "\n"sv, "\0"sv, "\r\nInjected: yes"sv, "a\nb"sv, "\x01"sv, "\x7f"sv}) {
    CHECK(write_get(bad, "/", "a", "b").error == protocol_error::invalid_method);
    CHECK(write_get("GET", bad, "a", "b").error == protocol_error::invalid_target);
    CHECK(write_get("GET", "/", bad, "b").error == protocol_error::invalid_header_name);
    CHECK(write_get("GET", "/", "a", bad).error == protocol_error::invalid_header_value);
    const std::string late = "0123456789abcdefg" + std::string(bad) + "0123456789";
    CHECK(write_get("GET", "/", "a", late).error == protocol_error::invalid_header_value);
    CHECK(write_get("GET", "/", "a", late).bytes.empty());
  }
}

TEST_CASE("names and targets hold only what may stand there", "[http][request_writer]") {
  CHECK(write_get("", "/", "a", "b").error == protocol_error::invalid_method);
  CHECK(write_get("G T", "/", "a", "b").error == protocol_error::invalid_method);
  CHECK(write_get("GET", "", "a", "b").error == protocol_error::invalid_target);
  CHECK(write_get("GET", "/a b", "a", "b").error == protocol_error::invalid_target);
  CHECK(write_get("GET", "/\xc3\xbc", "a", "b").error == protocol_error::invalid_target);
  CHECK(write_get("GET", "/", "", "b").error == protocol_error::invalid_header_name);
  CHECK(write_get("GET", "/", "a ", "b").error == protocol_error::invalid_header_name);
  CHECK(write_get("GET", "/", "a:", "b").error == protocol_error::invalid_header_name);
  CHECK_FALSE(write_get("GET", "/", "a", "tab\tand \xc3\xbc").error);
}

TEST_CASE("the first error stays", "[http][request_writer]") {
  std::array<char, 256> buffer;
  request_writer writer(buffer);
  writer.begin("GET", "/").header("bad name", "v").header("good", "bad\n");
  CHECK(writer.finish().empty());
  CHECK(writer.error() == protocol_error::invalid_header_name);
  CHECK(writer.error() == s3pager::errc::invalid_argument);
}
