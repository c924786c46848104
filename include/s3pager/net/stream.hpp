// A connected socket and the layers of TLS on it, none to two: plaintext on this side, whatever goes over the wire on the other.
// Knows neither HTTP nor how a layer came to be.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/slot_pool.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/tls/engine.hpp"
#include "s3pager/tls/error.hpp"
#include "s3pager/tls/in_place.hpp"
#include "s3pager/tls/session_cache.hpp"
#include "s3pager/tls/step.hpp"

namespace s3pager::net {

/// Memory that is received into outside the window: lists, refusals, handshakes. Counted, as an operation keeps it.
class receive_buffer final : public counted {
 public:
  static constexpr std::size_t capacity = 64 * 1024;
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {bytes_.get(), capacity}; }

 private:
  std::unique_ptr<std::byte[]> bytes_ = std::make_unique_for_overwrite<std::byte[]>(capacity);
};

/// What was received, in plaintext.
struct plain_bytes {
  std::span<const std::byte> bytes = {};  ///< may be none though something was received
  bool ended = false;                     ///< no more will come
  std::error_code error = {};             ///< the bytes are good all the same
};

/// Movable. One thread's.
class stream {
 public:
  static constexpr std::size_t most_layers = 2;

  explicit stream(ring::socket socket) noexcept : socket_(std::move(socket)) {}

  [[nodiscard]] const ring::socket& socket() const noexcept { return socket_; }
  /// Another layer of TLS, whose handshake is done, within those that there are.
  void add_layer(std::unique_ptr<tls::engine> engine) noexcept {
    assert(count_ < most_layers);
    layers_[count_++] = std::move(engine);
  }
  [[nodiscard]] std::size_t layers() const noexcept { return count_; }
  /// The innermost one; none of a plain stream.
  [[nodiscard]] const tls::engine* security() const noexcept { return count_ == 0 ? nullptr : layers_[count_ - 1].get(); }

  /// What has to lie free before the place that is received into.
  [[nodiscard]] std::size_t lead_bytes() const noexcept { return count_ * tls::record_lead; }
  /// How much has to be received for so many bytes, about.
  [[nodiscard]] std::uint64_t wire_size(std::uint64_t plaintext) const noexcept { return tls::wire_size(plaintext, count_); }

  /// Starts sending all of `bytes`, at most 18 KiB, which `keep` keeps alive; sent() is to be called when it has ended well, and before
  /// the next one. Throws error: whatever broke TLS.
  [[nodiscard]] ring::operation_owner start_send(std::span<const std::byte> bytes, ref<counted> keep) {
    for (std::size_t i = count_; i-- > 0;) {
      tls::engine& through = *layers_[i];
      const tls::step done = through.write(bytes);
      if (done.kind == tls::step_kind::error) throw error(done.error, through.failure_text());
      if (done.consumed != bytes.size()) throw error(errno_code(ENOBUFS), "more is to be sent at once than TLS has room for");
      if (i + 1 < count_) layers_[i + 1]->sent(bytes.size());
      bytes = through.outgoing();
      keep = ref<counted>(through.out());
    }
    sending_ = bytes.size();
    return socket_.start_send(bytes, std::move(keep));
  }
  void sent() noexcept {
    if (count_ > 0) layers_[0]->sent(sending_);
    sending_ = 0;
  }

