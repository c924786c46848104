// What credentials a profile gives: many configurations, held against what was recorded of the AWS CLI (1.45), and against the CLI itself
// where it is installed. STS and the SSO portal are a server of the test's, whose access key ids tell who asked for what.
#include "s3pager/identity/profile.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/identity/provider_chain.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"
#include "support/scripted_server.hpp"

namespace {

using namespace s3pager;
using test::scripted_answer;

struct example {
  const char* what;
  const char* expected;     ///< the access key id; empty: there are no credentials; "!...": an error that has these words
  const char* config;       ///< AT/ stands for the scratch directory
  const char* credentials = "";
  const char* profile = "p";
};

constexpr const char* account = "arn:aws:iam::123456789012:role/";  // put before each role_arn

const example examples[]{
    {"keys of the credentials file", "KEY", "", "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"keys of the config file", "KEY", "[profile p]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"the credentials file before the config file", "KEY", "[profile p]\naws_access_key_id=NO\naws_secret_access_key=S\n",
     "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"the default profile", "KEY", "[default]\naws_access_key_id=KEY\naws_secret_access_key=S\n", "", "default"},
    {"[profile default]", "KEY", "[profile default]\naws_access_key_id=KEY\naws_secret_access_key=S\n", "", "default"},
    {"both spellings of default", "SECOND",
     "[profile default]\naws_access_key_id=NO\naws_secret_access_key=S\n[default]\naws_access_key_id=SECOND\naws_secret_access_key=S\n", "",
     "default"},
    {"a quoted name", "KEY", "[profile \"p q\"]\naws_access_key_id=KEY\naws_secret_access_key=S\n", "", "p q"},
    {"upper case, colons and blanks", "KEY", "[profile p]\n AWS_Access_Key_ID : KEY \n aws_secret_access_key : S\n"},
    {"a session token", "KEY+T", "", "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\naws_session_token=T\n"},
    {"the session token's old name", "KEY+OLD", "",
     "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\naws_session_token=T\naws_security_token=OLD\n"},
    {"a key without its secret", "!aws_access_key_id is set, but no aws_secret_access_key", "", "[p]\naws_access_key_id=KEY\n"},
    {"a secret without its key", "", "", "[p]\naws_secret_access_key=S\n"},
    {"a secret without its key, and keys in the other file", "KEY", "[profile p]\naws_access_key_id=KEY\naws_secret_access_key=S\n",
     "[p]\naws_secret_access_key=X\n"},
    {"a profile without credentials", "", "[profile p]\nregion=eu-west-1\n"},
    {"the same section twice", "!the section [p] is there twice", "",
     "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\n[p]\nregion=x\n"},
    {"the same setting twice", "!aws_access_key_id is set twice", "",
     "[p]\naws_access_key_id=A\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a line that is none", "!neither a [section] nor a setting", "[profile p]\nwhat\n"},
    {"comments", "KEY", "# c\n[profile p]\n; c\naws_access_key_id=KEY\n  # c\naws_secret_access_key=S\n"},

    {"a program", "PROC+T", "[profile p]\ncredential_process=cat AT/process.json\n"},
    {"a program of quoted words", "PROC+T", "[profile p]\ncredential_process=sh -c 'cat \"AT/process.json\"'\n"},
    {"a program of the credentials file", "PROC+T", "", "[p]\ncredential_process=cat AT/process.json\n"},
    {"a program before keys of the config file", "PROC+T",
     "[profile p]\ncredential_process=cat AT/process.json\naws_access_key_id=NO\naws_secret_access_key=S\n"},
    {"keys of the credentials file before a program", "KEY", "[profile p]\ncredential_process=cat AT/process.json\n",
     "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a program that fails", "!its exit status is 1", "[profile p]\ncredential_process=false\n"},
    {"a program of another version", "!Version is not 1", "[profile p]\ncredential_process=echo '{\"Version\":2}'\n"},

    {"a role by another profile", "r1<KEY+T", "[profile p]\nrole_arn=r1\nsource_profile=q\n", "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a role by a profile's temporary keys", "r1<KEY*TOKEN+T", "[profile p]\nrole_arn=r1\nsource_profile=q\n",
     "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\naws_session_token=TOKEN\n"},
    {"a role by a role", "r1<r2<KEY*T+T", "[profile p]\nrole_arn=r1\nsource_profile=q\n[profile q]\nrole_arn=r2\nsource_profile=s\n",
     "[s]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a role by keys that have a role of their own", "r1<KEY+T",
     "[profile p]\nrole_arn=r1\nsource_profile=q\n[profile q]\nrole_arn=r2\nsource_profile=s\n",
     "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\n[s]\naws_access_key_id=NO\naws_secret_access_key=S\n"},
    {"a role by the profile's own keys", "r1<KEY+T", "[profile p]\nrole_arn=r1\nsource_profile=p\n",
     "[p]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a role before the profile's own keys", "r1<OTHER+T",
     "[profile p]\nrole_arn=r1\nsource_profile=q\naws_access_key_id=NO\naws_secret_access_key=S\n",
     "[q]\naws_access_key_id=OTHER\naws_secret_access_key=S\n"},
    {"a role by itself, without keys", "!leads back to itself", "[profile p]\nrole_arn=r1\nsource_profile=p\n"},
    {"roles in a circle", "!leads back to itself", "[profile p]\nrole_arn=r1\nsource_profile=q\n[profile q]\nrole_arn=r2\nsource_profile=p\n"},
    {"a role by a profile that is not there", "!source_profile \"q\" does not exist", "[profile p]\nrole_arn=r1\nsource_profile=q\n"},
    {"a role by a profile without credentials", "!source_profile \"q\" has no credentials",
     "[profile p]\nrole_arn=r1\nsource_profile=q\n[profile q]\nregion=x\n"},
    {"a role by nothing", "!neither source_profile nor credential_source", "[profile p]\nrole_arn=r1\n"},
    {"a role by both", "!are both set", "[profile p]\nrole_arn=r1\nsource_profile=q\ncredential_source=Environment\n",
     "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a role by a program", "r1<PROC*T+T", "[profile p]\nrole_arn=r1\nsource_profile=q\n[profile q]\ncredential_process=cat AT/process.json\n"},
    {"a role by the environment", "r1<ENV+T", "[profile p]\nrole_arn=r1\ncredential_source=Environment\n"},
    {"the source in other letters", "!credential_source is none of", "[profile p]\nrole_arn=r1\ncredential_source=environment\n"},
    {"a source of no known name", "!credential_source is none of", "[profile p]\nrole_arn=r1\ncredential_source=Nowhere\n"},
    {"a role with all settings", "r1<KEY(me,out,1800)+T",
     "[profile p]\nrole_arn=r1\nsource_profile=q\nrole_session_name=me\nexternal_id=out\nduration_seconds=1800\n",
     "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a role's time that is no number", "r1<KEY+T", "[profile p]\nrole_arn=r1\nsource_profile=q\nduration_seconds=long\n",
     "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},
    {"a role that is refused", "!STS answered AssumeRole with status 403, where 200 was expected: AccessDenied: no", "[profile p]\nrole_arn=refused\nsource_profile=q\n",
     "[q]\naws_access_key_id=KEY\naws_secret_access_key=S\n"},

    {"a web identity", "r1<web:JWT1+T", "[profile p]\nrole_arn=r1\nweb_identity_token_file=AT/token\n"},
    {"a web identity before keys", "r1<web:JWT1+T", "[profile p]\nrole_arn=r1\nweb_identity_token_file=AT/token\n",
     "[p]\naws_access_key_id=NO\naws_secret_access_key=S\n"},
    {"a web identity as a source", "r1<r2<web:JWT1*T+T",
     "[profile p]\nrole_arn=r1\nsource_profile=q\n[profile q]\nrole_arn=r2\nweb_identity_token_file=AT/token\n"},
    {"a web identity without a role", "!web_identity_token_file is set, but no role_arn", "[profile p]\nweb_identity_token_file=AT/token\n"},
    {"a web identity's token that is not there", "!is not there", "[profile p]\nrole_arn=r1\nweb_identity_token_file=AT/none\n"},

    {"SSO by a session", "sso:admin@111122223333:SESSION-TOKEN+T",
     "[profile p]\nsso_session=my-sso\nsso_account_id=111122223333\nsso_role_name=admin\n"
     "[sso-session my-sso]\nsso_region=us-east-1\nsso_start_url=https://x.awsapps.com/start\n"},
    {"SSO without a session", "sso:admin@111122223333:LEGACY-TOKEN+T",
     "[profile p]\nsso_start_url=https://x.awsapps.com/start\nsso_region=us-east-1\nsso_account_id=111122223333\nsso_role_name=admin\n"},
    {"SSO before keys", "sso:admin@111122223333:LEGACY-TOKEN+T",
     "[profile p]\nsso_start_url=https://x.awsapps.com/start\nsso_region=us-east-1\nsso_account_id=111122223333\nsso_role_name=admin\n",
     "[p]\naws_access_key_id=NO\naws_secret_access_key=S\n"},
    {"SSO without a role", "!sso_role_name is missing",
     "[profile p]\nsso_start_url=https://x.awsapps.com/start\nsso_region=us-east-1\nsso_account_id=111122223333\n"},
    {"SSO by a session that is not there", "!sso_session \"none\" does not exist",
     "[profile p]\nsso_session=none\nsso_account_id=111122223333\nsso_role_name=admin\n"},
    {"SSO without a token", "!run `aws sso login`",
     "[profile p]\nsso_start_url=https://y.awsapps.com/start\nsso_region=us-east-1\nsso_account_id=111122223333\nsso_role_name=admin\n"},
    {"SSO with a token that has run out", "!is no good any more",
     "[profile p]\nsso_start_url=https://old.awsapps.com/start\nsso_region=us-east-1\nsso_account_id=111122223333\nsso_role_name=admin\n"},
    {"a role by SSO", "r1<sso:admin@111122223333:LEGACY-TOKEN*T+T",
     "[profile p]\nrole_arn=r1\nsource_profile=q\n"
     "[profile q]\nsso_start_url=https://x.awsapps.com/start\nsso_region=us-east-1\nsso_account_id=111122223333\nsso_role_name=admin\n"},
};

/// What is at one place of a form or a query, decoded as far as these tests need.
std::string field(const std::string& of, const std::string& name) {
  const std::size_t at = of.find(name + "=");
  if (at == std::string::npos) return {};
  const std::size_t begins = at + name.size() + 1;
  std::string text = of.substr(begins, of.find_first_of("& \r\n", begins) - begins);
  for (std::size_t escape = 0; (escape = text.find('%')) != std::string::npos;)
    text.replace(escape, 3, 1, static_cast<char>(std::stoi(text.substr(escape + 1, 2), nullptr, 16)));
  return text;
}
std::string header(const std::string& request, const std::string& name) {
  std::string lower = request;
  for (char& c : lower) c = ascii_lower(c);
  const std::size_t at = lower.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t begins = at + name.size() + 4;
  return request.substr(begins, request.find('\r', begins) - begins);
}
scripted_answer answer(const std::string& status, const std::string& type, const std::string& body) {
  return {{"HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body}};
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) text.replace(at, what.size(), by);
  return text;
}

/// STS and the SSO portal.
scripted_answer respond(const std::string& request) {
  if (request.starts_with("GET /federation/credentials?"))
    return answer("200 OK", "application/json",
                  R"({"roleCredentials":{"accessKeyId":"sso:)" + field(request, "role_name") + "@" + field(request, "account_id") + ":" +
                      header(request, "x-amz-sso_bearer_token") +
                      R"(","secretAccessKey":"S","sessionToken":"T","expiration":4070908800000}})");
  const std::string action = field(request, "Action");
  std::string role = field(request, "RoleArn");
  role.erase(0, std::string_view(account).size());
  if (role == "refused")
    return answer("403 Forbidden", "text/xml",
                  "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>");
  std::string who;
  if (action == "AssumeRole") {
    const std::string authorization = header(request, "authorization");
    const std::size_t begins = authorization.find("Credential=") + 11;
    // The key's id may hold slashes of its own in front of the scope.
    who = authorization.substr(begins, authorization.find("/20", begins) - begins);
    if (const std::string token = header(request, "x-amz-security-token"); !token.empty()) who += "*" + token;
    if (const std::string name = field(request, "RoleSessionName"); name == "me")
      who += "(" + name + "," + field(request, "ExternalId") + "," + field(request, "DurationSeconds") + ")";
  } else {
    who = "web:" + field(request, "WebIdentityToken");
  }
  return answer("200 OK", "text/xml",
                "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action + "Result><Credentials><AccessKeyId>" +
                    role + "&lt;" + replaced(who, "<", "&lt;") +
                    "</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
                    "</Credentials><AssumedRoleUser><AssumedRoleId>x</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/x/y</Arn></AssumedRoleUser></" +
                    action + "Result></" + action + "Response>");
}

struct bench {
  bench() {
    static_cast<void>(at.file("token", "JWT1"));
    static_cast<void>(at.file("process.json",
                              R"({"Version":1,"AccessKeyId":"PROC","SecretAccessKey":"S","SessionToken":"T","Expiration":"2099-01-01T00:00:00Z"})"));
    const std::string cache = at.path() + "/.aws/sso/cache";
    std::filesystem::create_directories(cache);
    const auto cached = [&](const std::string& name, const std::string& token, const std::string& expires) {
      static_cast<void>(at.file(".aws/sso/cache/" + aws::sso_cache_name(name),
                                R"({"accessToken":")" + token + R"(","expiresAt":")" + expires + R"("})"));
    };
    cached("my-sso", "SESSION-TOKEN", "2099-01-01T00:00:00Z");
    cached("https://x.awsapps.com/start", "LEGACY-TOKEN", "2099-01-01T00:00:00Z");
    cached("https://old.awsapps.com/start", "OLD", "2020-01-01T00:00:00Z");
  }

