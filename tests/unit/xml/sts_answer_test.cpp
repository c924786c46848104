// Credentials in the XML of AWS's token service, and of services that speak like it.
#include "s3pager/xml/sts_answer.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace s3pager;

constexpr std::string_view whole =
    R"(<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/demo/x</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>hidden/secret+</SecretAccessKey>
<SessionToken>hidden-token==</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata></AssumeRoleResponse>)";

std::string with(std::string_view what, std::string_view instead) {
  std::string made(whole);
  made.replace(made.find(what), what.size(), instead);
  return made;
}
std::string refusal(std::string_view bytes) { return xml::parse_sts_answer(bytes, "AssumeRole").message(); }

}  // namespace

TEST_CASE("an answer of STS is read whole") {
  const auto read = xml::parse_sts_answer(whole, "AssumeRole");
  REQUIRE(read);
  CHECK(read.value().access_key_id == "ASIAEXAMPLE");
  CHECK(read.value().secret_access_key.view() == "hidden/secret+");
  CHECK(read.value().session_token.view() == "hidden-token==");
  CHECK(read.value().expiration == wall_time{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)});
  CHECK(xml::parse_sts_answer(
      "<GetSessionTokenResponse><GetSessionTokenResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>"
      "<SessionToken>T</SessionToken><Expiration>2030-01-01T00:00:00.5Z</Expiration></Credentials></GetSessionTokenResult>"
      "</GetSessionTokenResponse>",
      "GetSessionToken"));
}

TEST_CASE("what is wrong with an answer of STS is said, without a value of it") {
  CHECK(refusal("") == "the answer of STS is not XML, or is cut off");
  CHECK(refusal("hidden") == "the answer of STS is not XML, or is cut off");
  CHECK(refusal("<html></html>") == "the answer of STS has another root than AssumeRoleResponse");
  CHECK(refusal("<AssumeRoleResponse></AssumeRoleResponse>") == "the answer of STS has no Credentials");
  CHECK(refusal(with("ASIAEXAMPLE", "")) == "the answer of STS has no AccessKeyId");
  CHECK(refusal(with("hidden/secret+", "<b/>")) == "the answer of STS has no SecretAccessKey");
  CHECK(refusal(with("hidden-token==", "hidden token")) ==
        "the answer of STS is wrong: SessionToken holds a space, a line break or another character that can't be in it");
  CHECK(refusal(with("2030-01-01T00:00:00Z", "soon")) == "the answer of STS has an Expiration that is no time as in RFC 3339");
  CHECK(refusal(std::string(xml::max_sts_answer_bytes + 1, ' ')) == "the answer of STS is longer than 256 KiB");
}

TEST_CASE("an answer of STS that is cut off anywhere is refused") {
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(xml::parse_sts_answer(whole.substr(0, size), "AssumeRole"));
}

TEST_CASE("an answer of CreateSession is read whole") {
  const auto read = xml::parse_create_session_answer(
      "<CreateSessionResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Credentials><SessionToken>T</SessionToken><SecretAccessKey>S"
      "</SecretAccessKey><AccessKeyId>A</AccessKeyId><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>");
  REQUIRE(read);
  CHECK(read.value().access_key_id == "A");
  CHECK(read.value().session_token.view() == "T");
  CHECK(xml::parse_create_session_answer("<CreateSessionResult/>").message() == "the answer of CreateSession has no Credentials");
  CHECK(xml::parse_create_session_answer(whole).message() == "the answer of CreateSession has another root than CreateSessionResult");
}
