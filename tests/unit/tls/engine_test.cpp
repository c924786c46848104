#include "s3pager/tls/engine.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;
using tls::tls_error;

namespace {

constexpr std::string_view host = "bucket.example";
constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: bucket.example\r\n\r\n";
constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

int version_of(const std::string& name) { return name == "TLSv1.2" ? TLS1_2_VERSION : TLS1_3_VERSION; }

tls_server_options only(const std::string& version) {
  return {.min_version = version_of(version), .max_version = version_of(version)};
}

void write_all(tls::engine& client, tls_server& server, std::string_view text) {
  std::span<const std::byte> rest = as_byte_span(text);
  for (;;) {
    const tls::step step = client.write(rest);
    REQUIRE_FALSE(step.error);
    rest = rest.subspan(step.consumed);
    deliver(client, server);
    if (step.kind == step_kind::done) break;
    REQUIRE(step.kind == step_kind::need_output);
  }
  REQUIRE(rest.empty());
}

std::string numbers(std::size_t size) {
  std::string made;
  made.reserve(size + 20);
  for (std::size_t i = 0; made.size() < size; ++i) made += std::to_string(i) + ' ';
  made.resize(size);
  return made;
}

}  // namespace

TEST_CASE("a request and its answer pass in TLS 1.2 and 1.3, and both sides close in order") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  const tls_world world({}, only(version));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  CHECK_FALSE(client.open());
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  CHECK(client.open());
  CHECK(client.version() == version);
  CHECK(client.host() == host);
  CHECK_FALSE(client.cipher().empty());
  CHECK_FALSE(client.resumed());
  CHECK(std::string_view(::SSL_get_servername(server.native(), TLSEXT_NAMETYPE_host_name)) == host);

  write_all(client, server, request);
  CHECK(server.read() == request);
  CHECK(read_pieces(client, server.write_and_take(answer)) == tls_transcript{std::string(answer), step_kind::need_input, {}});

  CHECK(client.close().kind == step_kind::done);
  CHECK_FALSE(client.open());
  deliver(client, server);
  CHECK(server.read().empty());
  CHECK(server.client_closed());
  server.close();
  CHECK(read_pieces(client, server.take()) == tls_transcript{"", step_kind::end, {}});
  CHECK(client.on_eof().kind == step_kind::end);
  CHECK(client.read({}, {}).kind == step_kind::end);
  CHECK(client.close().kind == step_kind::done);
  CHECK(client.outgoing().empty());
  CHECK(::ERR_peek_error() == 0);
}

TEST_CASE("a handshake and an answer come out the same however the ciphertext was cut") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  const tls_world world({}, only(version));
  const ref<tls::context> context = world.client_context();
  const std::size_t piece = GENERATE(as<std::size_t>{}, 1, 2, 3, 5, 7, 64, 1000);
  tls::engine client(context, host);
  tls_server server(world.server_context);
  std::string left;
  REQUIRE(shake_hands(client, server, left, piece).kind == step_kind::done);
  write_all(client, server, request);
  CHECK(server.read() == request);
  server.write(answer);
  server.close();
  const std::size_t room = GENERATE(std::size_t{1}, std::size_t{16}, std::size_t{65536});
  CHECK(read_pieces(client, left + server.take(), piece, room) == tls_transcript{std::string(answer), step_kind::end, {}});
}

TEST_CASE("a handshake and an answer may be cut in two at any byte", "[long]") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  const tls_world world({}, only(version));
  const ref<tls::context> context = world.client_context();
  std::size_t handshake_cuts = 0;
  for (std::size_t at = 1;; ++at) {
    tls::engine client(context, host);
    tls_server server(world.server_context);
    std::string nothing;
    REQUIRE(feed_handshake(client, server, nothing, 1).kind == step_kind::need_input);
    std::size_t flight = 0;
    tls::step last{};
    std::string left;
    for (int turn = 0; turn < 5 && last.kind != step_kind::done; ++turn) {
      server.advance();
      left += server.take();
      std::string first = left.substr(0, turn == 0 ? at : left.size());
      if (turn == 0) flight = left.size();
      left.erase(0, first.size());
      last = feed_handshake(client, server, first, first.size());
      left.insert(0, first);
      if (last.kind == step_kind::done) break;
      last = feed_handshake(client, server, left, left.size());
    }
    if (last.kind != step_kind::done) FAIL("no handshake with a cut at " << at);
    ++handshake_cuts;
    if (at >= flight) break;
  }
  CHECK(handshake_cuts > 500);

  tls::engine client(context, host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  for (std::size_t at = 0, whole = 1; at <= whole; ++at) {
    const std::string bytes = server.write_and_take(answer);
    whole = bytes.size();
    const tls_transcript before = read_pieces(client, std::string_view(bytes).substr(0, at));
    const tls_transcript after = read_pieces(client, std::string_view(bytes).substr(at));
    if (before.text + after.text != answer || before.error || after.error) FAIL("cut at " << at);
    // Not a byte before its record is whole.
    if (at < whole && !before.text.empty()) FAIL("bytes of a record that was cut at " << at);
  }
}

