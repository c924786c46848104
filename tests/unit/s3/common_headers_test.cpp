#include "s3pager/s3/common_headers.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/error.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using s3::common_headers;

namespace {

using own = std::vector<request_header>;

std::string text(const common_headers& of) {
  std::string made;
  for (const aws::signed_header& each : of.sorted()) made.append(each.name).append("=").append(each.value).append(";");
  return made;
}

/// What is wrong with them; empty: nothing.
std::string refusal(const own& headers) {
  try {
    make_ref<common_headers>()->add_own(headers);
  } catch (const error& refused) {
    CHECK(refused.code() == errc::invalid_argument);
    CHECK(std::string(refused.what()).find("secret") == std::string::npos);
    return refused.details().message;
  }
  return {};
}

}  // namespace

TEST_CASE("headers are kept in the order of their names, in lower case", "[s3][common_headers]") {
  const auto made = make_ref<common_headers>();
  CHECK(made->sorted().empty());
  made->add_own(own{{"X-Tenant", "7"}, {"referer", "https://a.example/ b"}, {"A", ""}});
  made->add("x-amz-expected-bucket-owner", "111122223333");
  CHECK(text(*made) == "a=;referer=https://a.example/ b;x-amz-expected-bucket-owner=111122223333;x-tenant=7;");
}

TEST_CASE("headers are copied", "[s3][common_headers]") {
  const auto made = make_ref<common_headers>();
  std::string name = "X-A";
  std::string value = "1";
  made->add_own(own{{name, value}});
  name = "X-B";
  value = "2";
  CHECK(text(*made) == "x-a=1;");
}

TEST_CASE("a call's header takes the place of the client's, which stays as it is", "[s3][common_headers]") {
  const auto clients = make_ref<common_headers>();
  clients->add_own(own{{"x-a", "1"}, {"x-b", "2"}});
  const auto calls = make_ref<common_headers>(*clients);
  calls->add_own(own{{"x-c", "3"}, {"X-A", "4"}});
  CHECK(text(*clients) == "x-a=1;x-b=2;");
  CHECK(text(*calls) == "x-a=4;x-b=2;x-c=3;");
}

TEST_CASE("a header that is the library's own, or changes what it relies on, is refused", "[s3][common_headers]") {
  for (const std::string_view each :
       {"accept-encoding", "Authorization", "Connection", "content-encoding", "content-length", "Date", "expect", "Host", "If-Match",
        "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "proxy-authorization", "proxy-connection",
        "RANGE", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amz-checksum-mode", "x-amz-content-sha256",
        "X-Amz-Date", "x-amz-expected-bucket-owner", "x-amz-optional-object-attributes", "x-amz-request-payer", "x-amz-s3session-token",
        "x-amz-security-token", "x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key",
        "X-Amz-Server-Side-Encryption-Customer-Key-MD5"}) {
    std::string lower(each);
    for (char& c : lower) c = ascii_lower(c);
    CHECK(refusal({{"x-a", "1"}, {each, "secret"}}) == "headers[1]: " + lower + " is the library's own, or would change what it relies on");
  }
  for (const std::string_view each : {"accept", "cookie", "content-type", "hosts", "range-unit", "x-amz-meta-a", "x-amz-server-side-encryption"})
    CHECK(refusal({{each, "1"}}) == "");
}

TEST_CASE("a header that is none is refused, and shows no value", "[s3][common_headers]") {
  const std::string no_token = "headers[0]: the name is no token of 1 to 64 characters";
  for (const std::string_view each : {"", " ", "a b", "a:", "a\r\nb", "\xc3\xa4", "(a)"}) CHECK(refusal({{each, "secret"}}) == no_token);
  CHECK(refusal({{std::string_view("a\0", 2), "secret"}}) == no_token);
  CHECK(refusal({{std::string(64, 'n'), "1"}}) == "");
  CHECK(refusal({{std::string(65, 'n'), "secret"}}) == no_token);
  for (const std::string_view each : {"secret\r\nx: y", "secret\n", "\tsecret", "secret\x7f", "secret\xc3\xa4"})
    CHECK(refusal({{"X-A", each}}) == "headers[0]: the value of x-a holds something other than visible ASCII and spaces");
  CHECK(refusal({{"x-a", std::string_view("secret\0", 7)}}) != "");
  CHECK(refusal({{"x-a", "1"}, {"x-b", "2"}, {"X-a", "secret"}}) == "headers[2]: x-a is given twice");
}

TEST_CASE("headers are bounded in number and bytes, the client's and the call's together", "[s3][common_headers]") {
  std::vector<std::string> names;
  for (char c = 'a'; c < 'a' + 17; ++c) names.push_back(std::string("x-") + c);
  own sixteen;
  for (int i = 0; i < 16; ++i) sixteen.push_back({names[static_cast<std::size_t>(i)], "1"});
  CHECK(refusal(sixteen) == "");
  own more = sixteen;
  more.push_back({names[16], "1"});
  CHECK(refusal(more) == "headers[16]: there are more than 16");

  const auto clients = make_ref<common_headers>();
  clients->add_own(sixteen);
  CHECK_NOTHROW(make_ref<common_headers>(*clients)->add_own(own{{"x-a", "2"}}));
  CHECK_THROWS_WITH(make_ref<common_headers>(*clients)->add_own(own{{"y", "2"}}), Catch::Matchers::StartsWith("headers[0]: there are more than 16"));

  const std::string room(4095, 'v');
  CHECK(refusal({{"n", room}}) == "");
  CHECK(refusal({{"nn", room}}) == "headers[0]: they are more than 4096 bytes, names and values together");
  const auto full = make_ref<common_headers>();
  full->add_own(own{{"n", room}});
  CHECK_NOTHROW(make_ref<common_headers>(*full)->add_own(own{{"n", std::string(4095, 'w')}}));
  CHECK_NOTHROW(make_ref<common_headers>(*full)->add_own(own{{"n", "1"}, {"m", room.substr(0, 4093)}}));
  CHECK_THROWS(make_ref<common_headers>(*full)->add_own(own{{"n", "1"}, {"m", room.substr(0, 4094)}}));
}

TEST_CASE("an account's number has twelve digits", "[s3][common_headers]") {
  CHECK(s3::checked_bucket_owner("012345678901") == "012345678901");
  for (const std::string_view each : {"", "01234567890", "0123456789012", "01234567890a", " 12345678901", "1234-5678-9012"})
    CHECK_THROWS_WITH(s3::checked_bucket_owner(each), Catch::Matchers::StartsWith("expected_bucket_owner is no account's number, which has 12 digits"));
}

TEST_CASE("what a client says of itself is one line of ASCII", "[s3][common_headers]") {
  for (const std::string_view each : {"", "indexer/2.1", "indexer/2.1 (night; a=b) lib/3"}) CHECK(s3::checked_user_agent_suffix(each) == each);
  CHECK(s3::checked_user_agent_suffix(std::string(256, 'a')).size() == 256);
  CHECK_THROWS_WITH(s3::checked_user_agent_suffix(std::string(257, 'a')), Catch::Matchers::StartsWith("user_agent_suffix has 257 characters, 256 at most are allowed"));
  for (const std::string_view each : {" ", " a", "a ", "a\tb", "a\r\nx: y", "\xc3\xa4", "\x7f"})
    CHECK_THROWS_WITH(s3::checked_user_agent_suffix(each), Catch::Matchers::StartsWith("user_agent_suffix holds something other than visible ASCII, and spaces within"));
}
