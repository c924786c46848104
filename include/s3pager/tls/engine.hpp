// One TLS client connection over memory: ciphertext in, plaintext out, and back, in steps. Knows no socket.
#pragma once

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/tls/context.hpp"
#include "s3pager/tls/detail/diagnosis.hpp"
#include "s3pager/tls/detail/openssl.hpp"
#include "s3pager/tls/detail/span_bio.hpp"
#include "s3pager/tls/error.hpp"
#include "s3pager/tls/session.hpp"
#include "s3pager/tls/step.hpp"

namespace s3pager::tls {

/// Speaks TLS 1.2 or 1.3 to one server, over a transport that the caller has. After every call, whatever its step says,
/// outgoing() is to be sent if it is not empty: answers of TLS's own lie there too, and before an error the alert for the peer.
///
///     handshake(input) until done; then
///     write(request); send outgoing(), sent(n);
///     for (;;) {
///       const tls::step step = engine.read(input, room);
///       input = input.subspan(step.consumed);
///       // use step.produced bytes of room; then by kind: done: give more room; need_input: receive into input, or on_eof();
///       // need_output: send, then again; end: orderly; error: the connection is lost, failure_text() says why
///     }
///
/// A received span is read in place, and let go of when the call returns: OpenSSL takes a record into a buffer of its own, however
/// it was cut, checks its tag there, and only then is its plaintext copied into the caller's room. With need_input nothing of the
/// span is left over; what doesn't fit into the room waits here for the next call.
///
/// This interface is all that a connection knows of TLS, so that another source of records may stand in its place.
///
/// Takes one allocation for itself, of 20 KiB, when it is made, and none after that. With OpenSSL 3.0 a fresh one comes to 29 KiB, and
/// after the handshake both sides together to 97 KiB (`unit_tls '[speed]'`).
class engine final {
 public:
  /// Of handshake messages, tickets, key updates and empty records in a row. OpenSSL bounds each message, not how many there are
  /// once the handshake is done. The longest chain of certificates that it takes is 100 KiB.
  static constexpr std::size_t max_barren_bytes = 256 * 1024;

