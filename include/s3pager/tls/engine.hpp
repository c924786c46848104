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
#include "s3pager/tls/record_keys.hpp"
#include "s3pager/tls/record_reader.hpp"
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
/// A received span is read in place, and let go of when the call returns. Nothing is handed out before its record's tag holds. With
/// need_input nothing of the span is left over; what doesn't fit into the room waits here for the next call.
///
/// The records of data of TLS 1.3 never come to OpenSSL's own reader, which copies each of them twice: they are decrypted from where they
/// were received to where they are wanted. All others, and whatever breaks the protocol, are OpenSSL's to judge. TLS 1.2, and any cipher
/// that find_record_suite() doesn't know, are read by OpenSSL altogether.
///
/// This interface is all that a connection knows of TLS, so that another source of records may stand in its place.
///
/// Takes one allocation for itself, of 20 KiB, when it is made, one of 17 KiB when a record is cut or is not of data for the first time,
/// and none for a record of data. With OpenSSL 3.0 a fresh one comes to 29 KiB, and after the handshake both sides together to 97 KiB
/// (`unit_tls '[speed]'`).
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
    if (records_.started()) return read_records(input, room);
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

  /// The same of what lies in `memory` behind its first `lead` bytes, to its front, over what is consumed. Only if reads_records(), and
  /// no plaintext is waiting. There is always room, so that it is never done, if the lead is max_record_content or more.
  [[nodiscard]] step read_over(std::span<std::byte> memory, std::size_t lead) noexcept {
    if (state_ == state::failed) return failed();
    if (state_ == state::ended) return {.kind = step_kind::end};
    assert(state_ == state::established && records_.started() && !records_.waiting());
    return read_records(memory.subspan(lead), memory);
  }
  /// Whether records of data are decrypted here, and not by OpenSSL's own reader.
  [[nodiscard]] bool reads_records() const noexcept { return records_.started(); }

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
  [[nodiscard]] bool plaintext_waiting() const noexcept { return records_.waiting() || ::SSL_pending(native_.get()) > 0; }

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
    start_records();
    state_ = state::established;
    transport_.barren_bytes = 0;
    return {.kind = step_kind::done};
  }

  // Records of TLS 1.3 that are read here.

  /// OpenSSL has read no record of data, nor anything else that is under the keys of the data: it takes no more than it needs.
  void start_records() noexcept {
    const SSL_CIPHER* const chosen = ::SSL_get_current_cipher(native_.get());
    suite_ = ::SSL_version(native_.get()) == TLS1_3_VERSION && chosen != nullptr ? find_record_suite(::SSL_CIPHER_get_protocol_id(chosen))
                                                                                : nullptr;
    // Without, OpenSSL goes on reading.
    if (suite_ != nullptr && !notes_.server_secret.empty()) static_cast<void>(records_.start(*suite_, notes_.server_secret.bytes()));
    notes_.server_secret.wipe();
  }

  [[nodiscard]] step read_records(std::span<const std::byte> input, std::span<std::byte> room) noexcept {
    step all{};
    step last = owes_ ? hand_on(owed_) : step{};
    while (last.kind == step_kind::need_input) {
      const record_step next = records_.next(input.subspan(all.consumed), room.subspan(all.produced));
      all.consumed += next.consumed;
      if (next.kind == record_kind::none) break;
      last = judge(next.kind);
      if (next.kind != record_kind::data || last.kind == step_kind::error) continue;
      all.produced += next.produced;
      transport_.barren_bytes = 0;
      if (all.produced == room.size() || records_.waiting()) last.kind = step_kind::done;
    }
    all.kind = last.kind;
    all.error = last.error;
    return settled(all);
  }

  /// Need_input if the next record may be read.
  [[nodiscard]] step judge(record_kind next) noexcept {
    switch (next) {
      case record_kind::none: break;
      case record_kind::data: return tell_of_data_ ? hand_on_token() : step{};
      case record_kind::other: {
        tell_of_data_ = true;
        const std::span<const std::byte> record = records_.resealed();
        return record.empty() ? fail(tls_error::internal) : hand_on(record);
      }
      case record_kind::bad_header: return refuse(records_.refused_header(), tls_error::bad_message);
      case record_kind::bad_tag: return refuse(record_reader::broken_token(), tls_error::bad_record);
      case record_kind::no_memory: return fail(tls_error::out_of_memory);
    }
    return {};
  }

  /// OpenSSL reads a record that holds no data: tickets, key updates, alerts. Need_output: what is left of it is owed.
  [[nodiscard]] step hand_on(std::span<const std::byte> record) noexcept {
    std::byte none{};
    const step made = let_read(record, none);
    owes_ = made.kind == step_kind::need_output;
    owed_ = transport_.input;
    if (made.kind == step_kind::done || (made.kind == step_kind::need_input && !owed_.empty())) return fail(tls_error::internal);
    // The server has new keys, and OpenSSL follows.
    if (made.kind != step_kind::error && !notes_.server_secret.empty()) {
      const bool started = records_.start(*suite_, notes_.server_secret.bytes());
      notes_.server_secret.wipe();
      if (!started) return fail(tls_error::out_of_memory);
    }
    return made;
  }

  /// What it takes amiss, or counts, when there is no data between: half a message, warnings, empty records.
  [[nodiscard]] step hand_on_token() noexcept {
    std::byte read{};
    const auto token = records_.data_token();
    const step made = let_read(token, read);
    if (made.kind == step_kind::error) return made;
    if (made.kind != step_kind::done) return fail(tls_error::internal);
    tell_of_data_ = false;
    return {.kind = step_kind::need_input};
  }

  /// OpenSSL says what is wrong, and tells the server.
  [[nodiscard]] step refuse(std::span<const std::byte> bytes, tls_error otherwise) noexcept {
    std::byte none{};
    const step made = let_read(bytes, none);
    return made.kind == step_kind::error ? made : fail(otherwise);
  }

  /// Done if it found a byte of data.
  [[nodiscard]] step let_read(std::span<const std::byte> bytes, std::byte& into) noexcept {
    transport_.input = bytes;
    std::size_t got = 0;
    ::ERR_clear_error();
    const int result = ::SSL_read_ex(native_.get(), &into, 1, &got);
    const step made = result == 1 ? step{.kind = step_kind::done} : interpret(result);
    // It is seldom asked, and empty buffers of 33 KiB would wait for it.
    ::SSL_free_buffers(native_.get());
    return made;
  }

  // What OpenSSL says.

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
    made.consumed = input.size() - transport_.input.size();
    made.produced = produced;
    return settled(made);
  }
  [[nodiscard]] step settled(step made) noexcept {
    const bool waits = made.kind == step_kind::need_input || made.kind == step_kind::need_output;
    if (waits && transport_.barren_bytes > max_barren_bytes) {
      made.kind = step_kind::error;
      made.error = fail(tls_error::no_progress).error;
    }
    transport_.input = {};
    return made;
  }

  [[nodiscard]] step failed() const noexcept { return {.kind = step_kind::error, .error = error_}; }
  [[nodiscard]] step fail(tls_error why) noexcept {
    state_ = state::failed;
    error_ = why;
    notes_.newest_session.reset();
    notes_.server_secret.wipe();
    return failed();
  }

  ref<context> context_;
  std::string host_;
  detail::span_bio transport_;
  detail::connection_notes notes_;
  detail::owned<SSL> native_;

  record_reader records_;  // started: it reads what OpenSSL would
  const record_suite* suite_ = nullptr;
  bool tell_of_data_ = false;  // OpenSSL has seen a record since it last heard of data
  bool owes_ = false;          // OpenSSL has to write before it reads on
  std::span<const std::byte> owed_ = {};

  state state_ = state::handshaking;
  bool closed_ = false;
  std::error_code error_;
  unsigned long reason_ = 0;
};

}  // namespace s3pager::tls
