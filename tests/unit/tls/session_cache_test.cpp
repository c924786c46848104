#include "s3pager/tls/session_cache.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

ref<tls::session> made_with(const tls_world& world, const ref<tls::context>& context, std::string_view host) {
  tls::engine client(context, host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == tls::step_kind::done);
  ref<tls::session> made = client.take_session();
  REQUIRE(made);
  return made;
}


}  // namespace

TEST_CASE("a session is kept for its host and its context, the newest first") {
  const tls_world world({.hosts = "DNS:a.example,DNS:b.example"}, {.min_version = TLS1_2_VERSION, .max_version = TLS1_2_VERSION});
  const auto context = world.client_context();
  tls::session_cache cache;
  CHECK_FALSE(cache.take(context, "a.example"));
  const auto old = made_with(world, context, "a.example");
  const auto newer = made_with(world, context, "a.example");
  const auto other = made_with(world, context, "b.example");
  for (const auto& each : {old, newer, other}) cache.keep(each);
  cache.keep({});
  CHECK(cache.size() == 3);
  CHECK(cache.take(context, "a.example") == newer);
  CHECK(cache.take(context, "a.example") == newer);  // of TLS 1.2, as often as one likes
  CHECK(cache.take(context, "b.example") == other);
  CHECK_FALSE(cache.take(world.client_context(), "a.example"));
  CHECK_FALSE(cache.take(context, "c.example"));
}

TEST_CASE("a ticket of TLS 1.3 is given once") {
  const tls_world world({.hosts = "DNS:a.example"}, {.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION});
  const auto context = world.client_context();
  tls::session_cache cache;
  const auto first = made_with(world, context, "a.example");
  const auto second = made_with(world, context, "a.example");
  cache.keep(first);
  cache.keep(second);
  CHECK(cache.take(context, "a.example") == second);
  CHECK(cache.take(context, "a.example") == first);
  CHECK_FALSE(cache.take(context, "a.example"));
  CHECK(cache.size() == 0);
}

TEST_CASE("the oldest sessions give way to new ones", "[long]") {
  const tls_world world({.hosts = "DNS:a.example"}, {.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION});
  const auto context = world.client_context();
  tls::session_cache cache;
  const auto oldest = made_with(world, context, "a.example");
  cache.keep(oldest);
  for (std::size_t i = 0; i < tls::session_cache::capacity; ++i) cache.keep(made_with(world, context, "a.example"));
  CHECK(cache.size() == tls::session_cache::capacity);
  for (std::size_t i = 0; i < tls::session_cache::capacity; ++i) CHECK_FALSE(cache.take(context, "a.example") == oldest);
  CHECK(cache.size() == 0);
}
