// What a real server refuses comes back as an error that says what it was: condition, status, code and request id.
#include <string>
#include <string_view>

#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

constexpr const char* refusals_bucket = "refusals";

void put_one() {
  static const bool made = [] {
    put_client writer = server().writer();
    writer.make_bucket(refusals_bucket);
    writer.put(refusals_bucket, "there", {.seed = 1, .size = 10});
    return true;
  }();
  (void)made;
}

/// The failures of a list, a get and a page run, all of which must be this.
void check_refused(session& at, std::string_view in, errc meaning, int status, std::string_view code) {
  const auto check = [&](const char* doing, const error& failed) {
    CAPTURE(doing, failed.what());
    CHECK(failed.code() == meaning);
    CHECK(failed.http_status() == status);
    CHECK(failed.s3_code() == code);
    CHECK(failed.bucket() == in);
    CHECK_FALSE(failed.request_id().empty());
    CHECK(failed.attempts() >= 1);
    CHECK(std::string_view(failed.what()).find("wrong") == std::string_view::npos);
  };
  check("list", error_of([&] { (void)at.list({.bucket = in}); }));
  check("get", error_of([&] { (void)at.get({.bucket = in, .key = "there"}); }));
  check("page_ordered", error_of([&] {
          page_stream pages = at.s3.page_ordered({.bucket = in});
          (void)at.loop.run(whole_of(pages));
        }));
  check("page_unordered", error_of([&] {
          page_stream pages = at.s3.page_unordered({.bucket = in, .on_error = on_error::report});
          (void)at.loop.run(whole_of(pages));
        }));
}

}  // namespace

TEST_CASE("a wrong secret is access_denied") {
  put_one();
  client_options options = server().options();
  options.secret_access_key = "wrong secret";
  session at(each_strategy(), options);
  check_refused(at, refusals_bucket, errc::access_denied, 403, server().is("radosgw") ? "AccessDenied" : "SignatureDoesNotMatch");
}

TEST_CASE("an unknown access key is access_denied") {
  put_one();
  client_options options = server().options();
  options.access_key_id = "AKIAUNKNOWN000EXAMPLE";
  session at(each_strategy(), options);
  if (server().is("radosgw"))
    check_refused(at, refusals_bucket, errc::access_denied, 403, "AccessDenied");
  else
    check_refused(at, refusals_bucket, errc::access_denied, 404, "XAdminUserNotFound");
}

TEST_CASE("an anonymous request for what is not public is access_denied") {
  put_one();
  client_options options = server().options();
  options.access_key_id = options.secret_access_key = {};
  options.anonymous = true;
  session at(each_strategy(), options);
  check_refused(at, refusals_bucket, errc::access_denied, 403, "AccessDenied");
}

TEST_CASE("a refusals_bucket that is not there is not_found") {
  put_one();
  session at(each_strategy());
  check_refused(at, "no-such-bucket", errc::not_found, 404, "NoSuchBucket");
}

TEST_CASE("a server that nobody vouches for is untrusted_peer at the first attempt") {
  if (!server().tls()) return;
  put_one();
  client_options options = server().options();
  options.ca_directory = "/proc";  // nobody's certificate is there
  session at(each_strategy(), options);
  const error failed = error_of([&] { (void)at.get({.bucket = refusals_bucket, .key = "there"}); });
  CAPTURE(failed.what());
  CHECK(failed.code() == errc::untrusted_peer);
  CHECK(failed.attempts() == 1);
  CHECK(failed.http_status() == 0);
}

TEST_CASE("a key that is not there is not_found, and the client goes on") {
  put_one();
  session at(each_strategy());
  const error failed = error_of([&] { (void)at.get({.bucket = refusals_bucket, .key = "not/there"}); });
  CHECK(failed.code() == errc::not_found);
  CHECK(failed.http_status() == 404);
  CHECK(failed.s3_code() == "NoSuchKey");
  CHECK(failed.bucket() == refusals_bucket);
  CHECK(failed.key() == "not/there");
  CHECK_FALSE(failed.request_id().empty());
  const contents put{.seed = 1, .size = 10};
  CHECK(at.get({.bucket = refusals_bucket, .key = "there"}).bytes == put.bytes());
}

}  // namespace s3pager::test
