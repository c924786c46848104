// URLs that a real server has to agree with, and objects under a customer's key.
#include <chrono>
#include <string>
#include <string_view>

#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

constexpr const char* presigned_bucket = "presigned";
constexpr contents large_one{.seed = 21, .size = (20 << 20) + 7};
constexpr contents small_one{.seed = 22, .size = 1234};
constexpr std::string_view odd_key = "a b/+%&=?#'()*!~-_.\xc3\xa4//c";

void put_all() {
  static const bool done = [] {
    put_client writer = server().writer();
    writer.make_bucket(presigned_bucket);
    writer.put(presigned_bucket, "large", large_one);
    writer.put(presigned_bucket, odd_key, small_one);
    return true;
  }();
  (void)done;
}

[[nodiscard]] std::string url_of(session& at, const presign_options& what) { return at.loop.run(at.s3.presign_get(what)); }

/// Without credentials, on the same loop.
[[nodiscard]] whole_object got_by(session& at, std::string_view url, const presigned_options& how = {}) {
  client_options options = server().options();
  options.access_key_id = options.secret_access_key = {};
  options.anonymous = true;
  client stranger(at.loop, options);
  page_stream pages = stranger.get_presigned(url, how);
  return at.loop.run(whole_of(pages));
}

}  // namespace

TEST_CASE("a presigned URL gives the object to whoever has it") {
  put_all();
  session at(each_strategy());
  CHECK(got_by(at, url_of(at, {.bucket = presigned_bucket, .key = "large"})).bytes == large_one.bytes());
  CHECK(got_by(at, url_of(at, {.bucket = presigned_bucket, .key = odd_key, .expires_in = std::chrono::days(7)})).bytes == small_one.bytes());
  const std::string url = url_of(at, {.bucket = presigned_bucket, .key = "large"});
  CHECK(got_by(at, url, {.range = byte_range{1'000'000, 1'000'099}}).bytes == large_one.bytes(1'000'000, 100));
}

TEST_CASE("a presigned URL with headers of the answer is agreed with") {
  put_all();
  session at(each_strategy());
  const std::string url = url_of(at, {.bucket = presigned_bucket,
                                      .key = odd_key,
                                      .response = {.content_disposition = "attachment; filename=\"a b\"", .content_type = "text/plain"}});
  CHECK(got_by(at, url).bytes == small_one.bytes());
  const whole_object signed_by_header =
      at.get({.bucket = presigned_bucket, .key = odd_key, .response = {.cache_control = "no-cache", .expires = "0"}});
  CHECK(signed_by_header.bytes == small_one.bytes());
}

TEST_CASE("a presigned URL asks for the headers that it was signed with") {
  put_all();
  session at(each_strategy());
  const request_header ticket[] = {{"x-amz-meta-ticket", "7"}};
  const std::string url = url_of(at, {.bucket = presigned_bucket, .key = "large", .headers = ticket});
  CHECK(got_by(at, url, {.range = byte_range{0, 9}, .headers = ticket}).bytes == large_one.bytes(0, 10));
  const error failed = error_of([&] { (void)got_by(at, url, {.range = byte_range{0, 9}}); });
  CAPTURE(failed.what());
  CHECK(failed.code() == errc::access_denied);
}

TEST_CASE("a presigned URL that was changed is access_denied, and so is an expired one") {
  put_all();
  session at(each_strategy());
  const std::string url = url_of(at, {.bucket = presigned_bucket, .key = "large"});
  std::string changed = url;
  changed.back() = changed.back() == '0' ? '1' : '0';
  // As if it had been made two hours ago.
  at.s3.service().set_clock_offset(-std::chrono::hours(2));
  const std::string expired = url_of(at, {.bucket = presigned_bucket, .key = "large", .expires_in = std::chrono::hours(1)});
  for (const std::string& each : {changed, expired}) {
    const error failed = error_of([&] { (void)got_by(at, each); });
    const std::string words = failed.what();
    CAPTURE(words);
    CHECK(failed.code() == errc::access_denied);
    CHECK(failed.attempts() == 1);
    CHECK(words.find("X-Amz-Signature") == std::string::npos);
  }
}

TEST_CASE("headers of one's own are signed as the server has it") {
  put_all();
  client_options options = server().options();
  const request_header own[] = {{"x-amz-meta-why", "a  b   c"}, {"accept", "*/*"}};
  options.headers = own;
  options.user_agent_suffix = "tests/1 (night)";
  session at(each_strategy(), options);
  const request_header calls[] = {{"X-Team", "storage"}};
  CHECK(at.list({.bucket = presigned_bucket, .headers = calls}).size() == 2);
  CHECK(at.get({.bucket = presigned_bucket, .key = odd_key, .requester_pays = true, .headers = calls}).bytes == small_one.bytes());
}

TEST_CASE("an object under a customer's key is read with it, by https") {
  if (!server().tls() || !server().is("radosgw")) return;
  const std::string_view key = "an AES-256 key has just 32 bytes";
  const std::string_view other = "AN AES-256 KEY HAS JUST 32 BYTES";
  put_client writer = server().writer();
  writer.make_bucket("encrypted");
  writer.put_encrypted("encrypted", "large", large_one, {as_byte_span(key)});
  session at(each_strategy());
  CHECK(at.get({.bucket = "encrypted", .key = "large", .customer_key = {as_byte_span(key)}}).bytes == large_one.bytes());
  page_stream pages = at.s3.page_unordered({.bucket = "encrypted", .customer_key = {as_byte_span(key)}});
  CHECK(at.loop.run(whole_of(pages)).bytes == large_one.bytes());
  CHECK(error_of([&] { (void)at.get({.bucket = "encrypted", .key = "large", .customer_key = {as_byte_span(other)}}); }).http_status() >= 400);
  CHECK(error_of([&] { (void)at.get({.bucket = "encrypted", .key = "large"}); }).http_status() == 400);
}

}  // namespace s3pager::test
