// What is read from ~/.aws/config and ~/.aws/credentials, and what is refused in which words. The expectations are what the AWS CLI
// 1.45 makes of the same texts; tests/unit/identity/profile_test.cpp asks it where it is installed.
#include "s3pager/aws/profile_files.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using aws::profile_files;

profile_files parsed(std::string_view config, std::string_view credentials = {}) {
  auto made = aws::parse_profile_files(config, "config", credentials, "credentials");
  INFO(made.message());
  REQUIRE(made);
  return std::move(made).value();
}
std::string refused(std::string_view config, std::string_view credentials = {}) {
  return aws::parse_profile_files(config, "config", credentials, "credentials").message();
}
std::string text(const std::optional<std::string_view>& of) { return of ? std::string(*of) : "(nothing)"; }

}  // namespace

TEST_CASE("profiles of both files are found, and the credentials file counts before the config file") {
  const profile_files both = parsed(
      "[default]\nregion = eu-west-1\n"
      "[profile dev]\nregion=us-west-2\naws_access_key_id = CONFIG\n"
      "[dev]\nregion = none\n"
      "[sso-session corp]\nsso_region = eu-central-1\n"
      "[services local]\ns3 =\n  endpoint_url = http://localhost:9000\n",
      "[dev]\naws_access_key_id = CREDENTIALS\n[profile dev]\nregion = none\n[default]\naws_session_token = a=b:c\n");
  CHECK(text(both.find("default", "region")) == "eu-west-1");
  CHECK(text(both.find("default", "aws_session_token")) == "a=b:c");
  CHECK(text(both.find("dev", "region")) == "us-west-2");
  CHECK(text(both.find("dev", "aws_access_key_id")) == "CREDENTIALS");
  CHECK(text(both.config_profiles.at("dev").find("aws_access_key_id")) == "CONFIG");
  CHECK(text(both.sso_sessions.at("corp").find("sso_region")) == "eu-central-1");
  CHECK(text(both.services.at("local").find("s3", "endpoint_url")) == "http://localhost:9000");
  CHECK(both.has_profile("dev"));
  CHECK(both.has_profile("profile dev"));  // of the credentials file, where a header is a name
  CHECK_FALSE(both.has_profile("corp"));
  CHECK(text(both.find("none", "region")) == "(nothing)");
}

TEST_CASE("blanks, comments, line ends and upper case are as the CLI has them") {
  const profile_files read = parsed(
      "\xEF\xBB\xBF# a comment\r\n; another\r\n[default]\r\n  # indented\r\nRegion :  eu-west-1 # no comment \r\n"
      "Output=json\n\n\naws_access_key_id\t=\tAKID\nempty =\n[profile a] anything\nregion = 1");
  CHECK(text(read.find("default", "region")) == "eu-west-1 # no comment");
  CHECK(text(read.find("default", "output")) == "json");
  CHECK(text(read.find("default", "aws_access_key_id")) == "AKID");
  CHECK(text(read.find("default", "empty")) == "");
  CHECK(text(read.find("a", "region")) == "1");
}

TEST_CASE("a profile's name may be quoted") {
  const profile_files read = parsed(
      "[profile \"with blanks\"]\nregion = 1\n[profile 'single']\nregion = 2\n[profile  tab\tx]\nregion = 3\n[profile a\\ b]\nregion = 4\n"
      "[profile \"open]\nregion = 5\n[profile]\nregion = 6\n[profile \"q\\\"\\n\"]\nregion = 7\n");
  CHECK(text(read.find("with blanks", "region")) == "1");
  CHECK(text(read.find("single", "region")) == "2");
  CHECK(text(read.find("a b", "region")) == "4");
  CHECK(text(read.find("q\"\\n", "region")) == "7");
  CHECK(read.config_profiles.size() == 4);
}

TEST_CASE("of two spellings of a profile the later one counts whole") {
  CHECK(text(parsed("[default]\nregion = 1\noutput = x\n[profile default]\nregion = 2\n").find("default", "region")) == "2");
  CHECK(text(parsed("[default]\nregion = 1\noutput = x\n[profile default]\nregion = 2\n").find("default", "output")) == "(nothing)");
  CHECK(text(parsed("[profile default]\nregion = 2\n[default]\nregion = 1\n").find("default", "region")) == "1");
}

TEST_CASE("deeper lines go on with a value, or are settings of their own") {
  const profile_files read = parsed(
      "[default]\ncredential_process = one\n  two\n\n\tthree\ns3 =\n  Max = 1\n  # no\n\n  addressing_style = path\nregion = eu\n"
      "[profile b]\n   region = deep\n   output = same\n  shallow = too\n");
  CHECK(text(read.find("default", "credential_process")) == "one\ntwo\nthree");
  CHECK(text(read.config_profiles.at("default").find("s3", "addressing_style")) == "path");
  CHECK(text(read.config_profiles.at("default").find("s3", "Max")) == "1");
  CHECK(text(read.config_profiles.at("default").find("s3", "max")) == "(nothing)");
  CHECK(text(read.config_profiles.at("default").find("region", "x")) == "(nothing)");
  CHECK(text(read.find("default", "region")) == "eu");
  CHECK(text(read.find("b", "output")) == "same");
  CHECK(text(read.find("b", "shallow")) == "too");
}

TEST_CASE("what can't be read is named with its file and line, and no value is repeated") {
  CHECK(refused("region = x\n") == "config, line 1: a setting before the first [section]");
  CHECK(refused("[a]\nhidden\n") == "config, line 2: neither a [section] nor a setting (name = value)");
  CHECK(refused("[a]\n\n= hidden\n") == "config, line 3: a value without a name");
  CHECK(refused("[a]\nx = 1\n[b]\nx = 1\nX = hidden\n") == "config, line 5: x is set twice in its section");
  CHECK(refused("[a]\n[b]\n[a]\n") == "config, line 3: the section [a] is there twice");
  CHECK(refused("", "[]\n") == "credentials, line 1: a [section] has no name, or is not closed by ]");
  CHECK(refused("", "[a]\n[b\n") == "credentials, line 2: a [section] has no name, or is not closed by ]");
  CHECK(refused("", "[a]\ns3 =\n  hidden\n") == "credentials, line 3: a setting within s3 without a value (name = value)");
  CHECK(refused("[a]\n", std::string_view("[a]\nx = \0y\n", 11)) == "credentials, line 2: a NUL");
}

TEST_CASE("files that are cut off anywhere are read or refused") {
  const std::string whole = "[default]\nregion = eu-west-1\ns3 =\n  a = b\n[profile \"x y\"]\nrole_arn = r\n";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto made = aws::parse_profile_files(whole.substr(0, size), "config", whole.substr(size), "credentials");
    CHECK(made.ok() == made.message().empty());
  }
  CHECK(parsed("").config_profiles.empty());
}