  /// Receives into `buffer`, behind the lead: to be opened.
  [[nodiscard]] ring::io_awaiter receive(const ref<receive_buffer>& buffer, time_point deadline,
                                         ring::operation_owner* request = nullptr) const {
    return socket_.receive(buffer->bytes().subspan(lead_bytes()), ref<counted>(buffer), deadline, request);
  }
  /// What such a receive of `size` bytes brought; of none the end.
  [[nodiscard]] plain_bytes open(receive_buffer& buffer, std::size_t size) noexcept {
    if (size == 0) return {.ended = true, .error = on_eof()};
    const opened made = open_in_place(buffer.bytes().first(lead_bytes() + size));
    return {.bytes = buffer.bytes().subspan(made.offset, made.size), .ended = ended(), .error = made.error};
  }
  /// The same of slots, which have a lead that is long enough. They are kept, though there be no plaintext.
  [[nodiscard]] std::error_code open(ring::slot_span& received) noexcept {
    if (count_ == 0 || received.size() == 0) return {};
    assert(received.offset() >= lead_bytes());
    const std::size_t begin = received.offset() - lead_bytes();
    const opened made = open_in_place(received.memory().subspan(begin, lead_bytes() + received.size()));
    received.place(begin + made.offset, made.size);
    return made.error;
  }
  /// The transport ended: nothing if that is an orderly end, else that it was cut off, which plain TCP can't tell.
  [[nodiscard]] std::error_code on_eof() noexcept {
    // Where a layer has ended, it speaks for those around it: they only carried it.
    for (std::size_t i = ended_ ? ended_at_ + 1 : 0; i < count_; ++i)
      if (const tls::step last = layers_[i]->on_eof(); last.kind == tls::step_kind::error) return last.error;
    return {};
  }
  /// A layer's close_notify has come: nothing follows, though the socket be open.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Whether nothing has come that nobody asked for, and the peer is there: of a stream that is idle. What is TLS's own is taken in.
  [[nodiscard]] bool is_silent() noexcept {
    if (count_ == 0) {
      std::byte unasked{};
      return would_block(::recv(socket_.fd(), &unasked, 1, MSG_PEEK | MSG_DONTWAIT));
    }
    std::array<std::byte, most_layers * tls::record_lead + 4096> memory;
    for (;;) {
      const ssize_t got = ::recv(socket_.fd(), memory.data() + lead_bytes(), memory.size() - most_layers * tls::record_lead, MSG_DONTWAIT);
      if (got <= 0) return would_block(got);
      const opened made = open_in_place(std::span(memory).first(lead_bytes() + static_cast<std::size_t>(got)));
      if (made.error || made.size > 0 || ended_) return false;
    }
  }
  /// Tells the peer, who may be gone, that nothing follows. Nothing may be sent after it.
  void say_goodbye() noexcept {
    if (count_ != 1 || layers_[0]->close().kind != tls::step_kind::done) return;
    const std::span<const std::byte> last = layers_[0]->outgoing();
    if (!last.empty()) static_cast<void>(::send(socket_.fd(), last.data(), last.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  /// Whether its layers will carry another request.
  [[nodiscard]] bool reusable() const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (!layers_[i]->open() || layers_[i]->plaintext_waiting()) return false;
    return true;
  }

  /// Moves the sessions that have come into `into`.
  void give_sessions(tls::session_cache& into) {
    for (std::size_t i = 0; i < count_; ++i) into.keep(layers_[i]->take_session());
  }

  /// What TLS says of `why`; the code's own words if it is not of TLS.
  [[nodiscard]] std::string words_for(std::error_code why) const {
    for (std::size_t i = 0; why.category() == tls::tls_category() && i < count_; ++i)
      if (std::string text = layers_[i]->failure_text(); !text.empty()) return text;
    return why.message();
  }

 private:
  struct opened {
    std::size_t offset = 0;  // in the memory
    std::size_t size = 0;
    std::error_code error = {};
  };

  /// Of memory that begins with the lead. Each layer's plaintext begins one record_lead before what it took.
  [[nodiscard]] opened open_in_place(std::span<std::byte> memory) noexcept {
    opened made{.offset = lead_bytes(), .size = memory.size() - lead_bytes()};
    for (std::size_t i = 0; i < count_; ++i) {
      made.offset -= tls::record_lead;
      const tls::step next = tls::read_in_place(*layers_[i], memory.subspan(made.offset, tls::record_lead + made.size));
      made.size = next.produced;
      if (next.kind == tls::step_kind::end && !std::exchange(ended_, true)) ended_at_ = i;
      if (!made.error) made.error = next.error;
      // What TLS itself has to say (a refused renegotiation) goes with the next request: there is always room for that.
      if (next.kind == tls::step_kind::need_output && !made.error) made.error = tls::tls_error::internal;
    }
    // The end of an outer one is that of those within.
    if (ended_ && !made.error) made.error = on_eof();
    return made;
  }

  [[nodiscard]] static bool would_block(ssize_t result) noexcept { return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK); }

  ring::socket socket_;
  std::array<std::unique_ptr<tls::engine>, most_layers> layers_;  // outermost first
  std::size_t count_ = 0;
  std::size_t sending_ = 0;
  bool ended_ = false;
  std::size_t ended_at_ = 0;  // the outermost that did
};

}  // namespace s3pager::net
