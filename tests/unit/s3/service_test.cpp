#include "s3pager/s3/service.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/net/connection.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::s3;

namespace {

struct bench {
  std::string head(const service_settings& settings, std::string_view bucket, const request_spec& what,
                   std::size_t capacity = net::request_buffer::capacity) {
    const auto made = make_ref<service>(loop, settings);
    std::vector<char> out(capacity);
    return std::string(as_chars(made->write_get(*made->bucket(bucket), what, out)));
  }

  // 2013-05-24T00:00:00Z, of the examples.
  manual_clock time{wall_time{std::chrono::seconds{1'369'353'600}}};
  ring::reactor loop{{.clock = &time}};
};

const std::string agent = "user-agent: s3pager/" + std::string(version) + "\r\n\r\n";

service_settings example() {
  service_settings made;
  made.credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  made.credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  made.endpoint_url = "http://s3.amazonaws.com";
  made.rules.addressing = aws::addressing::virtual_hosted;
  made.environment = [](const char*) -> const char* { return nullptr; };
  return made;
}

}  // namespace

TEST_CASE("the request of AWS's own example is signed as it says", "[s3][service]") {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Example: GET Object"
  bench on;
  const aws::signed_header range{"range", "bytes=0-9"};
  CHECK(on.head(example(), "examplebucket", {.key = "test.txt", .headers = {&range, 1}}) ==
        "GET /test.txt HTTP/1.1\r\n"
        "host: examplebucket.s3.amazonaws.com\r\n"
        "range: bytes=0-9\r\n"
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n"
        "x-amz-date: 20130524T000000Z\r\n"
        "authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n" +
            agent);
}

TEST_CASE("the list of AWS's own example is signed as it says", "[s3][service]") {
  bench on;
  const std::string head = on.head(example(), "examplebucket", {.query = "max-keys=2&prefix=J"});
  CHECK(head.substr(0, head.find("\r\n")) == "GET /?max-keys=2&prefix=J HTTP/1.1");
  CHECK(head.find("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\r\n") != std::string::npos);
}

TEST_CASE("a session token is sent and signed, in its place", "[s3][service]") {
  bench on;
  service_settings with = example();
  with.credentials.session_token = "token";
  const std::string head = on.head(with, "examplebucket", {.key = "k"});
  CHECK(head.find("\r\nx-amz-date: 20130524T000000Z\r\nx-amz-security-token: token\r\n") != std::string::npos);
  CHECK(head.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,") != std::string::npos);
}

TEST_CASE("headers are sent in the order in which they are signed", "[s3][service]") {
  bench on;
  const std::vector<aws::signed_header> headers{{"x-amz-request-payer", "requester"}, {"range", "bytes=0-1"}, {"if-match", "\"e\""}};
  service_settings with = example();
  with.credentials = {};
  CHECK(on.head(with, "examplebucket", {.key = "k", .headers = headers}) ==
        "GET /k HTTP/1.1\r\nhost: examplebucket.s3.amazonaws.com\r\nif-match: \"e\"\r\nrange: bytes=0-1\r\n"
        "x-amz-request-payer: requester\r\n" +
            agent);
}

TEST_CASE("keys are sent byte by byte, whatever they look like", "[s3][service]") {
  bench on;
  service_settings with = example();
  with.credentials = {};
  with.endpoint_url = "http://127.0.0.1:9000/base";
  with.rules.addressing = aws::addressing::path;
  const auto path = [&](std::string_view key) {
    const std::string head = on.head(with, "bucket", {.key = key});
    return head.substr(4, head.find(" HTTP") - 4);
  };
  using namespace std::string_view_literals;
  CHECK(path("a//b/../c/.") == "/base/bucket/a//b/../c/.");
  CHECK(path(" +%?#&=") == "/base/bucket/%20%2B%25%3F%23%26%3D");
  CHECK(path("\0\r\n\x7f\xc3\xa9"sv) == "/base/bucket/%00%0D%0A%7F%C3%A9");
  CHECK(path("~-_.") == "/base/bucket/~-_.");
  CHECK(path(std::string(1024, '\xff')).size() == std::string_view("/base/bucket/").size() + 3072);
}

TEST_CASE("a bucket's requests go where endpoint, addressing and connect_host say", "[s3][service]") {
  bench on;
  service_settings with = example();
  {
    const auto made = make_ref<service>(on.loop, with);
    const auto target = made->bucket("examplebucket");
    CHECK(target->host()->name() == "examplebucket.s3.amazonaws.com");
    CHECK(target->host()->port() == 80);
    CHECK(made->bucket("examplebucket") == target);
  }
  with.connect_host = "127.0.0.1";
  with.connect_port = 8000;
  {
    const auto made = make_ref<service>(on.loop, with);
    const auto target = made->bucket("examplebucket");
    CHECK(target->host()->name() == "127.0.0.1");
    CHECK(target->host()->port() == 8000);
    CHECK(target->where().host_header == "examplebucket.s3.amazonaws.com");
    CHECK(made->bucket("other")->host() == target->host());
  }
}

TEST_CASE("through a proxy a request says whom it is for, and is signed as without one", "[s3][service]") {
  bench on;
  const request_spec what{.key = "a b", .query = "partNumber=1"};
  const std::string plain = on.head(example(), "examplebucket", what);
  service_settings with = example();
  with.proxy = net::parse_proxy_url("http://Aladdin:open%20sesame@proxy.example:3128").value();
  const std::string proxied = on.head(with, "examplebucket", what);
  CHECK(plain.substr(0, plain.find("\r\n")) == "GET /a%20b?partNumber=1 HTTP/1.1");
  CHECK(proxied.substr(0, proxied.find("\r\n")) == "GET http://examplebucket.s3.amazonaws.com/a%20b?partNumber=1 HTTP/1.1");
  const std::string authorization = "proxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
  std::string rest = proxied.substr(proxied.find("\r\n"));
  REQUIRE(rest.find(authorization) != std::string::npos);
  rest.erase(rest.find(authorization), authorization.size());
  CHECK(rest == plain.substr(plain.find("\r\n")));

  const auto made = make_ref<service>(on.loop, with);
  CHECK(made->bucket("examplebucket")->host()->name() == "proxy.example");
  CHECK(made->bucket("examplebucket")->host()->port() == 3128);
  CHECK(made->bucket("other")->host() == made->bucket("examplebucket")->host());
}

TEST_CASE("the environment's proxy is taken, unless an address to connect to was given, or none is wanted", "[s3][service]") {
  bench on;
  service_settings with = example();
  with.environment = [](const char* name) -> const char* {
    if (std::string_view(name) == "http_proxy") return "proxy.example:3128";
    if (std::string_view(name) == "no_proxy") return "near.s3.amazonaws.com";
    return nullptr;
  };
  const auto host = [&](const service_settings& settings, std::string_view bucket) {
    return make_ref<service>(on.loop, settings)->bucket(bucket)->host()->name();
  };
  CHECK(host(with, "far") == "proxy.example");
  CHECK(host(with, "near") == "near.s3.amazonaws.com");
  service_settings direct = with;
  direct.direct = true;
  CHECK(host(direct, "far") == "far.s3.amazonaws.com");
  service_settings elsewhere = with;
  elsewhere.connect_host = "127.0.0.1";
  CHECK(host(elsewhere, "far") == "127.0.0.1");
}

TEST_CASE("requests for an https endpoint go by TLS, through a proxy in a tunnel", "[s3][service]") {
  bench on;
  const auto where = [&](const service_settings& settings, std::string_view bucket) {
    return make_ref<service>(on.loop, settings)->bucket(bucket)->host()->where();
  };
  const auto lead = [&](const service_settings& settings) { return make_ref<service>(on.loop, settings)->lead_bytes(); };
  service_settings secure = example();
  secure.direct = true;
  CHECK(lead(secure) == 0);
  secure.endpoint_url = "https://s3.example:8443";
  CHECK(where(secure, "b3b") == "b3b.s3.example port 8443");
  CHECK(lead(secure) == 16384);
  secure.endpoint_url = "";
  CHECK(lead(secure) == 16384);

  service_settings through = example();
  through.endpoint_url = "https://[2001:db8::1]:8443";
  through.rules.addressing = aws::addressing::path;
  through.proxy = net::parse_proxy_url("http://u:w@proxy.example").value();
  CHECK(where(through, "b3b") == "[2001:db8::1]:8443 through the proxy proxy.example port 1080");
  CHECK(lead(through) == 16384);
  // What is said within the tunnel is not for the proxy's ears.
  CHECK(on.head(through, "b3b", {.key = "k"}, 1000).find("GET /b3b/k HTTP/1.1\r\n") == 0);
  CHECK(on.head(through, "b3b", {.key = "k"}, 1000).find("proxy-authorization") == std::string::npos);
  through.proxy = net::parse_proxy_url("https://proxy.example").value();
  CHECK(lead(through) == 32768);
  through.proxy.reset();
  through.environment = [](const char* name) -> const char* {
    return std::string_view(name) == "https_proxy" ? "https://near.example:3129" : nullptr;
  };
  CHECK(where(through, "b3b") == "[2001:db8::1]:8443 through the proxy near.example port 3129");
  CHECK(lead(through) == 32768);
}

TEST_CASE("a proxy in the environment is that of the time when the client was made", "[s3][service]") {
  bench on;
  static const char* set = nullptr;
  service_settings with = example();
  with.endpoint_url = "https://s3.example";
  with.environment = [](const char* name) -> const char* { return std::string_view(name) == "https_proxy" ? set : nullptr; };
  const auto before = make_ref<service>(on.loop, with);
  set = "https://later.example:3128";
  // Its slots have room for one layer of TLS.
  CHECK(before->lead_bytes() == 16384);
  CHECK(before->bucket("b3b")->host()->where() == "b3b.s3.example port 443");
  const auto later = make_ref<service>(on.loop, with);
  CHECK(later->lead_bytes() == 32768);
  CHECK(later->bucket("b3b")->host()->where() == "b3b.s3.example:443 through the proxy later.example port 3128");
  set = nullptr;
}

TEST_CASE("what can't be reached or sent is refused before it is tried, and in words", "[s3][service]") {
  bench on;
  const auto refusal = [&](const service_settings& with, std::string_view bucket, const request_spec& what, std::size_t capacity) {
    try {
      static_cast<void>(on.head(with, bucket, what, capacity));
    } catch (const error& failed) {
      CHECK(failed.code() == errc::invalid_argument);
      CHECK(failed.bucket() == bucket);
      const std::string text = failed.what();
      CHECK(text.find("wJalr") == std::string::npos);
      return failed.details().message;
    }
    return std::string("none");
  };
  CHECK(refusal(example(), "Not a label", {}, 1000) != "none");
  CHECK(refusal(example(), "examplebucket", {.key = std::string(1000, 'k')}, 1000).find("can't be sent") != std::string::npos);
  const aws::signed_header split{"if-match", "\"e\"\r\nx: y"};
  CHECK(refusal(example(), "examplebucket", {.key = "k", .headers = {&split, 1}}, 1000).find("can't be sent") != std::string::npos);
  service_settings untrusting = example();
  untrusting.endpoint_url = "https://s3.amazonaws.com";
  untrusting.tls.ca_file = "/nowhere/ca.pem";
  CHECK(refusal(untrusting, "examplebucket", {}, 1000).find("no certificate authorities can be read from /nowhere/ca.pem: ") == 0);
  service_settings plain = example();
  plain.rules.addressing = aws::addressing::automatic;
  CHECK(refusal(plain, "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3", {}, 1000) ==
        "this bucket is reached by TLS only: the endpoint URL must begin with https://");
  service_settings anonymous = example();
  anonymous.credentials = {};
  CHECK(refusal(anonymous, "examplebucket", {.key = "k", .headers = {&split, 1}}, 1000).find("can't be sent") != std::string::npos);
}