  void write(const example& of) {
    config = at.file("config", replaced(replaced(of.config, "AT/", at.path() + "/"), "role_arn=", std::string("role_arn=") + account));
    credentials = at.file("credentials", replaced(of.credentials, "AT/", at.path() + "/"));
  }
  template <class T>
  T run(task<T> work) {
    return test::drive(loop.ready(), std::move(work), [this] { return loop.run_once(), true; });
  }
  [[nodiscard]] std::unique_ptr<identity::profile_credentials> provider(const std::string& profile) {
    identity::profile_settings settings{.profile = profile,
                                        .config_file = config,
                                        .credentials_file = credentials,
                                        .home = at.path(),
                                        .sts = identity::sts_place{.url = server.endpoint()},
                                        .sso_portal_url = server.endpoint(),
                                        .sso_oidc_url = server.endpoint()};
    settings.environment = std::make_shared<identity::known_credentials>(
        "environment", aws::credentials{.access_key_id = "ENV", .secret_access_key = "S"});
    return std::make_unique<identity::profile_credentials>(http, std::move(settings));
  }

  ring::reactor loop;
  test::scripted_server server{loop, respond};
  test::scratch_directory at;
  ref<net::control_driver> http = make_ref<net::control_driver>(loop, net::control_options{.no_proxy = true});
  std::string config;
  std::string credentials;
};

constexpr const char* by_botocore = R"(
import botocore.session, json, sys
found = botocore.session.Session(profile=sys.argv[1]).get_credentials()
if found is None: sys.exit(1)
keys = found.get_frozen_credentials()
token = {"SessionToken": keys.token} if keys.token else {}
print(json.dumps({"Version": 1, "AccessKeyId": keys.access_key, "SecretAccessKey": keys.secret_key, **token}))
)";

