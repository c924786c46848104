#include "s3pager/tls/session.hpp"

#include <string>

#include "s3pager/tls/engine.hpp"
#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;

namespace {

constexpr std::string_view bucket = "bucket.example";

tls_server_options only(int version) { return {.min_version = version, .max_version = version}; }

/// A handshake, and the session that it leaves behind.
ref<tls::session> session_of(const ref<tls::context>& context, const tls_server_context& to, const ref<tls::session>& resume = {},
                             bool* resumed = nullptr) {
  tls::engine client(context, bucket, resume);
  tls_server server(to);
  CHECK_FALSE(client.take_session());
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  CHECK(client.resumed() == (::SSL_session_reused(server.native()) == 1));
  if (resumed != nullptr) *resumed = client.resumed();
  return client.take_session();
}

bool resumes(const ref<tls::context>& context, const tls_server_context& to, const ref<tls::session>& resume,
             std::string_view host = bucket) {
  tls::engine client(context, host, resume);
  tls_server server(to);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  return client.resumed();
}

}  // namespace

TEST_CASE("a session shortens the next handshake with its host") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const tls_world world({}, only(version));
  const ref<tls::context> context = world.client_context();
  bool resumed = true;
  const ref<tls::session> first = session_of(context, world.server_context, {}, &resumed);
  REQUIRE(first);
  CHECK_FALSE(resumed);
  CHECK(first->host() == bucket);
  CHECK(first->single_use() == (version == TLS1_3_VERSION));
  const ref<tls::session> second = session_of(context, world.server_context, first, &resumed);
  CHECK(resumed);
  // TLS 1.3 gives another ticket each time; in TLS 1.2 the first one stays good.
  CHECK(static_cast<bool>(second) == (version == TLS1_3_VERSION));
  CHECK(resumes(context, world.server_context, second ? second : first));
}

TEST_CASE("data flows over a resumed connection") {
  const tls_world world({}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const ref<tls::context> context = world.client_context();
  tls::engine client(context, bucket, session_of(context, world.server_context));
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  CHECK(client.resumed());
  CHECK(client.write(as_byte_span("ping")).kind == step_kind::done);
  deliver(client, server);
  CHECK(server.read() == "ping");
  CHECK(read_pieces(client, server.write_and_take("pong")).text == "pong");
}

TEST_CASE("a session outlives its connection, dropped or closed in order") {
  const tls_world world({}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const ref<tls::context> context = world.client_context();
  const bool closes = GENERATE(false, true);
  ref<tls::session> kept;
  {
    tls::engine client(context, bucket);
    tls_server server(world.server_context);
    REQUIRE(shake_hands(client, server).kind == step_kind::done);
    kept = client.take_session();
    REQUIRE(kept);
    CHECK_FALSE(client.take_session());
    if (closes) CHECK(client.close().kind == step_kind::done);
  }
  CHECK(kept->fits(context, bucket));
  CHECK(resumes(context, world.server_context, kept));
}

TEST_CASE("a session is not taken for another host, nor by another context") {
  const tls_world world({.hosts = "DNS:bucket.example,DNS:other.example"}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const ref<tls::context> context = world.client_context();
  const ref<tls::session> kept = session_of(context, world.server_context);
  REQUIRE(kept);
  CHECK_FALSE(resumes(context, world.server_context, kept, "other.example"));
  CHECK_FALSE(resumes(world.client_context(), world.server_context, kept));
  CHECK(resumes(context, world.server_context, kept));
}

TEST_CASE("a session that an unverified connection made is of no use to a context that verifies") {
  const certified stranger({.hosts = "DNS:bucket.example"});
  const tls_server_context to(stranger);
  const ref<tls::session> kept = session_of(tls::context::make({.insecure_skip_verification = true}), to);
  REQUIRE(kept);
  const tls_world other;
  tls::engine client(other.client_context(), bucket, kept);
  tls_server server(to);
  CHECK(shake_hands(client, server).error == tls::tls_error::self_signed);
}

TEST_CASE("a server that does not know the session gets a whole handshake") {
  const tls_world world({}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const ref<tls::context> context = world.client_context();
  const ref<tls::session> kept = session_of(context, world.server_context);
  const tls_server_context restarted(world.server_identity, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  CHECK_FALSE(resumes(context, restarted, kept));
}

TEST_CASE("a connection that broke TLS leaves no session, and spoils the one it left") {
  const tls_world world({}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const ref<tls::context> context = world.client_context();
  tls::engine client(context, bucket);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const bool before = GENERATE(false, true);
  ref<tls::session> kept;
  if (before) kept = client.take_session();
  std::string bytes = server.write_and_take("x");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  CHECK(read_pieces(client, bytes).error == tls::tls_error::bad_record);
  CHECK_FALSE(client.take_session());
  if (kept) CHECK_FALSE(kept->fits(context, bucket));
}
