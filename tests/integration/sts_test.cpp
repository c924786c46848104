// Temporary credentials of a real STS: they sign what follows, and a token that was tampered with is refused.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/aws/sha256.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/xml/sts_answer.hpp"
#include "support/many_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

/// A signed call of IAM or STS, for the server's own user.
net::control_answer call(ring::reactor& loop, const char* service, const std::string& form) {
  const std::string& endpoint = server().plain_endpoint.empty() ? server().endpoint : server().plain_endpoint;
  const std::string host = endpoint.substr(endpoint.find("://") + 3);
  aws::sha256 hash;
  hash.update(form);
  char digest[64];
  write_hex(hash.finish(), digest);
  const std::string payload_hash(digest, sizeof digest);
  const std::string type = "application/x-www-form-urlencoded";
  aws::signer signer({.access_key_id = server().access_key_id, .secret_access_key = server().secret_access_key}, "us-east-1", service);
  const wall_time now = loop.clock().wall();
  const std::string date(signer.amz_date(now));
  const std::vector<aws::signed_header> headers{
      {"content-type", type}, {"host", host}, {"x-amz-content-sha256", payload_hash}, {"x-amz-date", date}};
  aws::signature signature;
  REQUIRE_FALSE(signer.sign({.method = "POST", .path = "/", .headers = headers, .payload_hash = payload_hash}, now, signature));
  net::control_request what;
  what.method = "POST";
  what.url = endpoint + "/";
  what.body = form;
  what.direct = true;
  for (const aws::signed_header& each : headers)
    if (each.name != "host") what.headers.push_back({std::string(each.name), each.value});
  what.headers.push_back({"authorization", signature.authorization()});
  const auto http = make_ref<net::control_driver>(loop, net::control_options{});
  net::control_answer answer = loop.run(http->call(std::move(what)));
  INFO(answer.body.view());
  REQUIRE(answer.status == 200);
  return answer;
}

/// The user may ask for a session by a policy alone.
xml::sts_credentials session_token(ring::reactor& loop) {
  const std::string policy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})";
  std::string encoded;
  append_uri_encoded(encoded, policy, slash::encode);
  static_cast<void>(call(loop, "iam", "Action=PutUserPolicy&PolicyDocument=" + encoded + "&PolicyName=all&UserName=test&Version=2010-05-08"));
  const net::control_answer answer = call(loop, "sts", "Action=GetSessionToken&DurationSeconds=900&Version=2011-06-15");
  auto parsed = xml::parse_sts_answer(answer.body.view(), "GetSessionToken");
  INFO(parsed.message());
  REQUIRE(parsed);
  return std::move(parsed).value();
}

}  // namespace

TEST_CASE("temporary credentials of the service's own STS read what its user may, and a token that is changed is denied") {
  if (!server().is("radosgw")) {
    WARN("SKIP: only radosgw has an STS");
    return;
  }
  const object_map& put = many_objects();
  ring::reactor loop;
  const xml::sts_credentials given = session_token(loop);
  CHECK(given.expiration > loop.clock().wall() + std::chrono::minutes(10));
  client_options options = server().options();
  options.access_key_id = given.access_key_id;
  options.secret_access_key = given.secret_access_key.view();
  options.session_token = given.session_token.view();
  {
    client s3(loop, options);
    page_stream pages = s3.page_ordered({.bucket = many_bucket, .prefix = "n/04/"});
    checker got(put);
    loop.run(read_all(pages, got));
    CHECK(got.complaint().empty());
    CHECK(got.whole() == 100);
  }
  // A token is encrypted: changed in some places it is one of somebody else, in most it is none.
  const std::string good(given.session_token.view());
  for (std::size_t at = 0; at < good.size(); at += 7) {
    std::string tampered = good;
    tampered[at] = tampered[at] == 'A' ? 'B' : 'A';
    options.session_token = tampered;
    client s3(loop, options);
    page_stream pages = s3.page_ordered({.bucket = many_bucket, .prefix = "n/04/"});
    checker got(put);
    try {
      loop.run(read_all(pages, got));
      FAIL("a token that was tampered with was taken");
    } catch (const error& why) {
      INFO(why.what());
      CHECK(why.code() == errc::access_denied);
    }
  }
}

}  // namespace s3pager::test