  /// `host` is a name, which is sent and verified, or an IP address (IPv6 without brackets), which is verified only. `resume` is
  /// ignored if it doesn't fit(). Throws error(errc::invalid_argument) if `host` can be neither, and std::bad_alloc.
  engine(ref<context> settings, std::string_view host, const ref<session>& resume = {})
      : context_(std::move(settings)), host_(host), native_(::SSL_new(context_->native())) {
    check_host();
    const bool complete = prepare();
    if (complete && resume && resume->fits(context_, host_)) ::SSL_set_session(native_.get(), resume->native());
    ::ERR_clear_error();
    if (!complete) throw std::bad_alloc();
  }

  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  ~engine() {
    // A connection that is dropped without close_notify would make OpenSSL spoil the session that was taken of it (RFC 2246 7.2.1;
    // RFC 4346 lets it be). What broke TLS was spoiled at once.
    ::SSL_set_shutdown(native_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  /// Takes what was received, nothing at first, until it is done: then the server is who it should be.
  [[nodiscard]] step handshake(std::span<const std::byte> input) noexcept {
    if (state_ == state::failed) return failed();
    if (state_ != state::handshaking) return {.kind = step_kind::done};
    transport_.input = input;
    ::ERR_clear_error();
    const int result = ::SSL_do_handshake(native_.get());
    step made = result == 1 ? finish_handshake() : interpret(result);
    if (made.kind == step_kind::end) made = fail(tls_error::closed_in_handshake);
    return settle(made, input, 0);
  }

  /// Decrypts into `room`, as far as the input and the room go. Once it says done, call again before receiving. With empty room it
  /// takes only what is TLS's own, and done means that plaintext is waiting: for connections that should be idle.
  [[nodiscard]] step read(std::span<const std::byte> input, std::span<std::byte> room) noexcept {
    if (state_ == state::failed) return failed();
    if (state_ == state::ended) return {.kind = step_kind::end};
    assert(state_ == state::established);
    transport_.input = input;
    std::size_t produced = 0;
    for (;;) {
      std::size_t got = 0;
      std::byte probe{};
      ::ERR_clear_error();
      const int result = room.empty() ? ::SSL_peek_ex(native_.get(), &probe, 1, &got)
                                      : ::SSL_read_ex(native_.get(), room.data() + produced, room.size() - produced, &got);
      if (result != 1) return settle(interpret(result), input, produced);
      transport_.barren_bytes = 0;
      produced += room.empty() ? 0 : got;
      if (produced == room.size()) return settle({.kind = step_kind::done}, input, produced);
    }
  }

  /// Encrypts into outgoing(), and says how much of the plaintext it `consumed`. need_output: not all had room.
  [[nodiscard]] step write(std::span<const std::byte> plaintext) noexcept {
    if (state_ == state::failed) return failed();
    assert(state_ != state::handshaking && !closed_);
    transport_.input = {};
    step made{.kind = step_kind::done};
    while (made.consumed < plaintext.size()) {
      const std::size_t room = room_for_plaintext();
      if (room == 0) {
        made.kind = step_kind::need_output;
        break;
      }
      std::size_t taken = 0;
      ::ERR_clear_error();
      const int result =
          ::SSL_write_ex(native_.get(), plaintext.data() + made.consumed, std::min(room, plaintext.size() - made.consumed), &taken);
      if (result != 1) {
        const step refused = interpret(result);
        made.kind = refused.kind;
        made.error = refused.error;
        break;
      }
      made.consumed += taken;
    }
    return made;
  }

  /// Says close_notify. Nothing may be written after it; reading goes on. Done at once where there is no connection to close.
  [[nodiscard]] step close() noexcept {
    if (closed_ || state_ == state::handshaking || state_ == state::failed) return {.kind = step_kind::done};
    if (transport_.room() < record_overhead) return {.kind = step_kind::need_output};
    closed_ = true;
    transport_.input = {};
    ::ERR_clear_error();
    const int result = ::SSL_shutdown(native_.get());
    if (result >= 0) return {.kind = step_kind::done};
    return interpret(result);
  }

  /// The transport ended, and all that came was read until need_input: end if close_notify had come, else error (truncated,
  /// closed_in_handshake).
  [[nodiscard]] step on_eof() noexcept {
    if (state_ == state::failed) return failed();
    if (state_ == state::ended) return {.kind = step_kind::end};
    return fail(state_ == state::handshaking ? tls_error::closed_in_handshake : tls_error::truncated);
  }

  /// Ciphertext to be sent, in order. These bytes stay where they are until they are sent(), so a send may be under way while
  /// the engine is used; what comes after them is for the next one.
  [[nodiscard]] std::span<const std::byte> outgoing() const noexcept { return transport_.outgoing(); }
  /// The first `bytes` of outgoing() are gone.
  void sent(std::size_t bytes) noexcept { transport_.sent(bytes); }
  /// What outgoing() lies in.
  [[nodiscard]] const ref<output_buffer>& out() const noexcept { return transport_.out(); }

  /// Whether requests may go over it: after the handshake, until an error or a close_notify of either side.
  [[nodiscard]] bool open() const noexcept { return state_ == state::established && !closed_; }
  /// Plaintext that has been decrypted but had no room: not to be so between two requests.
  [[nodiscard]] bool plaintext_waiting() const noexcept { return ::SSL_pending(native_.get()) > 0; }

  [[nodiscard]] bool resumed() const noexcept { return ::SSL_session_reused(native_.get()) == 1; }
  [[nodiscard]] std::string_view version() const noexcept { return ::SSL_get_version(native_.get()); }  ///< `TLSv1.3`
  [[nodiscard]] std::string_view cipher() const noexcept { return ::SSL_get_cipher_name(native_.get()); }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }

  /// The newest session to resume that has come and was not taken, or null. With TLS 1.3 it comes behind the handshake, so it is to
  /// be asked for when something was read. Throws std::bad_alloc.
  [[nodiscard]] ref<session> take_session() {
    if (!notes_.newest_session || state_ == state::failed || state_ == state::handshaking) return {};
    return make_ref<session>(std::move(notes_.newest_session), context_, host_);
  }

  /// After an error: what was wrong, with the host's name, the certificate's part in it and OpenSSL's words. A peer's bytes may be in it.
  [[nodiscard]] std::string failure_text() const {
    const auto code = static_cast<tls_error>(error_.value());
    if (!error_) return {};
    if (notes_.verify_error != X509_V_OK) return detail::verification_text(code, host_, notes_);
    std::string text = host_ + ": " + error_.message();
    if (const std::string reason = detail::reason_text(reason_); !reason.empty()) text += ": " + reason;
    return text;
  }

 private:
  enum class state : std::uint8_t { handshaking, established, ended, failed };

  /// The most that TLS 1.2 or 1.3 adds to a record, and room for an alert or a key update besides.
  static constexpr std::size_t record_overhead = 512;

  void check_host() {
    if (host_.size() > 1 && host_.back() == '.') host_.pop_back();  // of a name that is complete; certificates leave it out
    const bool good = !host_.empty() && host_.size() <= 253 &&
                      std::all_of(host_.begin(), host_.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!good) throw error(errc::invalid_argument, "not a host that TLS could be spoken with: \"" + host_ + "\"");
  }

  /// False if there is no memory.
  [[nodiscard]] bool prepare() noexcept {
    BIO* const spans = native_ ? transport_.make_bio(context_->transport()) : nullptr;
    if (spans == nullptr) return false;
    ::SSL_set_bio(native_.get(), spans, spans);
    SSL_set_app_data(native_.get(), &notes_);
    ::SSL_set_connect_state(native_.get());
    return set_host();
  }

  [[nodiscard]] bool set_host() noexcept {
    X509_VERIFY_PARAM* const wanted = ::SSL_get0_param(native_.get());
    std::array<unsigned char, 16> address;
    const std::size_t address_bytes = ::inet_pton(AF_INET, host_.c_str(), address.data()) == 1    ? 4
                                      : ::inet_pton(AF_INET6, host_.c_str(), address.data()) == 1 ? 16
                                                                                                  : 0;
    if (address_bytes != 0) return ::X509_VERIFY_PARAM_set1_ip(wanted, address.data(), address_bytes) == 1;
    ::X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return ::X509_VERIFY_PARAM_set1_host(wanted, host_.data(), host_.size()) == 1 &&
           SSL_set_tlsext_host_name(native_.get(), host_.c_str()) == 1;
  }

  /// OpenSSL insists on being offered again what it could not send whole. So nothing is offered that has no room.
  [[nodiscard]] std::size_t room_for_plaintext() const noexcept {
    return transport_.room() > record_overhead ? transport_.room() - record_overhead : 0;
  }

  // What OpenSSL says.

  [[nodiscard]] step finish_handshake() noexcept {
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(native_.get(), &protocol, &size);
    // None is that of a server without ALPN. Not every OpenSSL 3 minds one that was not offered.
    if (size != 0 && std::string_view(reinterpret_cast<const char*>(protocol), size) != "http/1.1")
      return fail(tls_error::wrong_application_protocol);
    if (const long verified = ::SSL_get_verify_result(native_.get()); context_->verifies() && verified != X509_V_OK) {
      notes_.verify_error = verified;
      return fail(detail::of_verification(verified));
    }
    state_ = state::established;
    transport_.barren_bytes = 0;
    return {.kind = step_kind::done};
  }

  [[nodiscard]] step interpret(int result) noexcept {
    switch (::SSL_get_error(native_.get(), result)) {
      case SSL_ERROR_WANT_READ: return {.kind = step_kind::need_input};
      case SSL_ERROR_WANT_WRITE: return {.kind = step_kind::need_output};
      case SSL_ERROR_ZERO_RETURN: state_ = state::ended; return {.kind = step_kind::end};
      default: break;
    }
    const detail::openssl_error found = detail::take_error();
    reason_ = found.code;
    if (ERR_GET_LIB(reason_) == ERR_LIB_SSL && ERR_GET_REASON(reason_) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      if (notes_.verify_error == X509_V_OK) notes_.verify_error = ::SSL_get_verify_result(native_.get());
      return fail(detail::of_verification(notes_.verify_error));
    }
    return fail(detail::of_reason(found, state_ == state::handshaking, transport_.first_bytes()));
  }

  /// The end of a call that had input.
  [[nodiscard]] step settle(step made, std::span<const std::byte> input, std::size_t produced) noexcept {
    const bool waits = made.kind == step_kind::need_input || made.kind == step_kind::need_output;
    if (waits && transport_.barren_bytes > max_barren_bytes) made = fail(tls_error::no_progress);
    made.consumed = input.size() - transport_.input.size();
    made.produced = produced;
    transport_.input = {};
    return made;
  }

  [[nodiscard]] step failed() const noexcept { return {.kind = step_kind::error, .error = error_}; }
  [[nodiscard]] step fail(tls_error why) noexcept {
    state_ = state::failed;
    error_ = why;
    notes_.newest_session.reset();
    return failed();
  }

  ref<context> context_;
  std::string host_;
  detail::span_bio transport_;
  detail::connection_notes notes_;
  detail::owned<SSL> native_;

  state state_ = state::handshaking;
  bool closed_ = false;
  std::error_code error_;
  unsigned long reason_ = 0;
};

}  // namespace s3pager::tls
