#include "s3pager/aws/signer.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>
#include <unistd.h>

#include "s3pager/aws/canonical_query.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::aws;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

wall_time at(std::chrono::sys_days day, std::chrono::seconds time) { return wall_time{day + time}; }

std::string date_of(wall_time time) {
  std::string out(16, '\0');
  format_amz_date(time, std::span<char, 16>(out.data(), 16));
  return out;
}

/// A request as a person would write it down: nothing encoded, nothing sorted.
struct plain_request {
  std::string method = "GET";
  std::string path = "/";
  pairs query = {};
  pairs headers = {};   ///< in lower case, without x-amz-date
  std::string payload_hash = std::string(empty_payload_hash);

  [[nodiscard]] std::string encoded_path() const {
    std::string out;
    append_uri_encoded(out, path, slash::keep);
    return out;
  }

  [[nodiscard]] std::string encoded_query() const {
    std::vector<std::string> encoded;
    for (const auto& [name, value] : query) {
      append_uri_encoded(encoded.emplace_back(), name, slash::encode);
      append_uri_encoded(encoded.emplace_back(), value, slash::encode);
    }
    std::vector<query_parameter> parameters;
    for (std::size_t i = 0; i < encoded.size(); i += 2) parameters.push_back({encoded[i], encoded[i + 1]});
    std::string out;
    append_canonical_query(out, parameters);
    return out;
  }
};