TEST_CASE("megabytes arrive in slots as they were sent, and nothing is lost between two of them") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  const tls_world world({}, only(version));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string body = numbers(3'000'000);
  const std::string bytes = server.write_and_take(body);
  const std::size_t piece = GENERATE(std::size_t{1448}, std::size_t{65536}, std::size_t{1} << 20);
  CHECK((read_pieces(client, bytes, piece, 65536) == tls_transcript{body, step_kind::need_input, {}}));
}

TEST_CASE("what has no room waits, and is told of") {
  const tls_world world;
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string bytes = server.write_and_take(answer);
  std::vector<std::byte> room(10);
  tls::step step = client.read(as_byte_span(bytes), room);
  CHECK(step.kind == step_kind::done);
  CHECK(step.produced == 10);
  CHECK(step.consumed == bytes.size());
  CHECK(client.plaintext_waiting());
  room.resize(1000);
  step = client.read({}, room);
  CHECK(step.kind == step_kind::need_input);
  CHECK(step.produced == answer.size() - 10);
  CHECK(as_chars(room).substr(0, step.produced) == answer.substr(10));
  CHECK_FALSE(client.plaintext_waiting());
}

TEST_CASE("a read that stops at a full room leaves later records to the caller") {
  const tls_world world;
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string first = server.write_and_take("one");
  const std::string both = first + server.write_and_take("two");
  std::vector<std::byte> room(3);
  const tls::step step = client.read(as_byte_span(both), room);
  CHECK(step.kind == step_kind::done);
  CHECK(step.consumed == first.size());
  CHECK(as_chars(room) == "one");
}

TEST_CASE("without room only what is TLS's own is taken, and plaintext is told of") {
  const tls_world world({}, only("TLSv1.3"));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  std::string tickets;
  REQUIRE(shake_hands(client, server, tickets).kind == step_kind::done);
  REQUIRE_FALSE(tickets.empty());
  tls::step step = client.read(as_byte_span(tickets), {});
  CHECK(step.kind == step_kind::need_input);
  CHECK(step.consumed == tickets.size());
  CHECK(client.open());
  const std::string bytes = server.write_and_take(answer);
  step = client.read(as_byte_span(bytes), {});
  CHECK(step.kind == step_kind::done);
  CHECK(step.produced == 0);
  CHECK(client.plaintext_waiting());
  CHECK(read_pieces(client, "") == tls_transcript{std::string(answer), step_kind::need_input, {}});
  server.close();
  const std::string closing = server.take();
  CHECK(client.read(as_byte_span(closing), {}).kind == step_kind::end);
  CHECK_FALSE(client.open());
}

TEST_CASE("a request larger than the output buffer goes in parts") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  const tls_world world({}, only(version));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string large = numbers(100'000);
  const tls::step first = client.write(as_byte_span(large));
  CHECK(first.kind == step_kind::need_output);
  CHECK(first.consumed > 7000);
  CHECK(client.outgoing().size() <= tls::output_buffer::capacity);
  CHECK(client.write(as_byte_span(large).subspan(first.consumed)).consumed == 0);
  deliver(client, server);
  write_all(client, server, std::string_view(large).substr(first.consumed));
  CHECK((server.read() == large));
}

TEST_CASE("what is being sent stays where it is, whatever is written meanwhile") {
  const tls_world world;
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  CHECK(client.write(as_byte_span("first")).kind == step_kind::done);
  const auto sending = client.outgoing();
  const std::string kept(as_chars(sending));
  const ref<tls::output_buffer> keep = client.out();
  CHECK(sending.data() == keep->bytes().data());
  CHECK(client.write(as_byte_span("second")).kind == step_kind::done);
  CHECK(as_chars(sending) == kept);
  server.receive(sending);
  client.sent(sending.size());
  CHECK(client.outgoing().data() == sending.data() + sending.size());
  deliver(client, server);
  CHECK(client.outgoing().empty());
  CHECK(server.read() == "firstsecond");
}

TEST_CASE("the output buffer outlives its engine") {
  const tls_world world;
  ref<tls::output_buffer> kept;
  std::span<const std::byte> sending;
  {
    tls::engine client(world.client_context(), host);
    CHECK(client.handshake({}).kind == step_kind::need_input);
    kept = client.out();
    sending = client.outgoing();
  }
  CHECK(std::to_integer<int>(sending[0]) == 22);
}

TEST_CASE("the end of the connection without close_notify is truncation, in mid-record and between two") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  const tls_world world({}, only(version));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string bytes = server.write_and_take(answer);
  const std::size_t cut = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{9});
  read_pieces(client, std::string_view(bytes).substr(0, bytes.size() - cut));
  const tls::step step = client.on_eof();
  CHECK(step.kind == step_kind::error);
  CHECK(step.error == tls_error::truncated);
  CHECK(step.error == errc::connection_lost);
  CHECK(client.failure_text() == "bucket.example: the connection ended without TLS's close_notify");
  CHECK(client.read({}, {}).error == tls_error::truncated);
  CHECK(client.write(as_byte_span("more")).error == tls_error::truncated);
  CHECK_FALSE(client.open());
}

