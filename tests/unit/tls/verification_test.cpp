// Peers that must be refused, each with a certificate of its own, and the words that say why.
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/tls/engine.hpp"
#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;
using tls::tls_error;

namespace {

constexpr std::string_view bucket = "bucket.example";

struct outcome {
  tls::step step;
  std::string text;
};

outcome connect(const ref<tls::context>& context, const tls_server_context& to, std::string_view host = bucket) {
  tls::engine client(context, host);
  tls_server server(to);
  outcome made{shake_hands(client, server), {}};
  made.text = client.failure_text();
  CHECK(client.open() == (made.step.kind == step_kind::done));
  if (made.step.error == errc::untrusted_peer) CHECK_FALSE(server.established());
  CHECK(::ERR_peek_error() == 0);
  return made;
}

void check_refused(const outcome& of, tls_error why, std::string_view text) {
  CHECK(of.step.kind == step_kind::error);
  CHECK(of.step.error == why);
  CHECK(of.text.substr(0, text.size()) == text);
}

tls_server_options only(int version) { return {.min_version = version, .max_version = version}; }

}  // namespace

TEST_CASE("an expired certificate is refused, and the error says since when") {
  const tls_world world({.begins = -7200, .ends = -3600}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const outcome refused = connect(world.client_context(), world.server_context);
  check_refused(refused, tls_error::certificate_expired,
                "the certificate of bucket.example is expired: certificate has expired (valid until 20");
  CHECK(refused.text.ends_with(" UTC)"));
  CHECK(refused.step.error == errc::untrusted_peer);
}

TEST_CASE("a certificate that is not valid yet is refused") {
  const tls_world world({.begins = 3600, .ends = 7200});
  check_refused(connect(world.client_context(), world.server_context), tls_error::certificate_not_yet_valid,
                "the certificate of bucket.example is not valid yet: certificate is not yet valid (valid from 20");
}

TEST_CASE("a certificate of another host is refused, and the error names its hosts") {
  const tls_world world({.hosts = "DNS:other.example,DNS:*.more.example,IP:192.0.2.1,IP:2001:db8::1"},
                        only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  check_refused(connect(world.client_context(), world.server_context), tls_error::wrong_host,
                "the certificate of bucket.example is for another host: hostname mismatch (for other.example, *.more.example, "
                "192.0.2.1, 2001:0db8:0000:0000:0000:0000:0000:0001)");
}

TEST_CASE("host names match as RFC 9525 says: whole labels, the alternative names only") {
  struct example {
    const char* hosts;
    std::string_view host;
    bool good;
  };
  const example each = GENERATE(example{"DNS:bucket.example", "BUCKET.example", true},
                                example{"DNS:bucket.example", "bucket.example.", true},
                                example{"DNS:*.s3.example", "bucket.s3.example", true},
                                example{"DNS:*.s3.example", "a.bucket.s3.example", false},
                                example{"DNS:*.s3.example", "s3.example", false},
                                example{"DNS:b*.s3.example", "bucket.s3.example", false},
                                example{"DNS:*.example", "bucket.example", false},  // as wide as a whole registry
                                example{"DNS:a.example,DNS:bucket.example", "bucket.example", true},
                                example{"", "server", false},  // its common name
                                example{"IP:127.0.0.1", "127.0.0.1", true},
                                example{"IP:127.0.0.1", "127.0.0.2", false},
                                example{"DNS:127.0.0.1", "127.0.0.1", false},
                                example{"IP:::1", "::1", true},
                                example{"IP:::1", "0:0::1", true},
                                example{"IP:::1", "::2", false});
  INFO(each.hosts << " for " << each.host);
  const tls_world world({.hosts = each.hosts});
  const outcome got = connect(world.client_context(), world.server_context, each.host);
  if (each.good) {
    CHECK(got.step.kind == step_kind::done);
  } else {
    CHECK(got.step.error == tls_error::wrong_host);
  }
}

TEST_CASE("an IP address is not sent as a server's name") {
  const tls_world world({.hosts = "IP:127.0.0.1"});
  tls::engine client(world.client_context(), "127.0.0.1");
  tls_server server(world.server_context);
  CHECK(shake_hands(client, server).kind == step_kind::done);
  CHECK(::SSL_get_servername(server.native(), TLSEXT_NAMETYPE_host_name) == nullptr);
}

TEST_CASE("a self-signed certificate is refused, unless it is the one that is trusted") {
  const certified alone({.hosts = "DNS:bucket.example"});
  const tls_server_context server(alone);
  const tls_world other;
  check_refused(connect(other.client_context(), server), tls_error::self_signed,
                "the certificate of bucket.example is self-signed: self-signed certificate");
  const auto trusting = tls::context::make({.system_trust = false, .ca_file = other.directory.file("alone.pem", alone.pem())});
  CHECK(connect(trusting, server).step.kind == step_kind::done);
}

TEST_CASE("an authority that is not trusted is refused, also when it is sent along") {
  const tls_world other;
  const tls_world world;
  check_refused(connect(other.client_context(), world.server_context), tls_error::unknown_authority,
                "the certificate of bucket.example is of an unknown authority: ");
  const tls_server_context with_root(world.server_identity, {.chain = {&world.authority}});
  check_refused(connect(other.client_context(), with_root), tls_error::unknown_authority,
                "the certificate of bucket.example is of an unknown authority: ");
  // The system's authorities know nothing of it either.
  check_refused(connect(tls::context::make(), world.server_context), tls_error::unknown_authority,
                "the certificate of bucket.example is of an unknown authority: unable to get local issuer certificate (/CN=" +
                    world.authority_name + ")");
}

TEST_CASE("an authority that only has the name of one that is trusted is refused") {
  const tls_world world;
  const certified impostor({.common_name = world.authority_name, .authority = true});
  const certified own({}, &impostor);
  check_refused(connect(world.client_context(), tls_server_context(own)), tls_error::untrusted_certificate,
                "the certificate of bucket.example can't be trusted: certificate signature failure");
}

TEST_CASE("an authority between is followed if it is sent, and may be the one that is trusted") {
  const tls_world world;
  const certified between({.common_name = "between", .authority = true}, &world.authority);
  const certified own({}, &between);
  const tls_server_context whole(own, {.chain = {&between}});
  CHECK(connect(world.client_context(), whole).step.kind == step_kind::done);
  const tls_server_context short_chain(own);
  CHECK(connect(world.client_context(), short_chain).step.error == tls_error::unknown_authority);
  const auto trusting = tls::context::make({.system_trust = false, .ca_file = world.directory.file("between.pem", between.pem())});
  CHECK(connect(trusting, short_chain).step.kind == step_kind::done);
}

TEST_CASE("what is wrong with an authority between is said of it, not of the server") {
  const tls_world world;
  const certified between({.common_name = "between", .begins = -7200, .ends = -3600, .authority = true}, &world.authority);
  const certified own({}, &between);
  check_refused(connect(world.client_context(), tls_server_context(own, {.chain = {&between}})), tls_error::certificate_expired,
                "the certificate of the authority /CN=between above that of bucket.example is expired: certificate has expired");
}

TEST_CASE("a certificate that signs others without being an authority is refused") {
  const tls_world world;
  const certified between({.common_name = "between"}, &world.authority);
  const certified own({}, &between);
  const outcome refused = connect(world.client_context(), tls_server_context(own, {.chain = {&between}}));
  CHECK(refused.step.kind == step_kind::error);
  CHECK(refused.step.error == errc::untrusted_peer);
}

TEST_CASE("a certificate for something else than servers is refused") {
  certificate_wish wish;
  if (GENERATE(false, true)) {
    wish.extended_key_usage = "clientAuth";
  } else {
    wish.key_usage = "cRLSign";
  }
  const tls_world world(wish);
  check_refused(connect(world.client_context(), world.server_context), tls_error::not_for_servers,
                "the certificate of bucket.example is not for servers: unsuitable certificate purpose");
}

TEST_CASE("a certificate for servers is taken") {
  const tls_world world({.key_usage = "digitalSignature", .extended_key_usage = "serverAuth"});
  CHECK(connect(world.client_context(), world.server_context).step.kind == step_kind::done);
}

TEST_CASE("a weak key is refused") {
  const tls_world world({.curve = nullptr});
  check_refused(connect(world.client_context(), world.server_context), tls_error::weak_certificate,
                "the certificate of bucket.example is too weak: EE certificate key too weak");
}

TEST_CASE("a server of TLS 1.0 or 1.1 only is refused") {
  const tls_world world({}, only(GENERATE(TLS1_VERSION, TLS1_1_VERSION)));
  const outcome refused = connect(world.client_context(), world.server_context);
  check_refused(refused, tls_error::old_version, "bucket.example: the server speaks TLS 1.1 or older only: ");
  CHECK(refused.step.error == errc::untrusted_peer);
}

TEST_CASE("a server without a cipher in common refuses by an alert, which the error names") {
  tls_server_options options = only(TLS1_2_VERSION);
  options.ciphers = "NULL";
  const tls_world world({}, options);
  const outcome refused = connect(world.client_context(), world.server_context);
  CHECK(refused.step.error == tls_error::refused);
  CHECK(refused.step.error == errc::protocol_violation);
  CHECK(refused.text.starts_with("bucket.example: the server refused the TLS connection: "));
  CHECK(refused.text.ends_with("alert handshake failure"));
}

TEST_CASE("a client shows its certificate to a server that asks for one") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const tls_world plain;
  const certified own({.common_name = "client", .hosts = ""}, &plain.authority);
  tls_server_options options = only(version);
  options.client_authority = &plain.authority;
  const tls_server_context asking(plain.server_identity, options);
  const bool one_file = GENERATE(false, true);
  const std::string key = plain.directory.file("client.key", own.key_pem());
  const std::string certificate = plain.directory.file("client.pem", own.pem() + (one_file ? own.key_pem() : ""));
  const auto with = tls::context::make({.system_trust = false,
                                        .ca_file = plain.ca_file,
                                        .client_certificate_file = certificate,
                                        .client_key_file = one_file ? std::string_view() : std::string_view(key)});
  tls::engine client(with, bucket);
  tls_server server(asking);
  CHECK(shake_hands(client, server).kind == step_kind::done);
  CHECK(server.established());
  const tls::detail::owned<X509> seen(::SSL_get1_peer_certificate(server.native()));
  REQUIRE(seen);
  CHECK(::X509_cmp(seen.get(), own.certificate()) == 0);
}

TEST_CASE("a client's certificate that is missing or refused is an access denied, with TLS 1.3 only when something is read") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const tls_world plain;
  tls_server_options options = only(version);
  options.client_authority = &plain.authority;
  const tls_server_context asking(plain.server_identity, options);
  ref<tls::context> context = plain.client_context();
  const bool given = GENERATE(false, true);
  if (given) {
    const certified own({.common_name = "client", .hosts = ""});
    const std::string file = plain.directory.file("client.pem", own.pem() + own.key_pem());
    context = tls::context::make({.system_trust = false, .ca_file = plain.ca_file, .client_certificate_file = file});
  }
  tls::engine client(context, bucket);
  tls_server server(asking);
  std::string left;
  tls::step step = shake_hands(client, server, left);
  if (version == TLS1_3_VERSION) {
    CHECK(step.kind == step_kind::done);
    step = client.read(as_byte_span(left), {});
  }
  CHECK(step.kind == step_kind::error);
  // Without one, TLS 1.2 has no alert of its own for it.
  if (given || version == TLS1_3_VERSION) {
    CHECK(step.error == tls_error::client_certificate_refused);
    CHECK(step.error == errc::access_denied);
    CHECK(client.failure_text().starts_with("bucket.example: the server refuses the client's certificate, or misses one: "));
  } else {
    CHECK(step.error == tls_error::refused);
  }
}

