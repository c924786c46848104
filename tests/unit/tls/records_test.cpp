// Records that the engine reads itself, between those that OpenSSL reads: whatever the server sends, the outcome is OpenSSL's own.
#include <openssl/crypto.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/tls/engine.hpp"
#include "s3pager/tls/in_place.hpp"
#include "support/catch.hpp"
#include "support/record_forger.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;
using tls::tls_error;

namespace {

constexpr std::string_view host = "bucket.example";
const tls_server_options newest{.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION};

enum class reader { own, openssl };

/// A client and a server whose keys are known.
struct pair {
  explicit pair(const tls_world& world, reader by = reader::own, const char* ciphers = nullptr, const ref<tls::session>& resume = {})
      : context(world.client_context()), server((tell_secrets(world.server_context), world.server_context)) {
    SSL_set_app_data(server.native(), &secret);
    if (ciphers != nullptr) ::SSL_CTX_set_ciphersuites(context->native(), ciphers);
    if (by == reader::openssl) ::SSL_CTX_set_keylog_callback(context->native(), nullptr);
    client = std::make_unique<tls::engine>(context, host, resume);
    std::string tickets;
    REQUIRE(shake_hands(*client, server, tickets).kind == step_kind::done);
    REQUIRE(client->reads_records() == (by == reader::own));
    std::uint64_t sent = 0;
    for (std::string_view rest = tickets; !rest.empty(); ++sent)
      rest.remove_prefix(5 + std::size_t{static_cast<unsigned char>(rest[3])} * 256 + static_cast<unsigned char>(rest[4]));
    const unsigned id = ::SSL_CIPHER_get_protocol_id(::SSL_get_current_cipher(server.native()));
    forger = std::make_unique<record_forger>(*tls::find_record_suite(id), secret, sent);
    CHECK(read_pieces(*client, tickets) == tls_transcript{});
  }

  ref<tls::context> context;
  std::string secret;
  tls_server server;
  std::unique_ptr<tls::engine> client;
  std::unique_ptr<record_forger> forger;

