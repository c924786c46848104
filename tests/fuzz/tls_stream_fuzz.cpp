// A script of what a server sends, and of what happens to it on its way: cut, flipped, dropped, doubled, added to. Whatever it is, the
// engine hands out the beginning of what the server sent and nothing else, ends each call, and says `end` only where the server did.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/tls/engine.hpp"
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
  explicit setting(int version) : server(own, {.min_version = version, .max_version = version}) {}
  identity own{{}};
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
    server.write(text);
    sent += text;
    stream += server.take();
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
        must(step.consumed <= rest.size() && step.produced <= room.size());
        must((step.kind == step_kind::error) == static_cast<bool>(step.error));
        rest = rest.subspan(step.consumed);
        got += as_chars(std::span(room).first(step.produced));
        must(std::string_view(sent).starts_with(got));
        must(client.outgoing().size() <= tls::output_buffer::capacity);
        carry_back();
        if (step.kind == step_kind::end) must(closed && got == sent);
        if (step.kind == step_kind::need_input) must(rest.empty());
        over = step.kind == step_kind::end || step.kind == step_kind::error;
        must(!over || !client.open());
        if (step.kind == step_kind::error) must(!client.failure_text().empty());
        if (step.kind == step_kind::done) must(step.produced == room.size());
        again = step.kind == step_kind::done || step.kind == step_kind::need_output;
      }
      must(::ERR_peek_error() == 0);
    }
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
    ::SSL_key_update(server.native(), kind);
    server.advance();
    stream += server.take();
  }

  void request() {
    if (!client.open()) return;
    (void)client.write(as_byte_span("GET"));
    carry_back();
    if (!closed && !harmed) (void)server.read();
    stream += server.take();
  }

  void close() {
    if (closed) return;
    closed = true;
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
      switch (input.byte() % 8) {
        case 0:
        case 1: send(input.byte() + 1); break;
        case 2: send(input.word() + 1); break;
        case 3: harm_stream(); break;
        case 4: {
          const std::size_t piece = input.word() + 1;
          deliver_stream(piece, (input.byte() + 1) * 64);
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
    must((last.kind == step_kind::end) == (over && closed && got == sent && !last.error));
  }

  tls::engine client;
  tls_server server;
  script input;
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
  std::string left;
  must(shake_hands(one.client, one.server, left).kind == step_kind::done);
  one.stream = left;
  one.deliver_stream(65536, 64);
  if (ref<tls::session> next = one.client.take_session()) of.session = std::move(next);
  one.play();
  return 0;
}
