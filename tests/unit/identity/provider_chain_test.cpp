// Providers are asked in their order, and the one that has credentials alone from then on.
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/base/error.hpp"
#include "s3pager/identity/provider_chain.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_credentials.hpp"

namespace {

using namespace s3pager;
using test::scripted_credentials;

struct bench {
  bench() {
    chain.add(first);
    chain.add(second);
  }
  [[nodiscard]] std::optional<aws::credentials> fetch() { return test::drive(chain.fetch(loop)); }

  ring::reactor loop;
  std::shared_ptr<scripted_credentials> first = std::make_shared<scripted_credentials>();
  std::shared_ptr<scripted_credentials> second = std::make_shared<scripted_credentials>();
  identity::provider_chain chain;
};

aws::credentials keys(const char* id) { return {.access_key_id = id, .secret_access_key = "hidden"}; }

}  // namespace

TEST_CASE("the first provider that has credentials gives them, and is asked alone from then on") {
  bench in;
  in.first->will_have_none();
  in.second->will_give(keys("SECOND"));
  CHECK(in.chain.name() == "the script, the script");
  CHECK(in.fetch()->access_key_id == "SECOND");
  CHECK(in.fetch()->access_key_id == "SECOND");
  CHECK(in.first->fetches == 1);
  CHECK(in.second->fetches == 2);
}

TEST_CASE("a provider that fails is not passed over") {
  bench in;
  in.first->will_fail(error(errc::invalid_argument, "the token file is empty"));
  in.second->will_give(keys("SECOND"));
  CHECK_THROWS_WITH(in.fetch(), Catch::Contains("the token file is empty"));
  CHECK(in.second->fetches == 0);
}

TEST_CASE("a provider that has none any more is not replaced by another") {
  bench in;
  in.first->will_give(keys("FIRST"));
  in.first->will_have_none();
  in.second->will_give(keys("SECOND"));
  CHECK(in.fetch()->access_key_id == "FIRST");
  CHECK_FALSE(in.fetch().has_value());
  CHECK(in.second->fetches == 0);
}

TEST_CASE("where no provider has any, there are none") {
  bench in;
  in.first->will_have_none();
  in.second->will_have_none();
  CHECK_FALSE(in.fetch().has_value());
  CHECK_FALSE(in.fetch().has_value());
  CHECK(in.first->fetches == 2);
}

TEST_CASE("what is known already is given as it is") {
  ring::reactor loop;
  identity::known_credentials known("environment", keys("KNOWN"));
  CHECK(known.name() == "environment");
  CHECK(test::drive(known.fetch(loop))->access_key_id == "KNOWN");
  CHECK_FALSE(test::drive(identity::known_credentials("environment", {}).fetch(loop)).has_value());
}
