// A script of what a server sends, and of what happens to it on its way: cut, flipped, dropped, doubled, added to. Whatever it is, the
// engine hands out the beginning of what the server sent and nothing else, ends each call, and says `end` only where the server did.
// Where the server's keys are known, records of any kind and length may lie among its own, which break TLS in all ways but one.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/tls/engine.hpp"
#include "s3pager/tls/in_place.hpp"
#include "support/record_forger.hpp"
#include "support/tls_server.hpp"

namespace {

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;

void must(bool condition) {
  if (!condition) std::abort();
}

/// Numbers from the script; 0 when it is at its end.
class script {
 public:
  script(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
  [[nodiscard]] bool ended() const noexcept { return left_.empty(); }
  std::size_t byte() noexcept {
    if (left_.empty()) return 0;
    const std::size_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  std::size_t word() noexcept {
    const std::size_t high = byte();
    return high << 8 | byte();
  }

 private:
  std::span<const std::uint8_t> left_;
};

/// What lasts from run to run, so that a run is a short handshake. Keys and randomness are new in each process: a script's outcome
/// does not depend on them.
struct setting {
  explicit setting(int version) : server(own, {.min_version = version, .max_version = version}) {
    ::SSL_CTX_set_keylog_callback(server.native(), [](const SSL* of, const char* line) {
      const std::string_view text(line);
      auto* const secret = static_cast<tls::traffic_secret*>(SSL_get_app_data(of));
      if (secret != nullptr && text.starts_with("SERVER_TRAFFIC_SECRET_0")) secret->assign_hex(text.substr(text.rfind(' ') + 1));
    });
  }
  certified own{{}};
  tls_server_context server;
  ref<tls::context> client = tls::context::make({.insecure_skip_verification = true});
  ref<tls::session> session = {};
};

struct run {
  run(setting& of, script from) : client(of.client, "bucket.example", of.session), server(of.server), input(from) {}

  void send(std::size_t bytes) {
    if (closed || sent.size() > 300'000) return;
    std::string text(bytes, '\0');
    for (char& c : text) c = static_cast<char>(sent_bytes++ * 131 >> 3);
    sent += text;
    if (!forger) {
      server.write(text);
      stream += server.take();
      return;
    }
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 16384)))
      stream += forger->record(23, rest.substr(0, 16384), rest.size() < 16384 ? input.byte() % 8 : 0);
  }

  /// A record of any kind within, with anything in it. Of data it is good, all else may be the end of it.
  void forge() {
    if (!forger || closed) return;
    static constexpr unsigned char types[] = {20, 21, 22, 22, 22, 23, 23, 24};
    const std::size_t wish = input.byte();
    const unsigned char type = types[wish % 8];
    std::string text;
    for (std::size_t count = input.byte() % 32; count > 0; --count) text += static_cast<char>(input.byte());
    const std::size_t padding = wish >= 128 ? input.word() % 16'000 : 0;
    if (type == 23 && !text.empty()) sent += text;
    else harmed = true;
    stream += forger->record(type, text, padding);
  }

  /// The client reads all that is on its way, in pieces.
  void deliver_stream(std::size_t piece, std::size_t room_bytes) {
    std::vector<std::byte> room(room_bytes);
    while (!stream.empty() && !over) {
      const std::size_t size = std::min(piece, stream.size());
      const auto now = as_byte_span(stream).first(size);
      const std::vector<std::byte> alone(now.begin(), now.end());
      stream.erase(0, size);
      std::span<const std::byte> rest(alone);
      for (bool again = true; again;) {
        const tls::step step = client.read(rest, room);
        must(step.produced <= room.size());
        check(step, rest.size(), room);
        rest = rest.subspan(step.consumed);
        if (step.kind == step_kind::done) must(step.produced == room.size());
        again = step.kind == step_kind::done || step.kind == step_kind::need_output;
      }
    }
    check_end();
  }

  /// The same where it was received.
  void deliver_in_place(std::size_t piece) {
    while (!stream.empty() && !over && !client.plaintext_waiting()) {
      const std::size_t size = std::min(piece, stream.size());
      std::vector<std::byte> memory(tls::record_lead);
      const auto now = as_byte_span(stream).first(size);
      memory.insert(memory.end(), now.begin(), now.end());
      stream.erase(0, size);
      const tls::step step = tls::read_in_place(client, memory);
      must(step.kind != step_kind::done && step.kind != step_kind::need_output && step.produced <= memory.size());
      check(step, size, memory);
    }
    check_end();
  }

  void check(const tls::step& step, std::size_t given, std::span<const std::byte> room) {
    must(step.consumed <= given);
    must((step.kind == step_kind::error) == static_cast<bool>(step.error));
    got += as_chars(room.first(step.produced));
    must(std::string_view(sent).starts_with(got));
    must(client.outgoing().size() <= tls::output_buffer::capacity);
    carry_back();
    if (step.kind == step_kind::end) must((closed && got == sent) || (forger && harmed));
    if (step.kind == step_kind::need_input) must(step.consumed == given);
    over = step.kind == step_kind::end || step.kind == step_kind::error;
    must(!over || !client.open());
    if (step.kind == step_kind::error) must(!client.failure_text().empty());
    must(::ERR_peek_error() == 0);
  }

  void check_end() const {
    if (!harmed && !over) must(got == sent);
    if (!harmed && over) must(closed);
  }