std::string shown(const std::optional<aws::credentials>& given) {
  if (!given) return {};
  return given->access_key_id + (given->session_token.empty() ? "" : "+" + std::string(given->session_token.view()));
}

}  // namespace

TEST_CASE("each profile gives what it gives to the AWS CLI", "[profile]") {
  static_assert(std::size(examples) >= 40);
  bench in;
  for (const example& each : examples) {
    INFO(each.what << "\n" << each.config << "\n" << each.credentials);
    in.write(each);
    std::string got;
    try {
      got = shown(in.run(in.provider(each.profile)->fetch(in.loop)));
    } catch (const error& why) {
      got = "!" + why.details().message;
    }
    if (*each.expected == '!') {
      CHECK(got.starts_with('!'));
      CHECK_THAT(got, Catch::Contains(each.expected + 1));
    } else {
      CHECK(got == each.expected);
    }
  }
}

TEST_CASE("the AWS CLI gives what was recorded of it", "[profile][cli]") {
  // The CLI's first version has no such command, but the same library, botocore, which finds its credentials.
  std::string command;
  if (std::system("aws --version 2> /dev/null | grep -q ^aws-cli/2") == 0) {
    command = "aws configure export-credentials --format process --profile";
  } else if (std::system("python3 -c 'import botocore' 2> /dev/null") == 0) {
    command = "python3 -c '" + std::string(by_botocore) + "'";
  } else {
    WARN("SKIP: neither the AWS CLI 2 nor botocore is installed");
    return;
  }
  bench in;
  for (const example& each : examples) {
    INFO(each.what << "\n" << each.config << "\n" << each.credentials);
    in.write(each);
    std::filesystem::remove_all(in.at.path() + "/.aws/cli");  // its cache of roles
    const std::string endpoint = in.server.endpoint();
    // By the means that is under test elsewhere: the program is run, and what it prints read, while the server answers it.
    identity::process_credentials cli(
        "env -u AWS_PROFILE -u AWS_SESSION_TOKEN -u HTTP_PROXY -u http_proxy -u HTTPS_PROXY -u https_proxy HOME='" + in.at.path() +
        "' AWS_CONFIG_FILE='" + in.config + "' AWS_SHARED_CREDENTIALS_FILE='" + in.credentials +
        "' AWS_ACCESS_KEY_ID=ENV AWS_SECRET_ACCESS_KEY=S AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1 "
        "AWS_ENDPOINT_URL_STS=" +
        endpoint + " AWS_ENDPOINT_URL_SSO=" + endpoint + " " + command + " '" + each.profile + "'");
    std::string got;
    try {
      got = shown(in.run(cli.fetch(in.loop)));
    } catch (const error& why) {
      got = std::string("!") + why.what();
    }
    CAPTURE(got);
    if (*each.expected == '!' || *each.expected == '\0') CHECK(got.starts_with('!'));
    else CHECK(got == each.expected);
  }
}
