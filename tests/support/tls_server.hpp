// The other side of a TLS engine: OpenSSL's server over memory, and ways to carry bytes between the two, whole or cut.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/tls/engine.hpp"
#include "support/scratch_directory.hpp"
#include "support/test_certificates.hpp"

namespace s3pager::test {

struct tls_server_options {
  int min_version = TLS1_2_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string protocol = "http/1.1";       ///< chosen whatever the client offers; empty: none
  const certified* client_authority = nullptr;  ///< asks for a client certificate of this
  std::vector<const certified*> chain = {};     ///< sent behind its own
  const char* ciphers = nullptr;               ///< of TLS 1.2
  const char* groups = nullptr;                ///< for the key exchange
};

class tls_server_context {
 public:
  explicit tls_server_context(const certified& own, tls_server_options options = {})
      : options_(std::move(options)), native_(::SSL_CTX_new(::TLS_server_method())) {
    SSL_CTX* const native = native_.get();
    // TLS 1.0 and 1.1, and weak keys, are served only so.
    ::SSL_CTX_set_security_level(native, 0);
    must(::SSL_CTX_set_min_proto_version(native, options_.min_version) == 1);
    must(::SSL_CTX_set_max_proto_version(native, options_.max_version) == 1);
    if (options_.ciphers != nullptr) must(::SSL_CTX_set_cipher_list(native, options_.ciphers) == 1);
    if (options_.groups != nullptr) must(SSL_CTX_set1_groups_list(native, options_.groups) == 1);
    must(::SSL_CTX_use_certificate(native, own.certificate()) == 1 && ::SSL_CTX_use_PrivateKey(native, own.key()) == 1);
    for (const certified* one : options_.chain) must(SSL_CTX_add1_chain_cert(native, one->certificate()) == 1);
    if (!options_.protocol.empty()) ::SSL_CTX_set_alpn_select_cb(native, &tls_server_context::choose, &options_.protocol);
    if (options_.client_authority != nullptr) {
      ::SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(native), options_.client_authority->certificate());
    }
    const unsigned char name[] = "s3pager";
    ::SSL_CTX_set_session_id_context(native, name, sizeof name);
  }
  tls_server_context(const tls_server_context&) = delete;
  tls_server_context& operator=(const tls_server_context&) = delete;

  [[nodiscard]] SSL_CTX* native() const noexcept { return native_.get(); }
  static void must(bool condition) {
    if (!condition) std::abort();
  }

 private:
  static int choose(SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned, void* protocol) {
    const auto& chosen = *static_cast<const std::string*>(protocol);
    *out = reinterpret_cast<const unsigned char*>(chosen.data());
    *size = static_cast<unsigned char>(chosen.size());
    return SSL_TLSEXT_ERR_OK;
  }

  tls_server_options options_;
  tls::detail::owned<SSL_CTX> native_;
};

