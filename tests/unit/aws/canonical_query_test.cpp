#include "s3pager/aws/canonical_query.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager::aws;

namespace {

std::string canonical(std::vector<query_parameter> parameters) {
  std::string out;
  append_canonical_query(out, parameters);
  return out;
}

}  // namespace

TEST_CASE("a canonical query is sorted by encoded name, then by encoded value") {
  CHECK(canonical({}) == "");
  CHECK(canonical({{"lifecycle"}}) == "lifecycle=");
  CHECK(canonical({{"prefix", "J"}, {"max-keys", "2"}}) == "max-keys=2&prefix=J");
  CHECK(canonical({{"a", "2"}, {"a", "1"}, {"a", ""}}) == "a=&a=1&a=2");
  CHECK(canonical({{"b", "1"}, {"B", "1"}, {"%C3%A9", "1"}}) == "%C3%A9=1&B=1&b=1");
}

TEST_CASE("a name that begins with another name comes after it, whatever its next character") {
  CHECK(canonical({{"Param-3", "Value3"}, {"Param", "Value2"}, {"%E1%88%B4", "Value1"}}) ==
        "%E1%88%B4=Value1&Param=Value2&Param-3=Value3");
}

TEST_CASE("a canonical query is appended to what is there") {
  std::string out = "/bucket?";
  std::vector<query_parameter> parameters{{"list-type", "2"}};
  append_canonical_query(out, parameters);
  CHECK(out == "/bucket?list-type=2");
}