  void harm_stream() {
    if (stream.empty()) return;
    const std::size_t at = input.word() % stream.size();
    const std::size_t what = input.byte();
    harmed = true;
    switch (what % 5) {
      case 0: stream[at] = static_cast<char>(stream[at] ^ (1 << (what >> 5))); break;
      case 1: stream.erase(at, input.byte() + 1); break;
      case 2: stream.insert(at, stream, at, input.word() + 1); break;
      case 3: {
        std::string more;
        for (std::size_t count = what >> 3; count > 0; --count) more += static_cast<char>(input.byte());
        stream.insert(at, more);
        break;
      }
      default: stream.resize(at); break;
    }
  }

  void update_key(int kind) {
    if (closed || harmed || ::SSL_version(server.native()) != TLS1_3_VERSION) return;
    if (forger) {
      const char message[] = {24, 0, 0, 1, static_cast<char>(kind)};
      stream += forger->record(22, {message, sizeof message});
      forger->update();
      return;
    }
    ::SSL_key_update(server.native(), kind);
    server.advance();
    stream += server.take();
  }

  void request() {
    if (!client.open()) return;
    (void)client.write(as_byte_span("GET"));
    carry_back();
    if (!closed && !harmed) (void)server.read();
    // It counts otherwise than who forges.
    if (!forger) stream += server.take();
  }

  void close() {
    if (closed) return;
    closed = true;
    if (forger) {
      stream += forger->record(21, {"\1\0", 2});
      return;
    }
    server.close();
    stream += server.take();
  }

  /// A server that answered what was harmed would harm the stream once more.
  void carry_back() {
    if (!harmed) deliver(client, server);
    else client.sent(client.outgoing().size());
  }

  void play() {
    while (!over && !input.ended()) {
      const std::size_t what = input.byte();
      switch (what % 8) {
        case 0:
          if (what >= 128) {
            forge();
            break;
          }
          [[fallthrough]];
        case 1: send(input.byte() + 1); break;
        case 2: send(input.word() + 1); break;
        case 3: harm_stream(); break;
        case 4: {
          const std::size_t piece = input.word() + 1;
          const std::size_t room = input.byte();
          if (room % 4 == 1) deliver_in_place(piece);
          else deliver_stream(piece, (room + 1) * 64);
          break;
        }
        case 5: update_key(input.byte() % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED); break;
        case 6: request(); break;
        default: close(); break;
      }
      ::ERR_clear_error();
    }
    if (!over) deliver_stream(65536, 65536);
    const tls::step last = client.on_eof();
    must((last.kind == step_kind::end) == (over && (closed || forger) && !last.error));
  }

  tls::engine client;
  tls_server server;
  script input;
  std::unique_ptr<record_forger> forger;  ///< sends in the server's place
  std::string stream;  ///< on its way
  std::string sent;
  std::string got;
  std::size_t sent_bytes = 0;
  bool harmed = false;
  bool closed = false;
  bool over = false;
};

/// The server's answers in the handshake are harmed. It never ends well but where nobody looks.
void harmed_handshake(setting& of, script input) {
  tls::engine client(of.client, "bucket.example", input.byte() % 2 == 0 ? of.session : ref<tls::session>());
  tls_server server(of.server);
  (void)client.handshake({});
  for (int turn = 0; turn < 4; ++turn) {
    deliver(client, server);
    server.advance();
    std::string bytes = server.take();
    if (bytes.empty()) break;
    for (std::size_t harms = input.byte() % 4; harms > 0; --harms) {
      const std::size_t at = input.word() % bytes.size();
      bytes[at] = static_cast<char>(bytes[at] ^ (input.byte() + 1));
    }
    const std::size_t piece = input.word() + 1;
    tls::step step{};
    for (std::size_t at = 0; at < bytes.size() && step.kind == step_kind::need_input; at += piece) {
      step = client.handshake(as_byte_span(bytes).subspan(at, std::min(piece, bytes.size() - at)));
      must(step.produced == 0);
    }
    must(::ERR_peek_error() == 0);
    if (step.kind != step_kind::need_input) break;
  }
  if (!client.open()) must(client.on_eof().kind == step_kind::error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static setting settings[] = {setting(TLS1_2_VERSION), setting(TLS1_3_VERSION)};
  if (size < 2) return 0;
  setting& of = settings[data[0] & 1];
  const script input(data + 1, size - 1);
  if ((data[0] & 6) == 6) {
    harmed_handshake(of, input);
    ::ERR_clear_error();
    return 0;
  }
  run one(of, input);
  tls::traffic_secret secret;
  SSL_set_app_data(one.server.native(), &secret);
  std::string left;
  must(shake_hands(one.client, one.server, left).kind == step_kind::done);
  one.stream = left;
  if (!secret.empty()) must(one.client.reads_records());
  if (!secret.empty() && (data[0] & 8) != 0) {
    std::uint64_t sent = 0;
    for (std::string_view rest = left; !rest.empty(); ++sent)
      rest.remove_prefix(5 + std::size_t{static_cast<unsigned char>(rest[3])} * 256 + static_cast<unsigned char>(rest[4]));
    const auto id = ::SSL_CIPHER_get_protocol_id(::SSL_get_current_cipher(one.server.native()));
    one.forger = std::make_unique<record_forger>(*tls::find_record_suite(id), as_chars(std::as_bytes(secret.bytes())), sent);
  }
  one.deliver_stream(65536, 64);
  if (ref<tls::session> next = one.client.take_session()) of.session = std::move(next);
  one.play();
  return 0;
}
