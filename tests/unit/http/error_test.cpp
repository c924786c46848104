#include "s3pager/http/error.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using s3pager::errc;
using s3pager::http::protocol_error;

TEST_CASE("each HTTP error has words of its own", "[http][error]") {
  std::set<std::string> messages;
  const int last = static_cast<int>(protocol_error::out_of_memory);
  for (int value = 1; value <= last; ++value) messages.insert(s3pager::http::protocol_category().message(value));
  CHECK(messages.size() == static_cast<std::size_t>(last));
  CHECK(messages.count("unknown HTTP error") == 0);
  CHECK(s3pager::http::protocol_category().message(last + 1) == "unknown HTTP error");
  CHECK(std::string(s3pager::http::protocol_category().name()) == "s3pager.http");
}

TEST_CASE("an HTTP error equals the condition that a caller branches on", "[http][error]") {
  const auto code = [](protocol_error e) { return std::error_code(e); };
  CHECK(code(protocol_error::head_too_large) == errc::protocol_violation);
  CHECK(code(protocol_error::bare_cr) == errc::protocol_violation);
  CHECK(code(protocol_error::trailers_too_large) == errc::protocol_violation);
  CHECK(code(protocol_error::closed_before_message) == errc::connection_lost);
  CHECK(code(protocol_error::truncated_head) == errc::connection_lost);
  CHECK(code(protocol_error::truncated_body) == errc::connection_lost);
  CHECK(code(protocol_error::truncated_body) != errc::protocol_violation);
  CHECK(code(protocol_error::invalid_target) == errc::invalid_argument);
  CHECK(code(protocol_error::request_too_large) == errc::invalid_argument);
  CHECK(code(protocol_error::out_of_memory) == errc::unavailable);
}
