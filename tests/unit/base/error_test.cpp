#include "s3pager/base/error.hpp"

#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;

TEST_CASE("every condition has a message of its own") {
  std::set<std::string> messages;
  for (int value = 1; value <= static_cast<int>(errc::unavailable); ++value) {
    const std::string message = make_error_condition(static_cast<errc>(value)).message();
    CHECK(message != "unknown s3pager condition");
    CHECK(messages.insert(message).second);
  }
  CHECK(make_error_condition(static_cast<errc>(0)).message() == "unknown s3pager condition");
}

TEST_CASE("a code of the library's own means its one condition") {
  for (int value = 1; value <= static_cast<int>(errc::unavailable); ++value)
    for (int other = 1; other <= static_cast<int>(errc::unavailable); ++other)
      CHECK((make_error_code(static_cast<errc>(value)) == static_cast<errc>(other)) == (value == other));
}

TEST_CASE("errno values mean the condition that a caller branches on") {
  CHECK(errno_code(ETIMEDOUT) == errc::timed_out);
  CHECK(errno_code(ETIME) == errc::timed_out);
  CHECK(errno_code(ECANCELED) == errc::cancelled);
  CHECK(errno_code(ECONNRESET) == errc::connection_lost);
  CHECK(errno_code(EPIPE) == errc::connection_lost);
  CHECK(errno_code(ECONNREFUSED) == errc::unavailable);
  CHECK(errno_code(EMFILE) == errc::unavailable);
  CHECK(std::make_error_code(std::errc::timed_out) == errc::timed_out);
  CHECK(errno_code(ENOENT) != errc::not_found);
  CHECK(errno_code(ETIMEDOUT) != errc::unavailable);
}

TEST_CASE("no error is no condition") {
  for (int value = 1; value <= static_cast<int>(errc::unavailable); ++value) {
    CHECK(std::error_code() != static_cast<errc>(value));
    CHECK(errno_code(0) != static_cast<errc>(value));
  }
}

TEST_CASE("an errno is taken as errno or negative, as io_uring gives it") {
  CHECK(errno_code(-ECONNRESET) == errno_code(ECONNRESET));
  CHECK(errno_code(-ECONNRESET).value() == ECONNRESET);
  CHECK(errno_code(-ECONNRESET) == std::errc::connection_reset);
}

TEST_CASE("a value of another category that is equal by number means nothing") {
  const std::error_code iostream{static_cast<int>(std::io_errc::stream), std::iostream_category()};
  for (int value = 1; value <= static_cast<int>(errc::unavailable); ++value)
    CHECK(iostream != static_cast<errc>(value));
}

TEST_CASE("an error says in one line all that is known") {
  const error failure(errc::not_found, error_details{.message = "the object is gone",
                                                     .http_status = 404,
                                                     .s3_code = "NoSuchKey",
                                                     .request_id = "R",
                                                     .host_id = "H",
                                                     .bucket = "logs",
                                                     .key = "a b",
                                                     .attempts = 3});
  CHECK(std::string(failure.what()) ==
        "the object is gone; bucket logs; key a b; status 404; code NoSuchKey; request id R; host id H; attempts 3: "
        "not found");
  CHECK(failure.code() == errc::not_found);
  CHECK(failure.http_status() == 404);
  CHECK(failure.s3_code() == "NoSuchKey");
  CHECK(failure.request_id() == "R");
  CHECK(failure.details().host_id == "H");
  CHECK(failure.bucket() == "logs");
  CHECK(failure.key() == "a b");
  CHECK(failure.attempts() == 3);
}

TEST_CASE("an error leaves out what is not known") {
  CHECK(std::string(error(errc::timed_out, "connect").what()) == "connect: timed out");
  CHECK(std::string(error(errc::timed_out, error_details{.key = "k"}).what()) == "key k: timed out");
  CHECK(error(errno_code(-EPIPE), "send").code() == errc::connection_lost);
}

TEST_CASE("control characters of a peer are shown, not printed, and details keep them") {
  const std::string key("\0\x1b[31m\x7f\xC3\xA9", 9);
  const error failure(errc::not_found, error_details{.message = "m\r\n", .key = key});
  CHECK(std::string(failure.what()) == "m\\x0d\\x0a; key \\x00\\x1b[31m\\x7f\xC3\xA9: not found");
  CHECK(failure.key() == key);
}

TEST_CASE("an error is caught as a system_error and copied with its details") {
  const auto thrown = [] { throw error(errc::throttled, error_details{.bucket = "b"}); };
  CHECK_THROWS_AS(thrown(), std::system_error);
  const error first(errc::throttled, error_details{.bucket = "b"});
  const error second = first;
  CHECK(second.bucket() == "b");
  CHECK(second.code() == errc::throttled);
}