 private:
  static void tell_secrets(const tls_server_context& of) {
    ::SSL_CTX_set_keylog_callback(of.native(), [](const SSL* from, const char* line) {
      const std::string_view text(line);
      auto* const secret = static_cast<std::string*>(SSL_get_app_data(from));
      if (secret == nullptr || !text.starts_with("SERVER_TRAFFIC_SECRET_0")) return;
      const std::string digits(text.substr(text.rfind(' ') + 1));
      for (std::size_t i = 0; i < digits.size(); i += 2) *secret += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    });
  }
};

tls_transcript read_over(tls::engine& client, std::string_view bytes, std::size_t piece) {
  tls_transcript made;
  do {
    const std::string_view now = bytes.substr(0, piece);
    std::vector<std::byte> memory(tls::record_lead + now.size());
    if (!now.empty()) std::memcpy(memory.data() + tls::record_lead, now.data(), now.size());
    const tls::step step = tls::read_in_place(client, memory);
    made.text += as_chars(std::span(memory).first(step.produced));
    made.end = step.kind;
    made.error = step.error;
    bytes.remove_prefix(now.size());
  } while (!bytes.empty() && made.end == step_kind::need_input);
  return made;
}

/// The alert that the client has told the server: 0 if none.
int alert_of(pair& of) {
  deliver(*of.client, of.server);
  char none = 0;
  ::ERR_clear_error();
  ::SSL_read(of.server.native(), &none, 1);
  const int reason = ERR_GET_REASON(::ERR_peek_error());
  ::ERR_clear_error();
  return reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
}

std::string text_of(int alert_level, int alert) { return {static_cast<char>(alert_level), static_cast<char>(alert)}; }
std::string key_update(int asks) { return {24, 0, 0, 1, static_cast<char>(asks)}; }
std::string ticket(std::size_t size) {
  // RFC 8446 4.6.1: lifetime, age_add, nonce, ticket, extensions.
  std::string body("\0\0\x0e\x10\1\2\3\4\1\0", 10);
  body += static_cast<char>(size >> 8);
  body += static_cast<char>(size & 0xff);
  body += std::string(size, 't') + std::string(2, '\0');
  return std::string{4, static_cast<char>(body.size() >> 16), static_cast<char>(body.size() >> 8 & 0xff),
                     static_cast<char>(body.size() & 0xff)} +
         body;
}

struct scene {
  const char* name;
  std::function<std::string(record_forger&)> play;
  tls_error error = {};  ///< none: it goes well
  bool ends = false;
};

std::string in_order(std::initializer_list<std::string> parts) {
  std::string made;
  for (const std::string& one : parts) made += one;
  return made;
}

const std::vector<scene>& scenes() {
  using forger = record_forger&;
  static const std::vector<scene> all = {
      {"data of all sizes",
       [](forger of) {
         return in_order({of.record(23, "a"), of.record(23, std::string(16384, 'b')), of.record(23, std::string(16383, 'c')),
                          of.record(23, std::string(16384, 'd')), of.record(23, "e")});
       }},
      {"padding",
       [](forger of) {
         return in_order({of.record(23, "a", 1), of.record(23, std::string(1000, 'b'), 15000), of.record(23, std::string(16384, 'c'), 239),
                          of.record(23, "d", 16384)});
       }},
      {"empty records between data, again and again",
       [](forger of) {
         std::string made;
         for (std::size_t i = 0; i < 200; ++i) made += in_order({of.record(23, "", i % 3), i % 20 == 19 ? of.record(23, "data") : ""});
         return made;
       }},
      {"empty records in a row",
       [](forger of) {
         std::string made = of.record(23, "data");
         for (int i = 0; i < 33; ++i) made += of.record(23, "");
         return made;
       },
       tls_error::bad_message},
      {"tickets between data",
       [](forger of) {
         return in_order({of.record(23, "a"), of.record(22, ticket(200)), of.record(23, "b"), of.record(22, ticket(10) + ticket(20)),
                          of.record(22, ticket(16000)), of.record(23, std::string(16384, 'c'))});
       }},
      {"a ticket in parts",
       [](forger of) {
         const std::string whole = ticket(30'000);
         return in_order({of.record(23, "a"), of.record(22, whole.substr(0, 1)), of.record(22, whole.substr(1, 10)),
                          of.record(22, whole.substr(11, 16000)), of.record(22, whole.substr(16011)), of.record(23, "b")});
       }},
      {"data within a ticket",
       [](forger of) {
         return in_order({of.record(23, "a"), of.record(22, ticket(100).substr(0, 50)), of.record(23, "never"),
                          of.record(22, ticket(100).substr(50))});
       },
       tls_error::bad_message},
      {"data within the head of a ticket",
       [](forger of) { return in_order({of.record(23, "a"), of.record(22, ticket(100).substr(0, 2)), of.record(23, "never")}); },
       tls_error::bad_message},
      {"a goodbye within a ticket",
       [](forger of) { return in_order({of.record(22, ticket(100).substr(0, 50)), of.record(21, text_of(1, 0))}); },
       {},
       true},
      {"key updates between data",
       [](forger of) {
         std::string made;
         for (int i = 0; i < 10; ++i) {
           for (int j = 0; j < i; ++j) made += of.record(23, "data");
           made += of.record(22, key_update(i % 2));
           of.update();
         }
         return made + of.record(23, "last");
       }},
      {"a key update in parts, behind a ticket",
       [](forger of) {
         std::string made = of.record(23, "a");
         made += of.record(22, ticket(100) + key_update(0).substr(0, 3));
         made += of.record(22, key_update(0).substr(3));
         of.update();
         return made + of.record(23, "b");
       }},
      {"data under old keys",
       [](forger of) { return in_order({of.record(23, "a"), of.record(22, key_update(0)), of.record(23, "never")}); },
       tls_error::bad_record},
      {"data under new keys without a word",
       [](forger of) {
         const std::string made = of.record(23, "a");
         of.update();
         return made + of.record(23, "never");
       },
       tls_error::bad_record},
      {"a key update with more behind it",
       [](forger of) { return in_order({of.record(23, "a"), of.record(22, key_update(0) + ticket(20))}); },
       tls_error::bad_message},
      {"a key update that asks for something else",
       [](forger of) { return of.record(22, key_update(2)); },
       tls_error::bad_message},
      {"a message that no server sends",
       [](forger of) { return in_order({of.record(23, "a"), of.record(22, std::string("\1\0\0\0", 4)), of.record(23, "never")}); },
       tls_error::bad_message},
      {"a request for the client's certificate",
       [](forger of) { return in_order({of.record(23, "a"), of.record(22, std::string("\15\0\0\3\0\0\0", 7))}); },
       tls_error::bad_message},
      {"an empty message", [](forger of) { return in_order({of.record(23, "a"), of.record(22, "")}); }, tls_error::bad_message},
      {"an empty alert", [](forger of) { return in_order({of.record(23, "a"), of.record(21, "")}); }, tls_error::bad_message},
      {"half an alert",
       [](forger of) { return in_order({of.record(23, "a"), of.record(21, "\1"), of.record(23, "never")}); },
       tls_error::bad_message},
      {"a goodbye",
       [](forger of) { return in_order({of.record(23, std::string(16384, 'a')), of.record(21, text_of(1, 0)), of.record(23, "never")}); },
       {},
       true},
      {"a fatal alert",
       [](forger of) { return in_order({of.record(23, "a"), of.record(21, text_of(2, 80)), of.record(23, "never")}); },
       tls_error::refused},
      {"a refusal of the client's certificate",
       [](forger of) { return of.record(21, text_of(2, 116)); },
       tls_error::client_certificate_refused},
      {"warnings between data",
       [](forger of) {
         std::string made;
         for (int i = 0; i < 20; ++i) made += in_order({of.record(21, text_of(1, 90)), i % 3 == 2 ? of.record(23, "data") : ""});
         return made;
       }},
      {"warnings in a row",
       [](forger of) {
         std::string made = of.record(23, "a");
         for (int i = 0; i < 6; ++i) made += of.record(21, text_of(1, 90));
         return made;
       },
       tls_error::bad_message},
      {"a kind within that is none",
       [](forger of) { return in_order({of.record(23, "a"), of.record(24, "never"), of.record(23, "never")}); },
       tls_error::bad_message},
      {"a change of cipher within", [](forger of) { return in_order({of.record(23, "a"), of.record(20, "\1")}); }, tls_error::bad_message},
      {"nothing but padding", [](forger of) { return in_order({of.record(23, "a"), of.record(0, "", 100)}); }, tls_error::bad_message},
      {"too much data in a record",
       [](forger of) { return in_order({of.record(23, "a"), of.record(23, std::string(16385, 'x'))}); },
       tls_error::bad_message},
      {"too long a record",
       [](forger of) { return in_order({of.record(23, "a"), std::string("\x17\x03\x03\x41\x01", 5), std::string(16641, 'x')}); },
       tls_error::bad_message},
      {"another version",
       [](forger of) {
         std::string other = of.record(23, "never");
         other[2] = 1;
         return other;
       },
       tls_error::bad_message},
      {"an alert in the clear",
       [](forger of) { return in_order({of.record(23, "a"), std::string("\x15\x03\x03\x00\x02\x02\x50", 7)}); },
       tls_error::bad_message},
      {"a goodbye in the clear",
       [](forger of) { return in_order({of.record(23, "a"), std::string("\x15\x03\x03\x00\x02\x01\x00", 7)}); },
       tls_error::bad_message},
      {"a change of cipher in the clear",
       [](forger of) { return in_order({of.record(23, "a"), std::string("\x14\x03\x03\x00\x01\x01", 6)}); },
       tls_error::bad_message},
      {"no TLS at all", [](forger of) { return of.record(23, "a") + "HTTP/1.1 400 Bad Request\r\n\r\n"; }, tls_error::bad_message},
      {"no body", [](forger of) { return of.record(23, "a") + std::string("\x17\x03\x03\x00\x00", 5); }, tls_error::bad_record},
      {"a body without a tag",
       [](forger of) { return of.record(23, "a") + std::string("\x17\x03\x03\x00\x10", 5) + std::string(16, 'x'); },
       tls_error::bad_record},
      {"a record changed",
       [](forger of) {
         std::string made = of.record(23, "a");
         std::string bad = of.record(23, std::string(5000, 'x'));
         bad[2000] = static_cast<char>(bad[2000] ^ 1);
         return made + bad + of.record(23, "never");
       },
       tls_error::bad_record},
      {"the first record repeated",
       [](forger of) {
         const std::string one = of.record(23, "a");
         return one + one;
       },
       tls_error::bad_record},
      {"a record repeated behind a ticket",
       [](forger of) {
         const std::string one = of.record(23, "a");
         return one + of.record(22, ticket(100)) + one;
       },
       tls_error::bad_record},
      {"a ticket repeated",
       [](forger of) {
         const std::string one = of.record(22, ticket(100));
         return one + one;
       },
       tls_error::bad_record},
      {"a record left out",
       [](forger of) {
         std::string made = of.record(23, "a");
         static_cast<void>(of.record(23, "lost"));
         return made + of.record(23, "never");
       },
       tls_error::bad_record},
  };
  return all;
}

// What OpenSSL takes from the heap.
std::size_t allocations = 0;
const bool heap_is_counted = ::CRYPTO_set_mem_functions(
                         [](std::size_t size, const char*, int) { return ++allocations, std::malloc(size); },
                         [](void* old, std::size_t size, const char*, int) { return ++allocations, std::realloc(old, size); },
                         [](void* old, const char*, int) { std::free(old); }) == 1;

}  // namespace

TEST_CASE("whatever a server sends, it comes to what OpenSSL makes of it, however it is cut", "[long]") {
  const tls_world world({}, newest);
  for (const scene& one : scenes()) {
    for (const std::size_t piece : {std::size_t{1'000'000}, std::size_t{1000}, std::size_t{7}}) {
      struct {
        tls_transcript said;
        std::string failure;
        int alert = 0;
      } outcome[3];
      std::size_t next = 0;
      for (const reader by : {reader::openssl, reader::own, reader::own}) {
        pair on(world, by);
        const std::string bytes = one.play(*on.forger);
        auto& here = outcome[next];
        here.said = next == 2 ? read_over(*on.client, bytes, piece) : read_pieces(*on.client, bytes, piece, piece == 7 ? 1 : 20'000);
        here.failure = on.client->failure_text();
        here.alert = alert_of(on);
        CHECK(on.client->open() == (here.said.end == step_kind::need_input));
        CHECK(::ERR_peek_error() == 0);
        ++next;
      }
      INFO(one.name << ", in pieces of " << piece << ": " << outcome[0].failure << " / " << outcome[1].failure);
      CHECK(outcome[0].said.error == (one.error == tls_error{} ? std::error_code() : make_error_code(one.error)));
      CHECK(outcome[0].said.end == (one.ends                 ? step_kind::end
                                    : one.error != tls_error{} ? step_kind::error
                                                               : step_kind::need_input));
      CHECK(outcome[0].said.text.find("never") == std::string::npos);
      for (const int own : {1, 2}) {
        CHECK((outcome[own].said.text == outcome[0].said.text));
        CHECK(outcome[own].said.end == outcome[0].said.end);
        CHECK(outcome[own].said.error == outcome[0].said.error);
        CHECK(outcome[own].failure == outcome[0].failure);
        CHECK(outcome[own].alert == outcome[0].alert);
      }
    }
  }
}

TEST_CASE("each of TLS 1.3's usual algorithms is read here, any other and TLS 1.2 by OpenSSL") {
  const std::string ciphers = GENERATE(as<std::string>{}, "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                       "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256", "");
  tls_server_options options = newest;
  if (ciphers.empty()) options.min_version = options.max_version = TLS1_2_VERSION;
  const tls_world world({}, options);
  if (!ciphers.empty()) ::SSL_CTX_set_ciphersuites(world.server_context.native(), ciphers.c_str());
  const ref<tls::context> context = world.client_context();
  if (!ciphers.empty()) ::SSL_CTX_set_ciphersuites(context->native(), ciphers.c_str());
  tls::engine client(context, host);
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  CHECK(client.reads_records() == (!ciphers.empty() && ciphers.find("CCM") == std::string::npos));
  std::string text;
  std::string bytes;
  for (int i = 0; i < 20; ++i) {
    const std::string one(static_cast<std::size_t>(i * i * 200), static_cast<char>('a' + i));
    text += one;
    if (!one.empty()) bytes += server.write_and_take(one);
    if (ciphers.empty() || i % 3 != 0) continue;
    REQUIRE(::SSL_key_update(server.native(), i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    server.advance();
    bytes += server.take();
  }
  CHECK((read_pieces(client, bytes, GENERATE(as<std::size_t>{}, 1, 30'000, 1'000'000)) == tls_transcript{.text = text}));
  REQUIRE(client.write(as_byte_span("request")).kind == step_kind::done);
  deliver(client, server);
  CHECK(server.read() == "request");
  CHECK(read_pieces(client, server.write_and_take("answer")) == tls_transcript{.text = "answer"});
}

TEST_CASE("a session of a ticket that came behind data is resumed, and read here as well") {
  const tls_world world({}, newest);
  const ref<tls::context> context = world.client_context();
  ref<tls::session> session;
  for (int turn = 0; turn < 3; ++turn) {
    tls::engine client(context, host, session);
    tls_server server(world.server_context);
    REQUIRE(shake_hands(client, server).kind == step_kind::done);
    CHECK(client.resumed() == (turn > 0));
    CHECK(client.reads_records());
    static_cast<void>(client.take_session());
    std::string bytes = server.write_and_take("before");
    REQUIRE(::SSL_new_session_ticket(server.native()) == 1);
    server.advance();
    bytes += server.take();
    bytes += server.write_and_take("behind");
    CHECK(read_pieces(client, bytes) == tls_transcript{.text = "beforebehind"});
    session = client.take_session();
    REQUIRE(session);
  }
}

TEST_CASE("data waits behind a ticket and before it, without room and with little") {
  const tls_world world({}, newest);
  pair on(world);
  record_forger& of = *on.forger;
  const std::string bytes =
      in_order({of.record(22, ticket(100)), of.record(23, "hello"), of.record(22, ticket(100)), of.record(23, "world")});
  std::span<const std::byte> rest = as_byte_span(bytes);
  std::vector<std::byte> room(3);
  std::string got;
  for (int turn = 0; turn < 20; ++turn) {
    tls::step step = on.client->read(rest, {});
    rest = rest.subspan(step.consumed);
    CHECK(step.produced == 0);
    if (step.kind == step_kind::need_input) break;
    REQUIRE(step.kind == step_kind::done);
    CHECK(on.client->plaintext_waiting());
    step = on.client->read(rest, room);
    rest = rest.subspan(step.consumed);
    got += as_chars(std::span(room).first(step.produced));
  }
  CHECK(got == "helloworld");
  CHECK(rest.empty());
  CHECK_FALSE(on.client->plaintext_waiting());
}

TEST_CASE("reading goes on when the client has said goodbye") {
  const tls_world world({}, newest);
  for (const reader by : {reader::openssl, reader::own}) {
    pair on(world, by);
    CHECK(on.client->close().kind == step_kind::done);
    const std::string bytes = in_order({on.forger->record(23, "rest"), on.forger->record(21, text_of(1, 0))});
    CHECK(read_pieces(*on.client, bytes) == tls_transcript{"rest", step_kind::end, {}});
  }
}

TEST_CASE("bulk data takes nothing from the heap for its records") {
  if (!heap_is_counted) {
    WARN("SKIP: OpenSSL had memory before it could be counted");
    return;
  }
  const tls_world world({}, newest);
  pair on(world);
  const auto read = [&](std::size_t size) {
    const std::string bytes = [&] {
      std::string made;
      for (std::size_t done = 0; done < size; done += 16384) made += on.forger->record(23, std::string(16384, 'x'));
      return made;
    }();
    std::vector<std::byte> memory(tls::record_lead + 48 * 1024);
    std::size_t produced = 0;
    const std::size_t before = allocations;
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::string_view piece = rest.substr(0, 48 * 1024);
      std::memcpy(memory.data() + tls::record_lead, piece.data(), piece.size());
      const tls::step step = tls::read_in_place(*on.client, std::span(memory).first(tls::record_lead + piece.size()));
      if (step.kind != step_kind::need_input) FAIL(on.client->failure_text());
      produced += step.produced;
      rest.remove_prefix(piece.size());
    }
    CHECK(produced == size);
    return allocations - before;
  };
  static_cast<void>(read(64 * 1024));
  CHECK(read(4 << 20) == 0);
  CHECK(allocations > 0);
}