/// One connection of it.
class tls_server {
 public:
  explicit tls_server(const tls_server_context& of) : native_(::SSL_new(of.native())) {
    in_ = ::BIO_new(::BIO_s_mem());
    out_ = ::BIO_new(::BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    ::SSL_set_bio(native_.get(), in_, out_);
    ::SSL_set_accept_state(native_.get());
  }

  [[nodiscard]] SSL* native() const noexcept { return native_.get(); }
  void receive(std::span<const std::byte> bytes) {
    if (!bytes.empty()) ::BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  }
  /// Ciphertext for the client.
  [[nodiscard]] std::string take() {
    std::string made(::BIO_ctrl_pending(out_), '\0');
    if (!made.empty()) ::BIO_read(out_, made.data(), static_cast<int>(made.size()));
    return made;
  }
  /// Goes on with the handshake, if there is one.
  void advance() {
    ::SSL_do_handshake(native_.get());
    ::ERR_clear_error();
  }
  [[nodiscard]] bool established() const noexcept { return ::SSL_is_init_finished(native_.get()) == 1; }
  void write(std::string_view text) {
    tls_server_context::must(::SSL_write(native_.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()));
  }
  [[nodiscard]] std::string write_and_take(std::string_view text) {
    write(text);
    return take();
  }
  /// All plaintext that has come.
  [[nodiscard]] std::string read() {
    std::string made;
    char piece[4096];
    for (int got; (got = ::SSL_read(native_.get(), piece, sizeof piece)) > 0;) made.append(piece, static_cast<std::size_t>(got));
    ::ERR_clear_error();
    return made;
  }
  void close() { ::SSL_shutdown(native_.get()); }
  [[nodiscard]] bool client_closed() const noexcept { return (::SSL_get_shutdown(native_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  tls::detail::owned<SSL> native_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

/// What the client has to send goes to the server.
inline void deliver(tls::engine& client, tls_server& server) {
  const auto bytes = client.outgoing();
  server.receive(bytes);
  client.sent(bytes.size());
}

/// The client's handshake fed with `bytes` in pieces, each of which lies alone in memory and is gone before the next one comes. Ends
/// with the last step; what is left over then is returned in `bytes`.
inline tls::step feed_handshake(tls::engine& client, tls_server& server, std::string& bytes, std::size_t piece) {
  tls::step last{};
  do {
    const std::size_t size = std::min(piece, bytes.size());
    const std::vector<std::byte> alone(as_byte_span(bytes).begin(), as_byte_span(bytes).begin() + static_cast<std::ptrdiff_t>(size));
    last = client.handshake(alone);
    bytes.erase(0, last.consumed);
    deliver(client, server);
  } while ((last.kind == tls::step_kind::need_input && !bytes.empty()) || last.kind == tls::step_kind::need_output);
  return last;
}

/// A handshake. Ends with done or error, and `left` is what came behind it.
inline tls::step shake_hands(tls::engine& client, tls_server& server, std::string& left, std::size_t piece = ~std::size_t{0}) {
  tls::step last = feed_handshake(client, server, left, piece);
  for (int turns = 0; turns < 20 && last.kind == tls::step_kind::need_input; ++turns) {
    server.advance();
    left += server.take();
    last = feed_handshake(client, server, left, piece);
  }
  server.advance();
  left += server.take();
  return last;
}
inline tls::step shake_hands(tls::engine& client, tls_server& server) {
  std::string left;
  const tls::step last = shake_hands(client, server, left);
  // Tickets: nothing that matters to who does not look at it.
  if (last.kind == tls::step_kind::done) {
    std::byte probe{};
    (void)client.read(as_byte_span(left), std::span(&probe, std::size_t{0}));
  }
  return last;
}

struct tls_transcript {
  std::string text = {};
  tls::step_kind end = tls::step_kind::need_input;
  std::error_code error = {};
  bool operator==(const tls_transcript&) const = default;
};

/// All of `bytes` in pieces as above, read into rooms of `room` bytes. Sends nothing.
inline tls_transcript read_pieces(tls::engine& client, std::string_view bytes, std::size_t piece = ~std::size_t{0},
                                  std::size_t room = 65536) {
  tls_transcript made;
  std::vector<std::byte> into(room);
  for (;;) {
    const std::size_t size = std::min(piece, bytes.size());
    const auto now = as_byte_span(bytes.substr(0, size));
    std::vector<std::byte> alone(now.begin(), now.end());
    std::span<const std::byte> rest(alone);
    tls::step step{};
    do {
      step = client.read(rest, into);
      made.text += as_chars(std::span(into).first(step.produced));
      rest = rest.subspan(step.consumed);
    } while (step.kind == tls::step_kind::done);
    bytes.remove_prefix(size);
    made.end = step.kind;
    made.error = step.error;
    if (step.kind != tls::step_kind::need_input || bytes.empty()) return made;
    if (!rest.empty()) std::abort();
  }
}

/// An authority, a server of it, and a context that trusts it alone.
struct tls_world {
  explicit tls_world(const certificate_wish& wish = {}, const tls_server_options& options = {})
      : server_identity(wish, &authority), server_context(server_identity, options) {}

  [[nodiscard]] ref<tls::context> client_context() const {
    return tls::context::make({.system_trust = false, .ca_file = ca_file});
  }

  // Of a name of its own: one that only shares it with one that is trusted is not unknown, but a forgery.
  std::string authority_name = "authority " + std::to_string(++made);
  certified authority{{.common_name = authority_name, .authority = true}};
  scratch_directory directory;
  std::string ca_file = directory.file("ca.pem", authority.pem());
  certified server_identity;
  tls_server_context server_context;

 private:
  static inline int made = 0;
};

}  // namespace s3pager::test
