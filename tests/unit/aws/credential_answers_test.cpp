// Credentials of metadata services, programs and SSO, whole, and with each thing wrong that can be.
#include "s3pager/aws/credential_answers.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

const wall_time new_year{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};

constexpr std::string_view imds = R"({
  "Code" : "Success",
  "LastUpdated" : "2029-12-31T18:00:00Z",
  "Type" : "AWS-HMAC",
  "AccessKeyId" : "ASIAEXAMPLE",
  "SecretAccessKey" : "hidden/secret+",
  "Token" : "hidden-token==",
  "Expiration" : "2030-01-01T00:00:00Z"
})";

/// `whole` with the first `what` replaced.
std::string with(std::string_view whole, std::string_view what, std::string_view instead) {
  std::string made(whole);
  made.replace(made.find(what), what.size(), instead);
  return made;
}
std::string refusal(std::string_view json) { return aws::parse_metadata_credentials(json, "the service").message(); }

}  // namespace

TEST_CASE("credentials of a metadata service are read whole") {
  const auto read = aws::parse_metadata_credentials(imds, "the service");
  REQUIRE(read);
  CHECK(read.value().access_key_id == "ASIAEXAMPLE");
  CHECK(read.value().secret_access_key.view() == "hidden/secret+");
  CHECK(read.value().session_token.view() == "hidden-token==");
  CHECK(read.value().expiration == new_year);
  // Containers' endpoints send no Code, and may send more.
  CHECK(aws::parse_metadata_credentials(with(imds, "\"Code\"", "\"RoleArn\""), "the service"));
  CHECK_FALSE(aws::parse_metadata_credentials(with(imds, "Expiration", "Expires"), "the service").value().expiration);
}

TEST_CASE("what is wrong with credentials is said, without a value of theirs") {
  CHECK(refusal("") == "the answer of the service is no JSON object: it is empty");
  CHECK(refusal("<html>hidden</html>") == "the answer of the service is no JSON object (line 1, column 1)");
  CHECK(refusal("[]") == "the answer of the service is JSON, but no object");
  CHECK(refusal("{}") == "the answer of the service: AccessKeyId is missing, empty or no text");
  CHECK(refusal(with(imds, "\"hidden/secret+\"", "17")) == "the answer of the service: SecretAccessKey is missing, empty or no text");
  CHECK(refusal(with(imds, "\"Token\"", "\"token\"")) == "the answer of the service: Token is missing, empty or no text");
  CHECK(refusal(with(imds, "ASIAEXAMPLE", "")) == "the answer of the service: AccessKeyId is missing, empty or no text");
  CHECK(refusal(with(imds, "hidden-", "hidden\\n")) ==
        "the answer of the service: Token holds a space, a line break or another character that can't be in it");
  CHECK(refusal(with(imds, "hidden-", std::string(40'000, 'x'))) == "the answer of the service: Token is longer than 32 KiB");
  CHECK(refusal(with(imds, "2030-01-01T00:00:00Z", "tomorrow")) == "the answer of the service: Expiration is no time as in RFC 3339");
  CHECK(refusal(with(imds, "hidden-", "\\u0000")).find("is no JSON object (line 7") != std::string::npos);
  CHECK(refusal(std::string(aws::max_json_bytes + 1, ' ')) == "the answer of the service is longer than 1 MiB");
  CHECK(refusal(R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"})") ==
        "the service has no credentials: AssumeRoleUnauthorizedAccess: EC2 cannot assume the role");
}

TEST_CASE("credentials that never expire may say so by a time that never was or comes") {
  for (const char* const never : {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2262-01-01T00:00:00Z"})
    CHECK_FALSE(aws::parse_metadata_credentials(with(imds, "2030-01-01T00:00:00Z", never), "the service").value().expiration);
  CHECK(refusal(with(imds, "2030-01-01T00:00:00Z", "tomorrow, or the day after")) ==
        "the answer of the service: Expiration is no time as in RFC 3339");
}

TEST_CASE("an answer that is cut off anywhere is refused") {
  for (std::size_t size = 0; size < imds.size(); ++size) CHECK_FALSE(aws::parse_metadata_credentials(imds.substr(0, size), "the service"));
}

TEST_CASE("an error's code and message are found in all their spellings") {
  CHECK(aws::service_error_words(R"({"code":"AccessDenied","message":"no"})") == "AccessDenied: no");
  CHECK(aws::service_error_words(R"({"__type":"com.amazonaws#X","message":"no"})") == "com.amazonaws#X: no");
  CHECK(aws::service_error_words(R"({"error":"invalid_grant","error_description":"Invalid token"})") == "invalid_grant: Invalid token");
  CHECK(aws::service_error_words(R"({"message":"Session token not found or invalid"})") == "Session token not found or invalid");
  CHECK(aws::service_error_words(R"({"Code":"X"})") == "X");
  CHECK(aws::service_error_words(imds).empty());
  CHECK(aws::service_error_words("<html>").empty());
  CHECK(aws::service_error_words(R"({"Code":")" + std::string(300, 'c') + R"(","Message":")" + std::string(300, 'm') + "\"}").size() == 200);
}

TEST_CASE("what a credential_process writes is version 1, with a token or without") {
  const auto temporary = aws::parse_process_credentials(
      R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T","Expiration":"2030-01-01T01:00:00.000000+01:00"})");
  REQUIRE(temporary);
  CHECK(temporary.value().session_token.view() == "T");
  CHECK(temporary.value().expiration == new_year);
  const auto fixed = aws::parse_process_credentials(R"({"Version":1,"AccessKeyId":"A","SecretAccessKey":"S"})");
  REQUIRE(fixed);
  CHECK(fixed.value().access_key_id == "A");
  CHECK(fixed.value().secret_access_key.view() == "S");
  CHECK(fixed.value().session_token.empty());
  CHECK_FALSE(fixed.value().expiration);
  for (const char* const wrong : {R"({"Version":2,"AccessKeyId":"A","SecretAccessKey":"S"})", R"({"AccessKeyId":"A","SecretAccessKey":"S"})",
                                  R"({"Version":"1","AccessKeyId":"A","SecretAccessKey":"S"})"})
    CHECK(aws::parse_process_credentials(wrong).message() == "the output of credential_process: Version is not 1, the one that is known");
}

TEST_CASE("credentials of the SSO portal expire by milliseconds") {
  constexpr std::string_view whole =
      R"({"roleCredentials":{"accessKeyId":"A","secretAccessKey":"S","sessionToken":"T","expiration":1893456000000}})";
  const auto read = aws::parse_sso_role_credentials(whole);
  REQUIRE(read);
  CHECK(read.value().access_key_id == "A");
  CHECK(read.value().secret_access_key.view() == "S");
  CHECK(read.value().session_token.view() == "T");
  CHECK(read.value().expiration == new_year);
  CHECK(aws::parse_sso_role_credentials("{}").message() == "the answer of the SSO portal: roleCredentials is missing or no object");
  for (const char* const wrong : {"0", "-1", "99999999999999999", "\"1893456000000\"", "1.5"})
    CHECK(aws::parse_sso_role_credentials(with(whole, "1893456000000", wrong)).message() ==
          "the answer of the SSO portal: expiration is missing, or no number of milliseconds since 1970");
}
