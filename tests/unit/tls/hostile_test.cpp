// What a broken or hostile peer, or somebody between, may send: nothing of it gets through, and it ends soon.
#include <openssl/err.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "s3pager/tls/engine.hpp"
#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;
using tls::tls_error;

namespace {

constexpr std::string_view bucket = "bucket.example";

tls_server_options only(int version, const char* ciphers = nullptr) {
  return {.min_version = version, .max_version = version, .ciphers = ciphers};
}

/// What a client makes of a first answer.
std::string failure_of(std::string_view answer, std::size_t piece, std::error_code& code) {
  const ref<tls::context> context = tls::context::make({.insecure_skip_verification = true});
  tls::engine client(context, bucket);
  CHECK(client.handshake({}).kind == step_kind::need_input);
  tls::step step{};
  while (!answer.empty()) {
    step = client.handshake(as_byte_span(answer.substr(0, piece)));
    if (step.kind != step_kind::need_input) break;
    answer.remove_prefix(std::min(piece, answer.size()));
  }
  if (step.kind == step_kind::need_input) step = client.on_eof();
  CHECK(step.kind == step_kind::error);
  CHECK(::ERR_peek_error() == 0);
  code = step.error;
  return client.failure_text();
}

std::string record(unsigned char type, std::string_view payload) {
  std::string made{static_cast<char>(type), 3, 3, static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size() & 0xff)};
  return made.append(payload);
}

std::string message(unsigned char type, std::size_t claims, std::string_view body) {
  std::string made{static_cast<char>(type), static_cast<char>(claims >> 16), static_cast<char>(claims >> 8 & 0xff),
                   static_cast<char>(claims & 0xff)};
  return made.append(body);
}

}  // namespace

TEST_CASE("an answer in plain HTTP is called that") {
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{1000});
  std::error_code code;
  const std::string text = failure_of("HTTP/1.1 400 Bad Request\r\n\r\n", piece, code);
  CHECK(code == tls_error::plain_http);
  CHECK(code == errc::untrusted_peer);
  CHECK(text == "bucket.example: the server answers in plain HTTP, not in TLS: wrong version number");
}

TEST_CASE("garbage in place of TLS is called that") {
  const std::size_t piece = GENERATE(std::size_t{1}, std::size_t{1000});
  const std::string_view garbage = GENERATE("SSH-2.0-OpenSSH_9.2\r\n", "220 mail.example ESMTP\r\n", "\xff\xff\xff\xff\xff\xff\xff");
  std::error_code code;
  const std::string text = failure_of(garbage, piece, code);
  CHECK(code == tls_error::not_tls);
  CHECK(code == errc::protocol_violation);
  CHECK(text.starts_with("bucket.example: the server does not answer in TLS: "));
}

