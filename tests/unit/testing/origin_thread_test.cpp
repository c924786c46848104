#include "s3pager/testing/origin_thread.hpp"

#include <memory>
#include <stdexcept>
#include <string>

#include "s3pager/base/error.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/memory_bucket.hpp"
#include "support/catch.hpp"
#include "unit/testing/wire.hpp"

using namespace s3pager;
using namespace s3pager::testing;

TEST_CASE("an origin on a thread of its own serves until it is destroyed", "[testing][origin_thread]") {
  const auto bucket = std::make_shared<memory_bucket>();
  bucket->put("k", "0123456789");
  ring::reactor loop;
  test::wire client(loop);
  {
    const origin_thread server({}, [&](origin& of) { of.add_bucket("m", bucket); });
    loop.run(client.connect(server.port()));
    CHECK(loop.run(client.ask("GET", "/m/k")).body == "0123456789");
    bucket->put("k", "new");
    CHECK(loop.run(client.ask("GET", "/m/k")).body == "new");
    CHECK(server.counters().requests == 2);
    CHECK(server.endpoint() == "http://127.0.0.1:" + std::to_string(server.port()));
  }
  CHECK(loop.run(client.closed()));
}

TEST_CASE("what keeps an origin on a thread from starting is thrown", "[testing][origin_thread]") {
  const origin_thread first({}, [](origin&) {});
  CHECK_THROWS_AS(origin_thread({.port = first.port()}, [](origin&) {}), error);
  CHECK_THROWS_AS(origin_thread({}, [](origin&) { throw std::runtime_error("no"); }), std::runtime_error);
}
