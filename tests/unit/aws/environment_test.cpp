#include "s3pager/aws/environment.hpp"

#include <map>
#include <string>
#include <utility>

#include "support/catch.hpp"

using namespace s3pager::aws;

namespace {

// A lookup is a plain function, so that what it looks into can't be bound to it.
std::map<std::string, std::string> variables;

const char* look_up(const char* name) {
  const auto found = variables.find(name);
  return found != variables.end() ? found->second.c_str() : nullptr;
}

}  // namespace

TEST_CASE("an environment without credentials is no failure") {
  variables = {};
  CHECK(credentials_from_environment(look_up).ok());
  CHECK_FALSE(credentials_from_environment(look_up).value().has_value());
  variables = {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}, {"AWS_SESSION_TOKEN", "left over"}};
  CHECK(credentials_from_environment(look_up).ok());
  CHECK_FALSE(credentials_from_environment(look_up).value().has_value());
}

TEST_CASE("credentials are read from the environment, with and without a session token") {
  variables = {{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key/+="}};
  auto found = credentials_from_environment(look_up);
  REQUIRE(found);
  REQUIRE(found.value());
  CHECK(found.value()->access_key_id == "id");
  CHECK(found.value()->secret_access_key.view() == "key/+=");
  CHECK(found.value()->session_token.empty());
  CHECK_FALSE(found.value()->expiration);

  variables["AWS_SESSION_TOKEN"] = "token";
  found = credentials_from_environment(look_up);
  REQUIRE(found);
  CHECK(found.value()->session_token.view() == "token");
}

TEST_CASE("half a pair of credentials is a failure that names the missing variable") {
  variables = {{"AWS_ACCESS_KEY_ID", "id"}};
  CHECK(credentials_from_environment(look_up).message() ==
        "AWS_SECRET_ACCESS_KEY is not set, but AWS_ACCESS_KEY_ID is");
  variables = {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", "key"}};
  CHECK(credentials_from_environment(look_up).message() ==
        "AWS_ACCESS_KEY_ID is not set, but AWS_SECRET_ACCESS_KEY is");
}

TEST_CASE("blanks and line breaks in credentials are failures that name the variable and hide the value") {
  for (const std::string bad : {"a b", "a\n", "\ra", "a\x7f", "\xc3\xa9", " "}) {
    for (const std::string name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
      variables = {{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "key"}};
      variables[name] = bad;
      const auto found = credentials_from_environment(look_up);
      CHECK_FALSE(found.ok());
      CHECK(found.message() == name + " holds a space, a line break or another character that can't be in it");
    }
  }
}
