#include "s3pager/aws/credentials.hpp"

#include <chrono>
#include <ostream>
#include <string>
#include <utility>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::aws;

namespace {

template <class T>
concept printable = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace

static_assert(!printable<secret> && !printable<credentials>);

TEST_CASE("a secret keeps its own text through copies and moves") {
  std::string text = "a secret that is longer than a small string";
  secret first = text;
  text.assign(text.size(), 'x');
  CHECK(first.view() == "a secret that is longer than a small string");

  secret copy = first;
  CHECK(copy.view() == first.view());
  CHECK(copy.view().data() != first.view().data());

  const char* const where = first.view().data();
  secret moved = std::move(first);
  CHECK(moved.view().data() == where);
  CHECK(first.empty());   // NOLINT: moved from, and said to be empty

  moved = "another";
  CHECK(moved.view() == "another");
  secret& itself = moved;
  moved = itself;
  CHECK(moved.view() == "another");
  CHECK(secret("").empty());
}

TEST_CASE("default credentials are anonymous") {
  const credentials none;
  CHECK(none.anonymous());
  CHECK(none.redacted() == "anonymous");
  CHECK_FALSE(none.expired(wall_time::max()));
}

TEST_CASE("what is shown of credentials is at most four characters of the access key id") {
  const credentials usual{.access_key_id = "AKIAIOSFODNN7EXAMPLE", .secret_access_key = "hidden", .session_token = "t"};
  CHECK(usual.redacted() == "AKIA****");
  CHECK(credentials{.access_key_id = "abcd", .secret_access_key = "hidden"}.redacted() == "****");
}

TEST_CASE("credentials are expired from their expiration on") {
  const wall_time at{std::chrono::seconds{1'700'000'000}};
  const credentials keys{.access_key_id = "id", .secret_access_key = "s", .expiration = at};
  CHECK_FALSE(keys.expired(at - std::chrono::nanoseconds(1)));
  CHECK(keys.expired(at));
}