TEST_CASE("the end of the connection within the handshake is told apart") {
  const tls_world world;
  tls::engine client(world.client_context(), host);
  CHECK(client.handshake({}).kind == step_kind::need_input);
  CHECK(client.on_eof().error == tls_error::closed_in_handshake);
  CHECK(client.handshake({}).error == tls_error::closed_in_handshake);
}

TEST_CASE("the server's key updates are followed, and answered when it asks for it") {
  const bool asks = GENERATE(false, true);
  const tls_world world({}, only("TLSv1.3"));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  REQUIRE(::SSL_key_update(server.native(), asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
  server.write(answer);
  CHECK(read_pieces(client, server.take()) == tls_transcript{std::string(answer), step_kind::need_input, {}});
  CHECK(client.outgoing().empty());  // OpenSSL answers with the next request
  CHECK(client.write(as_byte_span(request)).kind == step_kind::done);
  CHECK(client.outgoing().size() == request.size() + 22 + (asks ? 5 + 22 : 0));
  deliver(client, server);
  CHECK(server.read() == request);
  CHECK(read_pieces(client, server.write_and_take(answer)) == tls_transcript{std::string(answer), step_kind::need_input, {}});
}

TEST_CASE("a server that wants to renegotiate is told no by an alert") {
  const tls_world world({}, only("TLSv1.2"));
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  REQUIRE(::SSL_renegotiate(server.native()) == 1);
  server.advance();
  const tls_transcript said = read_pieces(client, server.take());
  CHECK(said.text.empty());
  CHECK(said.end == step_kind::need_input);
  REQUIRE_FALSE(client.outgoing().empty());
  CHECK(std::to_integer<int>(client.outgoing()[0]) == SSL3_RT_ALERT);
  CHECK(client.open());
  write_all(client, server, request);
}

TEST_CASE("an answer by ALPN other than HTTP/1.1 is refused, none is taken") {
  const std::string version = GENERATE("TLSv1.2", "TLSv1.3");
  tls_server_options options = only(version);
  options.protocol = GENERATE("", "http/1.1", "h2", "http/1.0", "http/1.1x");
  const tls_world world({}, options);
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  const tls::step step = shake_hands(client, server);
  if (options.protocol.empty() || options.protocol == "http/1.1") {
    CHECK(step.kind == step_kind::done);
  } else {
    CHECK(step.kind == step_kind::error);
    CHECK(step.error == tls_error::wrong_application_protocol);
    CHECK(client.failure_text().starts_with("bucket.example: the server chose another protocol than HTTP/1.1"));
  }
}

TEST_CASE("a server that wants another key exchange than the one that was guessed is given it") {
  tls_server_options options = only("TLSv1.3");
  options.groups = "P-384";
  const tls_world world({}, options);
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  std::string left;
  REQUIRE(shake_hands(client, server, left, GENERATE(std::size_t{1}, std::size_t{1000})).kind == step_kind::done);
  write_all(client, server, request);
  CHECK(server.read() == request);
}

TEST_CASE("close does nothing before the handshake, and waits for room") {
  const tls_world world;
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  CHECK(client.close().kind == step_kind::done);
  CHECK(client.outgoing().empty());
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  CHECK(client.write(as_byte_span(std::string(20'000, 'x'))).kind == step_kind::need_output);
  CHECK(client.close().kind == step_kind::need_output);
  CHECK(client.open());
  deliver(client, server);
  CHECK(client.close().kind == step_kind::done);
  deliver(client, server);
  (void)server.read();
  CHECK(server.client_closed());
}

TEST_CASE("a host that is neither a name nor an address is refused") {
  const tls_world world;
  const std::string bad = GENERATE(std::string(), std::string("a b"), std::string("a\0b", 3), std::string("a\n"), std::string(254, 'a'),
                                   std::string("b\xc3\xbc" "cher.example"));
  try {
    const tls::engine client(world.client_context(), bad);
    FAIL("not refused");
  } catch (const error& refused) {
    CHECK(refused.code() == errc::invalid_argument);
    CHECK(std::string(refused.what()).starts_with("not a host that TLS could be spoken with: \"" + bad.substr(0, 1)));
  }
  CHECK(::ERR_peek_error() == 0);
}

TEST_CASE("errors that others left in OpenSSL's queue are not taken for the engine's own") {
  const tls_world world;
  tls::engine client(world.client_context(), host);
  tls_server server(world.server_context);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  REQUIRE(client.handshake({}).kind == step_kind::need_input);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  CHECK(read_pieces(client, "").end == step_kind::need_input);
  ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
  CHECK(client.write(as_byte_span("x")).kind == step_kind::done);
  CHECK(::ERR_peek_error() == 0);
}
