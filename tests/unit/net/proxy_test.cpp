#include "s3pager/net/proxy.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::net;

namespace {

/// `http[s]://host:port [authorization]`, or what is wrong.
std::string parsed(std::string_view text) {
  const auto made = parse_proxy_url(text);
  if (!made) return made.message();
  const proxy& of = made.value();
  std::string out = (of.tls ? "https://" : "http://") + of.host + ':' + std::to_string(of.port);
  if (!of.authorization.empty()) out.append(" ").append(of.authorization.view());
  return out;
}

std::map<std::string, std::string, std::less<>>& variables() {
  static std::map<std::string, std::string, std::less<>> all;
  return all;
}
const char* variable(const char* name) {
  const auto at = variables().find(name);
  return at != variables().end() ? at->second.c_str() : nullptr;
}
std::string from_environment(std::map<std::string, std::string, std::less<>> set, bool tls, std::string_view host) {
  variables() = std::move(set);
  const auto found = environment_proxy(tls, variable).for_host(host);
  if (!found) return found.message();
  return found.value() ? found.value()->host : "none";
}

}  // namespace

TEST_CASE("a proxy's URL is read as curl reads it") {
  CHECK(parsed("proxy.example") == "http://proxy.example:1080");
  CHECK(parsed("proxy.example:3128") == "http://proxy.example:3128");
  CHECK(parsed("http://proxy.example") == "http://proxy.example:1080");
  CHECK(parsed("HTTP://10.0.0.1:80/") == "http://10.0.0.1:80");
  CHECK(parsed("https://proxy.example") == "https://proxy.example:443");
  CHECK(parsed("https://proxy.example:8443/path?query") == "https://proxy.example:8443");
  CHECK(parsed("[::1]:3128") == "http://::1:3128");
  CHECK(parsed("http://[fe80::1]") == "http://fe80::1:1080");
  CHECK(parsed("http://Aladdin:open%20sesame@proxy:1") == "http://proxy:1 Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(parsed("http://proxy.example:") == "http://proxy.example:1080");
  CHECK(parsed("http://@proxy:1") == "http://proxy:1");
  CHECK(parsed("user@proxy:1") == "http://proxy:1 Basic dXNlcjo=");
  CHECK(parsed("http://u:p@ss:w@proxy:1") == "http://proxy:1 Basic dTpwQHNzOnc=");
}

TEST_CASE("what is wrong with a proxy's URL is said, and no password shown") {
  const std::string_view port = "the proxy's URL has a port that is no number from 1 to 65535";
  for (const char* text : {"p:0", "p:65536", "p:12a", "p:99999999", "[::1]:x"}) CHECK(parsed(text) == port);
  CHECK(parsed("socks5://p:1") == "the proxy's URL must begin with http:// or https:// (SOCKS is not spoken)");
  const std::string_view no_name = "the proxy's URL has no valid host name (an IPv6 address needs brackets)";
  for (const char* text : {"http://", "http://:80", "::1", "p$x:1", "a..b"}) CHECK(parsed(text) == no_name);
  CHECK(parsed("http://a b:1") == "the proxy's URL holds a space, a line break or another character that can't be in it");
  CHECK(parsed("http://a\r\nX: y") == "the proxy's URL holds a space, a line break or another character that can't be in it");
  CHECK(parsed("http://secret:pass@[::1:80") == "the proxy's URL has a '[' without a ']'");
  CHECK(parsed("[127.0.0.1]:80") == "the proxy's URL has brackets around no IPv6 address");
  CHECK(parsed("[::1]80") == "the proxy's URL has something other than a port after its IPv6 address");
  CHECK(parsed("http://u:%zz@p:1") == "the proxy's URL has a user name or password that is not percent-encoded as it should be");
  CHECK(parsed("http://u%3Av:w@p:1") == "the proxy's URL has a user name with a colon");
}

TEST_CASE("NO_PROXY names hosts, domains, addresses and networks") {
  CHECK(bypasses_proxy("*", "any.example"));
  CHECK_FALSE(bypasses_proxy("a,*", "any.example"));
  CHECK_FALSE(bypasses_proxy("", "any.example"));
  for (const char* list : {"example.com", ".example.com", "other, example.com", "other example.com", "EXAMPLE.com", "example.com.", ",,example.com"}) {
    CHECK(bypasses_proxy(list, "example.com"));
    CHECK(bypasses_proxy(list, "bucket.s3.example.com"));
    CHECK(bypasses_proxy(list, "www.Example.COM."));
    CHECK_FALSE(bypasses_proxy(list, "badexample.com"));
    CHECK_FALSE(bypasses_proxy(list, "example.com.org"));
    CHECK_FALSE(bypasses_proxy(list, "com"));
  }
  CHECK(bypasses_proxy("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(bypasses_proxy("10.1.2.3", "10.1.2.30"));
  CHECK_FALSE(bypasses_proxy("2.3", "10.1.2.3"));
  CHECK(bypasses_proxy("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(bypasses_proxy("10.0.0.0/8", "11.0.0.1"));
  CHECK(bypasses_proxy("192.168.1.128/25", "192.168.1.129"));
  CHECK_FALSE(bypasses_proxy("192.168.1.128/25", "192.168.1.127"));
  CHECK(bypasses_proxy("0.0.0.0/0", "8.8.8.8"));
  for (const char* wrong : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/a", "10.0.0/8", "/8"}) CHECK_FALSE(bypasses_proxy(wrong, "10.0.0.1"));
  CHECK(bypasses_proxy("::1", "::1"));
  CHECK(bypasses_proxy("[::1]", "::1"));
  CHECK(bypasses_proxy("fd00::/8", "fd12::5"));
  CHECK_FALSE(bypasses_proxy("fd00::/8", "fe80::1"));
  CHECK_FALSE(bypasses_proxy("fd00::/8", "10.0.0.1"));
  CHECK_FALSE(bypasses_proxy("10.0.0.0/8", "ten.example"));
}

TEST_CASE("the environment has a proxy for each scheme, and hosts without one") {
  CHECK(from_environment({}, false, "a.example") == "none");
  CHECK(from_environment({{"http_proxy", "p:1"}}, false, "a.example") == "p");
  CHECK(from_environment({{"http_proxy", "p:1"}}, true, "a.example") == "none");
  CHECK(from_environment({{"HTTP_PROXY", "p:1"}}, false, "a.example") == "none");
  CHECK(from_environment({{"HTTPS_PROXY", "p:1"}}, true, "a.example") == "p");
  CHECK(from_environment({{"https_proxy", "q:1"}, {"HTTPS_PROXY", "p:1"}}, true, "a.example") == "q");
  CHECK(from_environment({{"https_proxy", ""}, {"HTTPS_PROXY", "p:1"}}, true, "a.example") == "p");
  CHECK(from_environment({{"ALL_PROXY", "p:1"}}, false, "a.example") == "p");
  CHECK(from_environment({{"all_proxy", "q:1"}, {"ALL_PROXY", "p:1"}}, true, "a.example") == "q");
  CHECK(from_environment({{"http_proxy", "q:1"}, {"all_proxy", "p:1"}}, false, "a.example") == "q");
  CHECK(from_environment({{"http_proxy", "p:1"}, {"no_proxy", "example"}}, false, "a.example") == "none");
  CHECK(from_environment({{"http_proxy", "p:1"}, {"NO_PROXY", ".example"}}, false, "a.example") == "none");
  CHECK(from_environment({{"http_proxy", "p:1"}, {"no_proxy", "other"}, {"NO_PROXY", ".example"}}, false, "a.example") == "p");
  for (const char* loopback : {"localhost", "bucket.localhost", "127.0.0.1", "127.1.2.3", "::1"})
    CHECK(from_environment({{"http_proxy", "p:1"}}, false, loopback) == "none");
  CHECK(from_environment({{"https_proxy", "p:0"}}, true, "a.example") ==
        "https_proxy: the proxy's URL has a port that is no number from 1 to 65535");
}