TEST_CASE("garbage in the form of TLS breaks the protocol") {
  std::error_code code;
  (void)failure_of(record(22, "garbage in a record of the handshake"), 1000, code);
  CHECK(code == tls_error::bad_message);
  (void)failure_of(record(23, "data before a key"), 1000, code);
  CHECK(code == tls_error::bad_message);
  (void)failure_of(std::string("\x16\x03\x03\xff\xff", 5) + std::string(70'000, 'x'), 1000, code);
  CHECK(code == tls_error::bad_message);
}

TEST_CASE("a peer that closes in order before the handshake is done has lost the connection") {
  std::error_code code;
  (void)failure_of(record(21, std::string_view("\x01\x00", 2)), 1000, code);
  CHECK(code == tls_error::closed_in_handshake);
}

TEST_CASE("OpenSSL bounds a message that claims to be longer than any of its kind") {
  std::error_code code;
  const std::string text = failure_of(record(22, message(2, 0xffffff, "x")), 1000, code);
  CHECK(code == tls_error::bad_message);
  CHECK(text.ends_with("excessive message size"));
}

TEST_CASE("handshake messages without end are refused") {
  // HelloRequests are the only ones that a client takes at any time.
  std::string flood;
  for (int i = 0; i < 40'000; ++i) flood += record(22, message(0, 0, ""));
  std::error_code code;
  (void)failure_of(flood, GENERATE(std::size_t{1000}, std::size_t{16384}), code);
  CHECK((code == tls_error::no_progress || code == tls_error::bad_message));
}

TEST_CASE("OpenSSL bounds how many records may be empty") {
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += record(22, "");
  std::error_code code;
  const std::string text = failure_of(flood, 1000, code);
  CHECK(code == tls_error::bad_message);
  CHECK(text.ends_with("record too small"));
}

TEST_CASE("OpenSSL bounds how many warnings a server may send") {
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += record(21, "\x01\x70");  // unrecognized_name
  std::error_code code;
  const std::string text = failure_of(flood, 1000, code);
  CHECK(code == tls_error::bad_message);
  CHECK(text.ends_with("too many warn alerts"));
}

TEST_CASE("a flipped bit anywhere in a record keeps its bytes from the caller, and none before it") {
  struct kind {
    int version;
    const char* ciphers;
  };
  const kind of = GENERATE(kind{TLS1_3_VERSION, nullptr}, kind{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
                           kind{TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"}, kind{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"});
  tls_server_options options = only(of.version, of.ciphers);
  const tls_world world({}, options);
  const ref<tls::context> context = world.client_context();
  const int bad_record = GENERATE(0, 1, 2);
  ref<tls::session> session;
  for (std::size_t at = 0;; ++at) {
    tls::engine client(context, bucket, session);
    tls_server server(world.server_context);
    REQUIRE(shake_hands(client, server).kind == step_kind::done);
    if (!session) session = client.take_session();
    const std::string_view texts[] = {"first ", "second ", "third "};
    std::string before;
    std::string bytes;
    for (int i = 0; i < 3; ++i) {
      std::string one = server.write_and_take(texts[i]);
      if (i == bad_record) {
        if (at >= one.size()) return;
        one[at] = static_cast<char>(one[at] ^ (1 << at % 8));
      } else if (i < bad_record) {
        before += texts[i];
      }
      bytes += one;
    }
    tls_transcript got = read_pieces(client, bytes, at % 2 == 0 ? 1000 : 7);
    // A length that grew waits for more than there is.
    if (got.end == step_kind::need_input) got.error = client.on_eof().error;
    if (got.text != before || !got.error) FAIL("byte " << at << " of record " << bad_record << ": " << got.text << got.error.message());
    if (at >= 5 && got.error != tls_error::bad_record) FAIL("byte " << at << ": " << client.failure_text());
    if (!client.read(as_byte_span(bytes), {}).error || client.open()) FAIL("went on after " << at);
    if (::ERR_peek_error() != 0) FAIL("an error left in the queue");
  }
}

TEST_CASE("records that are dropped, repeated or swapped are refused") {
  const tls_world world({}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  tls::engine client(world.client_context(), bucket);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string one = server.write_and_take("one");
  const std::string two = server.write_and_take("two");
  const int which = GENERATE(0, 1, 2);
  const tls_transcript got = read_pieces(client, which == 0 ? two : which == 1 ? one + one : one + one + two);
  CHECK(got.text == (which == 0 ? "" : "one"));
  CHECK(got.error == tls_error::bad_record);
}

TEST_CASE("a flipped bit anywhere in the handshake ends it, or it would have been the same without", "[long]") {
  const tls_world world({}, only(GENERATE(TLS1_2_VERSION, TLS1_3_VERSION)));
  const ref<tls::context> context = world.client_context();
  std::size_t refused = 0;
  std::size_t flight = 0;
  for (std::size_t at = 0;; at += 3) {
    tls::engine client(context, bucket);
    tls_server server(world.server_context);
    (void)client.handshake({});
    deliver(client, server);
    server.advance();
    std::string bytes = server.take();
    flight = bytes.size();
    if (at >= flight) break;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
    std::string left = bytes;
    tls::step step = shake_hands(client, server, left);
    if (step.kind == step_kind::need_input) step = client.on_eof();
    if (step.kind == step_kind::error) ++refused;
    else if (step.kind != step_kind::done) FAIL("at " << at);
  }
  // The version of a record's head is what nobody looks at.
  CHECK(refused + 8 >= (flight + 2) / 3);
}

TEST_CASE("key updates without end are refused, though each of them is in order", "[long]") {
  const tls_world world({}, only(TLS1_3_VERSION));
  tls::engine client(world.client_context(), bucket);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  std::size_t fed = 0;
  tls::step step{};
  while (step.kind != step_kind::error && fed < 4 * tls::engine::max_barren_bytes) {
    REQUIRE(::SSL_key_update(server.native(), SSL_KEY_UPDATE_REQUESTED) == 1);
    server.advance();
    const std::string bytes = server.take();
    fed += bytes.size();
    step = client.read(as_byte_span(bytes), {});
    client.sent(client.outgoing().size());
  }
  CHECK(step.error == tls_error::no_progress);
  // The tickets of the handshake came before.
  CHECK(fed > tls::engine::max_barren_bytes - 1000);
  CHECK(fed < tls::engine::max_barren_bytes + 100);
  CHECK(client.failure_text() == "bucket.example: the server sends TLS messages without end and no data");
}

TEST_CASE("tickets without end are refused", "[long]") {
  const tls_world world({}, only(TLS1_3_VERSION));
  tls::engine client(world.client_context(), bucket);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  std::size_t fed = 0;
  tls::step step{};
  while (step.kind != step_kind::error && fed < 4 * tls::engine::max_barren_bytes) {
    REQUIRE(::SSL_new_session_ticket(server.native()) == 1);
    server.advance();
    const std::string bytes = server.take();
    REQUIRE_FALSE(bytes.empty());
    fed += bytes.size();
    step = client.read(as_byte_span(bytes), {});
  }
  CHECK(step.error == tls_error::no_progress);
}

TEST_CASE("tickets and key updates between data never add up to a refusal", "[long]") {
  const tls_world world({}, only(TLS1_3_VERSION));
  tls::engine client(world.client_context(), bucket);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  std::size_t fed = 0;
  while (fed < 2 * tls::engine::max_barren_bytes) {
    for (int i = 0; i < 50; ++i) {
      REQUIRE((i == 0 ? ::SSL_key_update(server.native(), SSL_KEY_UPDATE_NOT_REQUESTED) : ::SSL_new_session_ticket(server.native())) == 1);
      server.advance();
    }
    server.write("x");
    const std::string bytes = server.take();
    fed += bytes.size();
    const tls_transcript got = read_pieces(client, bytes);
    if (got != tls_transcript{"x", step_kind::need_input, {}}) FAIL(client.failure_text());
  }
}

TEST_CASE("what follows close_notify is not looked at") {
  const tls_world world;
  tls::engine client(world.client_context(), bucket);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  server.write("last");
  server.close();
  const std::string bytes = server.take();
  const std::string more = bytes + "whatever comes";
  std::byte room[100];
  const tls::step step = client.read(as_byte_span(more), room);
  CHECK(step.kind == step_kind::end);
  CHECK(step.produced == 4);
  CHECK(step.consumed == bytes.size());
}
