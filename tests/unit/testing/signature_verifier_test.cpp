#include "s3pager/testing/signature_verifier.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/canonical_query.hpp"
#include "s3pager/aws/presign.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using test::fields;
using test::parsed;

namespace {

// The keys and the time of the examples in AWS's documentation.
const signing_key example{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const wall_time example_time{std::chrono::sys_days{std::chrono::year{2013} / 5 / 24}};

signature_verifier verifier_of(const signing_key& key, bool anonymous = false) {
  signature_verifier made("us-east-1", anonymous, std::chrono::minutes(15));
  made.add_key(key);
  return made;
}

/// What the library's own signer makes of a request, with the headers in the order in which they are given.
fields sign(const signing_key& key, std::string_view method, std::string_view path, std::string_view query,
            fields headers, wall_time now, std::string_view region = "us-east-1") {
  aws::signer signer({.access_key_id = key.access_key_id,
                      .secret_access_key = key.secret_access_key,
                      .session_token = key.session_token},
                     region);
  headers.emplace_back("x-amz-date", signer.amz_date(now));
  headers.emplace_back("x-amz-content-sha256", aws::unsigned_payload);
  if (!key.session_token.empty()) headers.emplace_back("x-amz-security-token", key.session_token);
  std::vector<aws::signed_header> to_sign;
  for (const auto& [name, value] : headers) to_sign.push_back({name, value});
  std::stable_sort(to_sign.begin(), to_sign.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  aws::signature out;
  REQUIRE_FALSE(signer.sign({.method = method, .path = path, .query = query, .headers = to_sign}, now, out));
  headers.emplace_back("Authorization", out.authorization());
  return headers;
}

std::string_view verdict(const signature_verifier& with, const parsed& asked, wall_time now = example_time) {
  REQUIRE(asked.complete());
  return with.verify(asked.request, now).code;
}

void replace(fields& headers, std::string_view name, std::string value) {
  for (auto& [each, old] : headers)
    if (each == name) old = value;
}

}  // namespace

TEST_CASE("the signatures in AWS's documentation are right", "[testing][signature_verifier]") {
  const signature_verifier verifier = verifier_of(example);
  const std::string hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const auto headers = [&](const std::string& names, const std::string& signature) {
    return fields{{"Host", "examplebucket.s3.amazonaws.com"},
                  {"x-amz-content-sha256", hash},
                  {"x-amz-date", "20130524T000000Z"},
                  {"Authorization", "AWS4-HMAC-SHA256 "
                                    "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
                                        names + ",Signature=" + signature}};
  };
  fields get = headers("host;range;x-amz-content-sha256;x-amz-date",
                       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  get.emplace_back("Range", "bytes=0-9");
  CHECK(verdict(verifier, parsed("GET", "/test.txt", get)) == "");
  CHECK(verdict(verifier, parsed("GET", "/?lifecycle",
                                 headers("host;x-amz-content-sha256;x-amz-date",
                                         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"))) == "");
  CHECK(verdict(verifier, parsed("GET", "/?max-keys=2&prefix=J",
                                 headers("host;x-amz-content-sha256;x-amz-date",
                                         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))) == "");
  replace(get, "Range", "bytes=0-8");
  CHECK(verdict(verifier, parsed("GET", "/test.txt", get)) == "SignatureDoesNotMatch");
}

TEST_CASE("the verifier agrees with the library's signer on requests of any bytes", "[testing][signature_verifier]") {
  std::mt19937 random(20'26);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto bytes = [&](std::size_t most) {
    std::string out(below(static_cast<unsigned>(most) + 1), '\0');
    for (char& c : out) c = static_cast<char>(below(256));
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    signing_key key{"AK" + std::to_string(below(1000)), bytes(60) + "s", below(2) == 0 ? "" : "token/+=" + std::to_string(round)};
    std::string path = "/";
    append_uri_encoded(path, below(10) == 0 ? "//../.%" : bytes(40), slash::keep);
    std::vector<std::pair<std::string, std::string>> parameters;
    for (unsigned i = below(5); i > 0; --i) {
      auto& [name, value] = parameters.emplace_back();
      append_uri_encoded(name, "p" + bytes(6), slash::encode);
      append_uri_encoded(value, bytes(20), slash::encode);
    }
    std::vector<aws::query_parameter> views;
    for (const auto& [name, value] : parameters) views.push_back({name, value});
    std::string query;
    aws::append_canonical_query(query, views);
    fields headers{{"host", "bucket.s3.localhost:8080"}};
    if (below(2) == 0) headers.emplace_back("range", "bytes=0-" + std::to_string(below(1000)));
    if (below(2) == 0) headers.emplace_back("x-amz-meta-a", "a  b   c ");
    if (below(4) == 0) headers.emplace_back("x-amz-meta-b", "one"), headers.emplace_back("x-amz-meta-b", "two");
    const wall_time now{std::chrono::seconds{1'700'000'000 + below(400'000'000)}};
    headers = sign(key, "GET", path, query, headers, now);
    // Headers may come in any order and case.
    for (auto& [name, value] : headers)
      if (below(2) == 0) name[0] = static_cast<char>(std::toupper(name[0]));
    std::stable_partition(headers.begin(), headers.end(), [&](const auto& each) { return each.first.size() % 2 == 0; });
    const parsed asked("GET", query.empty() ? path : path + '?' + query, headers);
    REQUIRE(asked.complete());
    const s3_error refused = verifier_of(key).verify(asked.request, now);
    CAPTURE(round, path, query, refused.message);
    REQUIRE(refused.code == "");
  }
}

TEST_CASE("what was changed after signing does not verify", "[testing][signature_verifier]") {
  const signature_verifier verifier = verifier_of(example);
  const fields good = sign(example, "GET", "/b/k", "a=1&b=2", {{"host", "h"}, {"x-amz-meta-x", "1"}}, example_time);
  const auto code = [&](std::string_view method, std::string_view target, const fields& headers) {
    return verdict(verifier, parsed(method, target, headers));
  };
  CHECK(code("GET", "/b/k?a=1&b=2", good) == "");
  CHECK(code("GET", "/b/k?b=2&a=1", good) == "");
  CHECK(code("GET", "/b/%6B?a=1&b=%32", good) == "");
  CHECK(code("HEAD", "/b/k?a=1&b=2", good) == "SignatureDoesNotMatch");
  CHECK(code("GET", "/b/K?a=1&b=2", good) == "SignatureDoesNotMatch");
  CHECK(code("GET", "/b//k?a=1&b=2", good) == "SignatureDoesNotMatch");
  CHECK(code("GET", "/b/./k?a=1&b=2", good) == "SignatureDoesNotMatch");
  CHECK(code("GET", "/b/k?a=1&b=3", good) == "SignatureDoesNotMatch");
  CHECK(code("GET", "/b/k?a=1&b=2&c", good) == "SignatureDoesNotMatch");
  for (const char* name : {"host", "x-amz-meta-x"}) {
    fields changed = good;
    replace(changed, name, "2");
    CHECK(code("GET", "/b/k?a=1&b=2", changed) == "SignatureDoesNotMatch");
  }
  fields payload = good;
  replace(payload, "x-amz-content-sha256", std::string(aws::empty_payload_hash));
  CHECK(code("GET", "/b/k?a=1&b=2", payload) == "SignatureDoesNotMatch");
  signing_key other = example;
  other.secret_access_key += "x";
  CHECK(verdict(verifier_of(other), parsed("GET", "/b/k?a=1&b=2", good)) == "SignatureDoesNotMatch");
}

TEST_CASE("a refusal names its cause", "[testing][signature_verifier]") {
  const signature_verifier verifier = verifier_of(example);
  const fields good = sign(example, "GET", "/b/k", "", {{"host", "h"}}, example_time);
  const auto with = [&](std::string_view name, std::string value) {
    fields changed = good;
    replace(changed, name, std::move(value));
    return verdict(verifier, parsed("GET", "/b/k", changed));
  };
  const auto without = [&](std::string_view name) {
    fields changed = good;
    std::erase_if(changed, [&](const auto& each) { return each.first == name; });
    return verdict(verifier, parsed("GET", "/b/k", changed));
  };
  CHECK(without("Authorization") == "AccessDenied");
  CHECK(without("x-amz-date") == "AccessDenied");
  CHECK(without("x-amz-content-sha256") == "InvalidRequest");
  CHECK(with("x-amz-date", "yesterday") == "AccessDenied");
  CHECK(with("x-amz-content-sha256", std::string(64, 'a')) == "XAmzContentSHA256Mismatch");
  CHECK(with("x-amz-content-sha256", "STREAMING") == "InvalidArgument");
  CHECK(with("Authorization", "AWS4-HMAC-SHA256 nothing") == "AuthorizationHeaderMalformed");
  CHECK(with("Authorization", "AWS AK:signature") == "AuthorizationHeaderMalformed");

  fields twice = good;
  twice.push_back(twice.back());
  CHECK(verdict(verifier, parsed("GET", "/b/k", twice)) == "AuthorizationHeaderMalformed");
  fields more = good;
  more.emplace_back("X-Amz-Meta-Unsigned", "1");
  CHECK(verdict(verifier, parsed("GET", "/b/k", more)) == "AccessDenied");
  const fields hostless = sign(example, "GET", "/b/k", "", {}, example_time);
  fields sent = hostless;
  sent.emplace_back("Host", "h");
  CHECK(verdict(verifier, parsed("GET", "/b/k", sent)) == "AccessDenied");

  signing_key stranger = example;
  stranger.access_key_id = "AKIAUNKNOWN";
  CHECK(verdict(verifier, parsed("GET", "/b/k", sign(stranger, "GET", "/b/k", "", {{"host", "h"}}, example_time))) ==
        "InvalidAccessKeyId");
  const fields elsewhere = sign(example, "GET", "/b/k", "", {{"host", "h"}}, example_time, "eu-west-1");
  const parsed asked("GET", "/b/k", elsewhere);
  const s3_error wrong_region = verifier.verify(asked.request, example_time);
  CHECK(wrong_region.code == "AuthorizationHeaderMalformed");
  REQUIRE(wrong_region.details.size() == 1);
  CHECK(wrong_region.details[0] == std::pair<std::string_view, std::string>("Region", "us-east-1"));
  CHECK(verdict(verifier, parsed("GET", "/b/k?X-Amz-Signature=1", good)) == "InvalidArgument");
  CHECK(verdict(verifier, parsed("GET", "/b/k?Signature=1", good)) == "NotImplemented");
}

TEST_CASE("clocks may differ by fifteen minutes", "[testing][signature_verifier]") {
  using namespace std::chrono_literals;
  const signature_verifier verifier = verifier_of(example);
  const wall_time noon = example_time + 12h;
  const parsed asked("GET", "/b/k", sign(example, "GET", "/b/k", "", {{"host", "h"}}, noon));
  CHECK(verdict(verifier, asked, noon + 15min) == "");
  CHECK(verdict(verifier, asked, noon - 15min) == "");
  CHECK(verdict(verifier, asked, noon + 15min + 1s) == "RequestTimeTooSkewed");
  CHECK(verdict(verifier, asked, noon - 15min - 1s) == "RequestTimeTooSkewed");
}

TEST_CASE("a session token must be the key's", "[testing][signature_verifier]") {
  signing_key temporary = example;
  temporary.session_token = "session";
  signing_key other = example;
  other.session_token = "other";
  const auto asked_with = [](const signing_key& key) {
    return sign(key, "GET", "/b/k", "", {{"host", "h"}}, example_time);
  };
  CHECK(verdict(verifier_of(temporary), parsed("GET", "/b/k", asked_with(temporary))) == "");
  CHECK(verdict(verifier_of(temporary), parsed("GET", "/b/k", asked_with(other))) == "InvalidToken");
  CHECK(verdict(verifier_of(temporary), parsed("GET", "/b/k", asked_with(example))) == "InvalidToken");
  CHECK(verdict(verifier_of(example), parsed("GET", "/b/k", asked_with(temporary))) == "InvalidToken");
}

TEST_CASE("unsigned requests are let in where that is wanted", "[testing][signature_verifier]") {
  const parsed unsigned_request("GET", "/b/k", {{"Host", "h"}});
  CHECK(verdict(verifier_of(example), unsigned_request) == "AccessDenied");
  CHECK(verdict(verifier_of(example, true), unsigned_request) == "");
  CHECK(verdict(signature_verifier("us-east-1", false, std::chrono::minutes(15)), unsigned_request) == "");
  fields bad = sign(example, "GET", "/b/other", "", {{"host", "h"}}, example_time);
  CHECK(verdict(verifier_of(example, true), parsed("GET", "/b/k", bad)) == "SignatureDoesNotMatch");
}

namespace {

struct presigned {
  std::string path = "/b/k";
  std::vector<aws::query_parameter> query = {};
  std::vector<aws::signed_header> headers = {{"host", "h"}};
  std::chrono::seconds expires = std::chrono::hours(1);
  std::string_view region = "us-east-1";

  [[nodiscard]] std::string target(const signing_key& key = example, wall_time now = example_time) const {
    return path + '?' +
           aws::presigned_query({.path = path, .query = query, .headers = headers, .expires_in = expires},
                                {.access_key_id = key.access_key_id, .secret_access_key = key.secret_access_key, .session_token = key.session_token},
                                region, "s3", now);
  }
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("the verifier agrees with the library's URLs of any bytes", "[testing][signature_verifier]") {
  std::mt19937 random(20'27);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto bytes = [&](std::size_t most) {
    std::string out(below(static_cast<unsigned>(most) + 1), '\0');
    for (char& c : out) c = static_cast<char>(below(256));
    return out;
  };
  for (int round = 0; round < 1000; ++round) {
    const signing_key key{"AK" + std::to_string(below(1000)), bytes(60) + "s", below(2) == 0 ? "" : "token/+=" + std::to_string(round)};
    presigned made{.path = "/", .expires = std::chrono::seconds(1 + below(604'800))};
    append_uri_encoded(made.path, below(10) == 0 ? "//../.%" : bytes(40), slash::keep);
    std::vector<std::pair<std::string, std::string>> parameters(below(4));
    for (auto& [name, value] : parameters) {
      append_uri_encoded(name, "p" + bytes(6), slash::encode);
      append_uri_encoded(value, bytes(20), slash::encode);
      made.query.push_back({name, value});
    }
    if (below(2) == 0) made.headers.push_back({"x-amz-meta-a", "a  b   c "});
    const wall_time now{std::chrono::seconds{1'700'000'000 + below(400'000'000)}};
    fields headers;
    for (const auto& [name, value] : made.headers) headers.emplace_back(name, value);
    headers.emplace_back("Range", "bytes=1-2");
    const parsed asked("GET", made.target(key, now), headers);
    REQUIRE(asked.complete());
    const s3_error refused = verifier_of(key).verify(asked.request, now);
    CAPTURE(round, made.path, refused.message);
    REQUIRE(refused.code == "");
  }
}

TEST_CASE("a URL is good from its time on until it expires, and for one method and its headers", "[testing][signature_verifier]") {
  using namespace std::chrono_literals;
  const signature_verifier verifier = verifier_of(example);
  const std::string target = presigned{}.target();
  const auto code = [&](std::string_view of, wall_time now = example_time, const fields& headers = {{"Host", "h"}}, std::string_view method = "GET") {
    const parsed asked(method, of, headers);
    REQUIRE(asked.complete());
    const s3_error refused = verifier.verify(asked.request, now);
    return refused ? std::string(refused.code) + ": " + refused.message : "";
  };
  CHECK(code(target) == "");
  CHECK(code(target, example_time + 1h) == "");
  CHECK(code(target, example_time + 1h + 1s) == "AccessDenied: Request has expired");
  CHECK(code(target, example_time - 15min) == "");
  CHECK(code(target, example_time - 15min - 1s) == "AccessDenied: Request is not yet valid");
  CHECK(code(target, example_time, {{"Host", "h"}, {"Range", "bytes=1-2"}, {"If-Match", "*"}}) == "");
  CHECK(code(target, example_time, {{"Host", "h"}, {"x-amz-checksum-mode", "ENABLED"}}) ==
        "AccessDenied: There were headers present in the request which were not signed");
  CHECK(code(target, example_time, {{"Host", "other"}}).starts_with("SignatureDoesNotMatch"));
  CHECK(code(target, example_time, {{"Host", "h"}}, "HEAD").starts_with("SignatureDoesNotMatch"));
  CHECK(code(target + "&a=b").starts_with("SignatureDoesNotMatch"));
  CHECK(code(replaced(target, "/b/k", "/b/K")).starts_with("SignatureDoesNotMatch"));
  CHECK(code(replaced(target, "Expires=3600", "Expires=3601")).starts_with("SignatureDoesNotMatch"));
  CHECK(code(replaced(target, "X-Amz-Signature=", "X-Amz-Signature=0")).starts_with("SignatureDoesNotMatch"));
  const presigned with_header{.headers = {{"host", "h"}, {"x-team", "storage"}}};
  CHECK(code(with_header.target(), example_time, {{"Host", "h"}, {"X-Team", "storage"}}) == "");
  CHECK(code(with_header.target(), example_time, {{"Host", "h"}, {"X-Team", "other"}}).starts_with("SignatureDoesNotMatch"));
  CHECK(code(with_header.target()).starts_with("SignatureDoesNotMatch"));
}

TEST_CASE("a refusal of a URL names its cause", "[testing][signature_verifier]") {
  const signature_verifier verifier = verifier_of(example);
  const std::string target = presigned{}.target();
  const auto code = [&](const std::string& of) { return verdict(verifier, parsed("GET", of, {{"Host", "h"}})); };
  for (const char* each : {"X-Amz-Algorithm=", "X-Amz-Credential=", "X-Amz-Signature=", "X-Amz-Date=", "X-Amz-SignedHeaders=", "X-Amz-Expires="})
    CHECK(code(replaced(target, each, "other=")) == "AuthorizationQueryParametersError");
  for (const auto& [what, by] : {std::pair("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), std::pair("%2Faws4_request", ""), std::pair("20130524T000000Z", "yesterday"),
                                 std::pair("Expires=3600", "Expires=soon"), std::pair("Expires=3600", "Expires=-1"), std::pair("Expires=3600", "Expires=604801"),
                                 std::pair("%2F20130524%2F", "%2F20130525%2F"), std::pair("%2Fs3%2F", "%2Fec2%2F"), std::pair("Headers=host", "Headers=Host")})
    CHECK(code(replaced(target, what, by)) == "AuthorizationQueryParametersError");
  CHECK(code(replaced(target, "Headers=host", "Headers=range")) == "AccessDenied");
  CHECK(code(replaced(target, "AKIAIOSFODNN7EXAMPLE", "AKIAUNKNOWN")) == "InvalidAccessKeyId");
  const parsed elsewhere("GET", presigned{.region = "eu-west-1"}.target(), {{"Host", "h"}});
  const s3_error wrong_region = verifier.verify(elsewhere.request, example_time);
  CHECK(wrong_region.code == "AuthorizationQueryParametersError");
  REQUIRE(wrong_region.details.size() == 1);
  CHECK(wrong_region.details[0].second == "us-east-1");
  signing_key temporary = example;
  temporary.session_token = "session";
  CHECK(verdict(verifier_of(temporary), parsed("GET", presigned{}.target(temporary), {{"Host", "h"}})) == "");
  CHECK(verdict(verifier_of(temporary), parsed("GET", target, {{"Host", "h"}})) == "InvalidToken");
  CHECK(verdict(verifier, parsed("GET", presigned{}.target(temporary), {{"Host", "h"}})) == "InvalidToken");
  temporary.expiration = example_time + std::chrono::minutes(1);
  CHECK(verdict(verifier_of(temporary), parsed("GET", presigned{}.target(temporary), {{"Host", "h"}}), *temporary.expiration) == "ExpiredToken");
}