TEST_CASE("a long chain of client certificates goes in parts") {
  const tls_world plain;
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  std::vector<std::unique_ptr<certified>> chain;
  std::string pem;
  for (int i = 0; i < 60; ++i) {
    const certified* by = i == 0 ? &plain.authority : chain.back().get();
    chain.push_back(std::make_unique<certified>(
        certificate_wish{.common_name = "an authority with a rather long name, number " + std::to_string(i), .authority = true}, by));
    pem = chain.back()->pem() + pem;
  }
  const certified own({.common_name = "client", .hosts = ""}, chain.back().get());
  tls_server_options options = only(version);
  options.client_authority = &plain.authority;
  const tls_server_context asking(plain.server_identity, options);
  const std::string file = plain.directory.file("client.pem", own.pem() + own.key_pem() + pem);
  const auto context = tls::context::make({.system_trust = false, .ca_file = plain.ca_file, .client_certificate_file = file});
  tls::engine client(context, bucket);
  tls_server server(asking);
  std::size_t parts = 0;
  tls::step step = client.handshake({});
  std::string input;
  for (int turn = 0; turn < 50 && step.kind != step_kind::done; ++turn) {
    REQUIRE(step.kind != step_kind::error);
    parts += step.kind == step_kind::need_output;
    deliver(client, server);
    if (step.kind == step_kind::need_input) {
      server.advance();
      input += server.take();
    }
    step = client.handshake(as_byte_span(input));
    input.erase(0, step.consumed);
  }
  CHECK(step.kind == step_kind::done);
  CHECK(parts > 0);
  deliver(client, server);
  server.advance();
  CHECK(server.established());
}

TEST_CASE("verification is skipped only where the caller says so") {
  const certified bad({.hosts = "DNS:other.example", .begins = -7200, .ends = -3600});
  const tls_server_context server(bad);
  CHECK(connect(tls::context::make(), server).step.kind == step_kind::error);
  const auto careless = tls::context::make({.insecure_skip_verification = true});
  CHECK_FALSE(careless->verifies());
  CHECK(connect(careless, server).step.kind == step_kind::done);
}

TEST_CASE("an error of the engine's makes one that a program can print") {
  const tls_world world({.hosts = "DNS:other.example"});
  tls::engine client(world.client_context(), bucket);
  tls_server server(world.server_context);
  const tls::step step = shake_hands(client, server);
  const error thrown(step.error, client.failure_text());
  CHECK(std::string(thrown.what()) ==
        "the certificate of bucket.example is for another host: hostname mismatch (for other.example): the server's certificate is for "
        "another host");
}