std::string authorization(signer& with, const plain_request& request, wall_time now) {
  const std::string path = request.encoded_path();
  const std::string query = request.encoded_query();
  const std::string date = date_of(now);
  std::vector<signed_header> headers;
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  headers.push_back({"x-amz-date", date});
  std::stable_sort(headers.begin(), headers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  signature out;
  REQUIRE_FALSE(with.sign({.method = request.method,
                           .path = path,
                           .query = query,
                           .headers = headers,
                           .payload_hash = request.payload_hash},
                          now, out));
  return std::string(out.authorization());
}

struct vector_case {
  std::string name;
  plain_request request;
  std::string signed_names;
  std::string signature;
};

const std::string session_token =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8Y"
    "UuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
const std::string unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string form_hash = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
const std::pair<std::string, std::string> suite_host{"host", "example.amazonaws.com"};

// The cases of the public SigV4 suite whose requests S3 would sign in the same way. What is left out:
// - the six "-normalized" cases about "." and ".." and "//" in a path (get-relative, get-relative-relative,
//   get-slash, get-slashes, get-slash-dot-slash, get-slash-pointless-dot): S3 signs a path as it is, and their
//   "-unnormalized" twins, which are here, are the same requests signed so;
// - all of the query-string (presigned) signatures: only headers are signed here.
// No case of the suite depends on encoding a path twice, as services other than S3 do: its paths with characters to
// encode are given raw. In get-header-value-multiline the folded line is given as the spaces that it stands for
// (RFC 9112 5.2), since a header with a line break in it is never sent.
const std::vector<vector_case> suite{
    {"get-header-key-duplicate",
     {.headers = {suite_host, {"my-header1", "value2"}, {"my-header1", "value2"}, {"my-header1", "value1"}}},
     "host;my-header1;x-amz-date",
     "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {"get-header-value-multiline",
     {.headers = {suite_host, {"my-header1", "value1    value2       value3"}}},
     "host;my-header1;x-amz-date",
     "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
    {"get-header-value-order",
     {.headers = {suite_host,
                  {"my-header1", "value4"},
                  {"my-header1", "value1"},
                  {"my-header1", "value3"},
                  {"my-header1", "value2"}}},
     "host;my-header1;x-amz-date",
     "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {"get-header-value-trim",
     {.headers = {suite_host, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}},
     "host;my-header1;my-header2;x-amz-date",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {"get-relative-relative-unnormalized",
     {.path = "/example1/example2/../..", .headers = {suite_host}},
     "host;x-amz-date",
     "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b"},
    {"get-relative-unnormalized",
     {.path = "/example/..", .headers = {suite_host}},
     "host;x-amz-date",
     "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"},
    {"get-slash-dot-slash-unnormalized",
     {.path = "/./", .headers = {suite_host}},
     "host;x-amz-date",
     "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"},
    {"get-slash-pointless-dot-unnormalized",
     {.path = "/./example", .headers = {suite_host}},
     "host;x-amz-date",
     "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"},
    {"get-slash-unnormalized",
     {.path = "//", .headers = {suite_host}},
     "host;x-amz-date",
     "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"},
    {"get-slashes-unnormalized",
     {.path = "//example//", .headers = {suite_host}},
     "host;x-amz-date",
     "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
    {"get-space-normalized and get-space-unnormalized",
     {.path = "/example space/", .headers = {suite_host}},
     "host;x-amz-date",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-unreserved",
     {.path = "/" + unreserved, .headers = {suite_host}},
     "host;x-amz-date",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-utf8",
     {.path = "/\xe1\x88\xb4", .headers = {suite_host}},
     "host;x-amz-date",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"get-vanilla and get-vanilla-query",
     {.headers = {suite_host}},
     "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-vanilla-empty-query-key",
     {.query = {{"Param1", "value1"}}, .headers = {suite_host}},
     "host;x-amz-date",
     "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {"get-vanilla-query-order-encoded",
     {.query = {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}}, .headers = {suite_host}},
     "host;x-amz-date",
     "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {"get-vanilla-query-order-key-case",
     {.query = {{"Param2", "value2"}, {"Param1", "value1"}}, .headers = {suite_host}},
     "host;x-amz-date",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {"get-vanilla-query-unreserved",
     {.query = {{unreserved, unreserved}}, .headers = {suite_host}},
     "host;x-amz-date",
     "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {"get-vanilla-utf8-query",
     {.query = {{"\xe1\x88\xb4", "bar"}}, .headers = {suite_host}},
     "host;x-amz-date",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {"get-vanilla-with-session-token",
     {.headers = {suite_host,
                  {"x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"}}},
     "host;x-amz-date;x-amz-security-token",
     "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {"post-header-key-sort",
     {.method = "POST", .headers = {suite_host, {"my-header1", "value1"}}},
     "host;my-header1;x-amz-date",
     "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {"post-header-value-case",
     {.method = "POST", .headers = {suite_host, {"my-header1", "VALUE1"}}},
     "host;my-header1;x-amz-date",
     "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {"post-sts-header-before",
     {.method = "POST", .headers = {suite_host, {"x-amz-security-token", session_token}}},
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-vanilla, post-header-key-case and post-sts-header-after",
     {.method = "POST", .headers = {suite_host}},
     "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-vanilla-query and post-vanilla-empty-query-value",
     {.method = "POST", .query = {{"Param1", "value1"}}, .headers = {suite_host}},
     "host;x-amz-date",
     "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {"post-x-www-form-urlencoded",
     {.method = "POST",
      .headers = {suite_host,
                  {"content-length", "13"},
                  {"content-type", "application/x-www-form-urlencoded"},
                  {"x-amz-content-sha256", form_hash}},
      .payload_hash = form_hash},
     "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
     "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
    {"post-x-www-form-urlencoded-parameters",
     {.method = "POST",
      .headers = {suite_host,
                  {"content-length", "13"},
                  {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                  {"x-amz-content-sha256", form_hash}},
      .payload_hash = form_hash},
     "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
     "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"},
};

const credentials example_keys{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                               .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
const wall_time example_time = at(std::chrono::year(2013) / 5 / 24, std::chrono::seconds(0));

std::string example_authorization(const std::string& names, const std::string& hex) {
  return "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" + names +
         ", Signature=" + hex;
}

const plain_request lifecycle_request{
    .query = {{"lifecycle", ""}},
    .headers = {{"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", std::string(empty_payload_hash)}}};
const std::string lifecycle_authorization =
    example_authorization("host;x-amz-content-sha256;x-amz-date",
                          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");

}  // namespace

TEST_CASE("the signer gives the signatures of the public SigV4 suite") {
  signer with({.access_key_id = "AKIDEXAMPLE", .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
              "us-east-1", "service");
  const wall_time now = at(std::chrono::year(2015) / 8 / 30, std::chrono::hours(12) + std::chrono::minutes(36));
  for (const vector_case& each : suite) {
    INFO(each.name);
    CHECK(authorization(with, each.request, now) ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" +
              each.signed_names + ", Signature=" + each.signature);
  }
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
TEST_CASE("the signer gives the signatures of the examples on Amazon S3's pages") {
  signer with(example_keys, "us-east-1");
  const std::pair<std::string, std::string> host{"host", "examplebucket.s3.amazonaws.com"};
  const std::pair<std::string, std::string> no_body{"x-amz-content-sha256", std::string(empty_payload_hash)};

  CHECK(authorization(with, {.path = "/test.txt", .headers = {host, {"range", "bytes=0-9"}, no_body}}, example_time) ==
        example_authorization("host;range;x-amz-content-sha256;x-amz-date",
                              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));

  std::string hash(64, '\0');
  write_hex(sha256_of("Welcome to Amazon S3."), hash.data());
  CHECK(authorization(with,
                      {.method = "PUT",
                       .path = "/test$file.text",
                       .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                   host,
                                   {"x-amz-content-sha256", hash},
                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                       .payload_hash = hash},
                      example_time) ==
        example_authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                              "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));

  CHECK(authorization(with, lifecycle_request, example_time) == lifecycle_authorization);

  CHECK(authorization(with, {.query = {{"prefix", "J"}, {"max-keys", "2"}}, .headers = {host, no_body}}, example_time) ==
        example_authorization("host;x-amz-content-sha256;x-amz-date",
                              "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST_CASE("x-amz-date is UTC, in the basic format, at every edge of the calendar") {
  using namespace std::chrono;
  CHECK(date_of(wall_time{}) == "19700101T000000Z");
  CHECK(date_of(at(year(2013) / 5 / 24, 0s)) == "20130524T000000Z");
  CHECK(date_of(at(year(2024) / 2 / 29, 86399s)) == "20240229T235959Z");
  CHECK(date_of(at(year(2000) / 12 / 31, 86399s) + 999999999ns) == "20001231T235959Z");
  CHECK(date_of(at(year(2100) / 3 / 1, 43506s)) == "21000301T120506Z");
  CHECK(date_of(wall_time{-1ns}) == "19691231T235959Z");
  signer with(example_keys, "us-east-1");
  CHECK(with.amz_date(example_time) == "20130524T000000Z");
  CHECK(with.amz_date(example_time + 1s) == "20130524T000001Z");
}

TEST_CASE("a signer follows the time over seconds and days, also backwards") {
  using namespace std::chrono;
  signer with(example_keys, "us-east-1");
  for (const nanoseconds step : {0ns, 999999999ns, nanoseconds(1s), nanoseconds(24h), nanoseconds(25h), -1ns}) {
    const wall_time now = example_time + step;
    signer fresh(example_keys, "us-east-1");
    CHECK(authorization(with, lifecycle_request, now) == authorization(fresh, lifecycle_request, now));
  }
  CHECK(authorization(with, lifecycle_request, example_time) == lifecycle_authorization);
}

TEST_CASE("new credentials sign from the next request on, in the same second") {
  signer with({.access_key_id = "AKIDEXAMPLE", .secret_access_key = "another"}, "us-east-1");
  const std::string before = authorization(with, lifecycle_request, example_time);
  with.set_credentials(example_keys);
  CHECK(with.current().access_key_id == "AKIAIOSFODNN7EXAMPLE");
  CHECK(authorization(with, lifecycle_request, example_time) == lifecycle_authorization);
  CHECK(before != lifecycle_authorization);
}

TEST_CASE("the signer refuses anonymous credentials and more header names than fit") {
  const std::vector<signed_header> host{{"host", "h"}};
  signature out;
  signer anonymous({}, "us-east-1");
  CHECK(anonymous.sign({.method = "GET", .path = "/", .headers = host}, example_time, out) == errc::invalid_argument);
  CHECK(out.authorization().empty());

  signer with(example_keys, "us-east-1");
  // The rest of the value, with a name and the separator that is counted for each, takes the capacity to its last byte.
  const std::string empty = example_authorization("", std::string(64, '0'));
  const std::string fits(signature::capacity - empty.size() - 1, 'h');
  const std::vector<signed_header> longest{{fits, ""}};
  REQUIRE_FALSE(with.sign({.method = "GET", .path = "/", .headers = longest}, example_time, out));
  CHECK(out.authorization().size() == signature::capacity - 1);
  const std::string more = fits + "h";
  const std::vector<signed_header> too_long{{more, ""}};
  CHECK(with.sign({.method = "GET", .path = "/", .headers = too_long}, example_time, out) == errc::invalid_argument);
  CHECK(out.authorization().empty());
}

TEST_CASE("a path of any length is signed whole") {
  // Around the sizes at which the signer hands on what it has gathered.
  const std::vector<std::size_t> sizes{900, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 1025, 2047, 2048, 3072};
  signer with(example_keys, "us-east-1");
  std::string previous;
  for (const std::size_t size : sizes) {
    plain_request request = lifecycle_request;
    request.path = std::string(size, 'a').insert(0, 1, '/');
    const std::string signed_once = authorization(with, request, example_time);

    // The same by the book: the canonical request as one string, and OpenSSL's HMAC.
    std::string canonical = "GET\n" + request.path + "\nlifecycle=\nhost:examplebucket.s3.amazonaws.com\n" +
                            "x-amz-content-sha256:" + std::string(empty_payload_hash) +
                            "\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n" +
                            std::string(empty_payload_hash);
    const auto hmac = [](const std::string& key, const std::string& text) {
      std::string digest(32, '\0');
      unsigned length = 0;
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
           text.size(), reinterpret_cast<unsigned char*>(digest.data()), &length);
      return digest;
    };
    const auto hex = [](std::string_view bytes) {
      std::string out(2 * bytes.size(), '\0');
      write_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}, out.data());
      return out;
    };
    std::string hash(32, '\0');
    REQUIRE(EVP_Digest(canonical.data(), canonical.size(), reinterpret_cast<unsigned char*>(hash.data()), nullptr,
                       EVP_sha256(), nullptr) == 1);
    std::string key = "AWS4" + std::string(example_keys.secret_access_key.view());
    for (const char* step : {"20130524", "us-east-1", "s3", "aws4_request"}) key = hmac(key, step);
    CHECK(signed_once ==
          example_authorization("host;x-amz-content-sha256;x-amz-date",
                                hex(hmac(key, "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" +
                                                  hex(hash)))));
    CHECK(signed_once != previous);
    previous = signed_once;
  }
}

TEST_CASE("HMAC-SHA256 gives the digests of RFC 4231") {
  const auto hex = [](const sha256_digest& digest) {
    std::string out(64, '\0');
    write_hex(digest, out.data());
    return out;
  };
  CHECK(hex(hmac_sha256(std::string(20, '\x0b'))("Hi There")) ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hex(hmac_sha256("Jefe")("what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string large(131, '\xaa');
  const std::string_view text = "Test Using Larger Than Block-Size Key - Hash Key First";
  CHECK(hex(hmac_sha256(large)(text)) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hex(hmac_sha256(std::string_view(large).substr(4), std::string_view(large).substr(0, 4))(text)) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

namespace {

struct curl_deleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// What libcurl sends for a request, on one thread: once it is connected, and before it sends, its connection is
/// accepted and the answer written.
class curl_signer {
 public:
  curl_signer()
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), easy_(curl_easy_init()) {
    REQUIRE(easy_);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listener_.get(), generic, size) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    REQUIRE(::getsockname(listener_.get(), generic, &size) == 0);
    origin_ = std::string("http://127.0.0.1:") + std::to_string(ntohs(address.sin_port));
    curl_easy_setopt(easy_.get(), CURLOPT_PREREQFUNCTION, +[](void* self, char*, char*, int, int) {
      return static_cast<curl_signer*>(self)->answer() ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
    });
    curl_easy_setopt(easy_.get(), CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  }

  /// The request's head. `headers` must hold x-amz-date; curl then signs for that time.
  std::string head(const plain_request& request, const pairs& headers, const credentials& keys,
                   const std::string& region) {
    std::string url = origin_ + request.encoded_path();
    if (!request.query.empty()) url.append(1, '?').append(request.encoded_query());
    std::unique_ptr<curl_slist, curl_deleter> list;
    for (const auto& [name, value] : headers) {
      curl_slist* const longer = curl_slist_append(list.get(), (name + ": " + value).c_str());
      REQUIRE(longer != nullptr);
      static_cast<void>(list.release());
      list.reset(longer);
    }
    const std::string secret_text(keys.secret_access_key.view());
    const std::string provider = "aws:amz:" + region + ":s3";
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(easy_.get(), CURLOPT_USERNAME, keys.access_key_id.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_PASSWORD, secret_text.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_AWS_SIGV4, provider.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
    if (request.method == "GET") curl_easy_setopt(easy_.get(), CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_CUSTOMREQUEST,
                     request.method == "GET" || request.method == "HEAD" ? nullptr : request.method.c_str());
    const CURLcode result = curl_easy_perform(easy_.get());
    INFO(curl_easy_strerror(result));
    REQUIRE(result == CURLE_OK);

    std::string text(32768, '\0');
    const ssize_t size = ::read(accepted_.get(), text.data(), text.size());
    REQUIRE(size > 0);
    text.resize(static_cast<std::size_t>(size));
    REQUIRE(text.size() > 4);
    REQUIRE(text.substr(text.size() - 4) == "\r\n\r\n");
    return text;
  }

 private:
  [[nodiscard]] bool answer() noexcept {
    static constexpr std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    accepted_ = unique_fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return ::write(accepted_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

  unique_fd listener_;
  unique_fd accepted_;
  std::string origin_;
  std::unique_ptr<CURL, curl_deleter> easy_;
};

/// The value of the header `name`, as curl writes it, of a request's head.
std::string header_of(const std::string& head, const std::string& name) {
  const std::string start = "\r\n" + name + ": ";
  const std::size_t at_start = head.find(start);
  REQUIRE(at_start != std::string::npos);
  const std::size_t from = at_start + start.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

class random_requests {
 public:
  explicit random_requests(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  std::string text(std::string_view alphabet, std::size_t least, std::size_t most) {
    std::string out(least + below(most - least + 1), '\0');
    for (char& c : out) c = alphabet[below(alphabet.size())];
    return out;
  }

  std::string bytes(std::size_t least, std::size_t most) {
    std::string out(least + below(most - least + 1), '\0');
    for (char& c : out) c = static_cast<char>(below(256));
    return out;
  }

  // What curl 7.88 would do otherwise is left out, so that later versions, which have that mended, agree as well:
  // - it takes path and query from the URL as they are: they are encoded and sorted here by our own helpers;
  // - it signs the name of the URL's host, without the port: the Host header is always given;
  // - it sorts headers by "name:value", in which a name sorts after a longer one that begins with it and '-': no name
  //   here is the beginning of another;
  // - it encodes no path: only S3 is signed for, as later versions encode other services' paths twice;
  // - it does not join headers of the same name: each is given once;
  // - it takes an x-amz-content-sha256 that is given as it is: always given;
  // - an empty value would remove a header: none is.
  plain_request next() {
    static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz";
    static constexpr std::string_view visible = "ABCXYZabcxyz0123456789 !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~";
    static constexpr std::string_view hex_digits = "0123456789abcdef";
    plain_request request;
    request.method = std::vector<std::string>{"GET", "HEAD", "DELETE"}[below(3)];
    request.path = std::string("/") + (below(2) == 0 ? bytes(0, 100) : text("ab/.+%~ -_", 0, 60));
    for (std::size_t count = below(5); count != 0; --count)
      request.query.emplace_back(below(2) == 0 ? bytes(1, 8) : text("ab-.", 1, 3), below(3) == 0 ? "" : bytes(0, 30));

    request.headers.emplace_back("host", text(letters, 1, 20) + (below(2) == 0 ? ".example.com" : ":9000"));
    const auto value = [&] {   // blanks only within
      return text(letters, 1, 1) + text(visible, 0, 40) + text(letters, 1, 1);
    };
    if (below(2) == 0) request.headers.emplace_back("range", std::string("bytes=") + std::to_string(below(1'000'000)) + "-");
    if (below(2) == 0) request.headers.emplace_back("if-match", '"' + text(hex_digits, 32, 32) + '"');
    if (below(3) == 0) request.headers.emplace_back("x-amz-security-token", text(visible.substr(0, 22), 100, 1000));
    if (below(3) == 0) request.headers.emplace_back("x-amz-request-payer", "requester");
    for (const char* name : {"a-header", "my-header1", "x-amz-meta-one", "x-amz-meta-two", "zz"})
      if (below(4) == 0) request.headers.emplace_back(name, value());
    request.payload_hash = std::vector<std::string>{std::string(unsigned_payload), std::string(empty_payload_hash),
                                                    text(hex_digits, 64, 64)}[below(3)];
    request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
    return request;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("the signer agrees with libcurl on random requests") {
  random_requests random(20261123);
  curl_signer curl;
  static constexpr std::string_view key_characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string region;
  credentials keys;
  std::unique_ptr<signer> with;
  for (int i = 0; i < 2500; ++i) {
    // A signer signs some requests before it is replaced or given other credentials, so that what it keeps is tested.
    if (i % 10 == 0) {
      keys = {.access_key_id = random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 4, 40),
              .secret_access_key = random.text(key_characters, 1, 100)};
      if (i % 20 == 0) {
        region = random.text("abcdefgh-0123", 1, 20);
        with = std::make_unique<signer>(keys, region);
      } else {
        with->set_credentials(keys);
      }
    }
    const plain_request request = random.next();
    const wall_time now{std::chrono::seconds(1'700'000'000 + random.below(86400) * (i % 3 == 0 ? 5000 : 2))};
    pairs headers = request.headers;
    headers.emplace_back("x-amz-date", date_of(now));
    const std::string head = curl.head(request, headers, keys, region);
    CAPTURE(i, head);
    REQUIRE(header_of(head, "Authorization") == authorization(*with, request, now));
  }
}
