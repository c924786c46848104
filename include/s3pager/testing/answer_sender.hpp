// Sends the bytes of one answer as fast, as late and as far as a behaviour has it. Knows bytes and their places, not what
// they say.
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "s3pager/testing/traffic.hpp"

namespace s3pager::testing {

/// Text that a send keeps alive.
struct text_block final : counted {
  explicit text_block(std::string from) noexcept : text(std::move(from)) {}
  std::string text;
};

/// What an answer is sent with. What it is given must outlive it.
class answer_sender {
 public:
  /// `body_rate`: bytes a second of the body; 0: no limit. `bytes_sent` counts what the kernel took. `shared` may be null.
  answer_sender(const ring::socket& peer, const behaviour& how, std::uint64_t body_rate, std::size_t send_bytes,
                std::atomic<std::uint64_t>& bytes_sent, traffic* shared = nullptr) noexcept
      : peer_(peer), how_(how), body_rate_(body_rate), send_bytes_(send_bytes), bytes_sent_(bytes_sent), shared_(shared) {}
  answer_sender(const answer_sender&) = delete;
  answer_sender& operator=(const answer_sender&) = delete;

  /// Whether the answer goes out as it is, so that its parts may be put together.
  [[nodiscard]] bool plain() const noexcept {
    return body_rate_ == 0 && !shares_rate() && how_.slow_rate == 0 && how_.stall_at == behaviour::never && how_.cut_at == behaviour::never &&
           how_.stall_answer_at == behaviour::never && how_.cut_answer_at == behaviour::never &&
           how_.flip_at == behaviour::never;
  }

  /// Sends some bytes that are no body. False: nothing more can be sent.
  [[nodiscard]] task<bool> send_text(std::string text) {
    const auto block = make_ref<text_block>(std::move(text));
    co_return co_await send(as_byte_span(block->text), block, false);
  }
  [[nodiscard]] task<bool> send_piece(std::span<const std::byte> bytes, ref<counted> keep) {
    return send(bytes, std::move(keep), false);
  }
  /// How long the body will be.
  void begin_body(std::uint64_t length) noexcept {
    if (how_.flip_at != behaviour::never && length > 0) flip_at_ = how_.flip_at % length;
  }
  [[nodiscard]] task<bool> send_body(std::span<const std::byte> bytes, ref<counted> keep) {
    return send(bytes, std::move(keep), true);
  }
  /// Whether the connection is to end here. To be asked when the body is sent, too.
  [[nodiscard]] bool cut() const noexcept { return sent_ >= how_.cut_answer_at || body_sent_ >= how_.cut_at; }

  /// Waits for the gate; without one until the client hangs up. False: it did.
  [[nodiscard]] task<bool> stall() {
    if (how_.gate != nullptr) {
      co_await how_.gate->wait();
      co_return true;
    }
    co_await until_hung_up(peer_);
    co_return false;
  }
  [[nodiscard]] static task<> until_hung_up(const ring::socket& peer) {
    static_cast<void>(co_await peer.poll(POLLRDHUP, no_deadline));
  }

 private:
  struct pace {
    std::uint64_t rate = 0;
    std::uint64_t sent = 0;
    time_point began{};
  };

  [[nodiscard]] task<bool> send(std::span<const std::byte> bytes, ref<counted> keep, bool body) {
    while (!bytes.empty()) {
      if (cut_here(body)) co_return false;
      if (stalls_here(body) && !co_await stall()) co_return false;
      const std::uint64_t rate = rate_here(body);
      const auto piece = bytes.first(static_cast<std::size_t>(next_size(bytes.size(), rate, body)));
      if (body && flip_at_ >= body_sent_ && flip_at_ - body_sent_ < piece.size()) {
        std::string other(as_chars(piece));
        other[static_cast<std::size_t>(flip_at_ - body_sent_)] ^= static_cast<char>(1 << flip_at_ % 8);
        const auto block = make_ref<text_block>(std::move(other));
        if (!co_await send_all(as_byte_span(block->text), block)) co_return false;
      } else if (!co_await send_all(piece, keep)) {
        co_return false;
      }
      bytes = bytes.subspan(piece.size());
      sent_ += piece.size();
      if (body) body_sent_ += piece.size();
      const bool shared = body && shares_rate();
      if (rate == 0 && !shared) continue;
      pace_.sent += piece.size();
      time_point next = rate == 0 ? pace_.began : after(pace_.began, part_of_second(pace_.sent, rate));
      if (shared) {
        const time_point through = shared_->sent(piece.size(), peer_.loop().now());
        // What a connection could not send for the others it does not make up for later.
        if (through > next) pace_ = {rate, 0, next = through};
      }
      if (co_await ring::sleep_until(peer_.loop(), next)) co_return false;
    }
    co_return true;
  }

  [[nodiscard]] bool shares_rate() const noexcept { return shared_ != nullptr && shared_->limits_bytes(); }
  [[nodiscard]] static duration part_of_second(std::uint64_t bytes, std::uint64_t rate) noexcept {
    return duration(static_cast<std::int64_t>(static_cast<double>(bytes) * 1e9 / static_cast<double>(rate)));
  }
  [[nodiscard]] bool cut_here(bool body) const noexcept {
    return sent_ >= how_.cut_answer_at || (body && body_sent_ >= how_.cut_at);
  }
  [[nodiscard]] bool stalls_here(bool body) noexcept {
    bool due = false;
    if (sent_ == how_.stall_answer_at && !std::exchange(stalled_, true)) due = true;
    if (body && body_sent_ == how_.stall_at && !std::exchange(body_stalled_, true)) due = true;
    return due;
  }
  /// Bytes a second at this place, whose pace begins where it is first met.
  [[nodiscard]] std::uint64_t rate_here(bool body) noexcept {
    const bool slow = how_.slow_rate != 0 && sent_ >= how_.slow_at && sent_ - how_.slow_at < how_.slow_bytes;
    const std::uint64_t rate = slow ? how_.slow_rate : body ? body_rate_ : 0;
    if (rate != pace_.rate) pace_ = {rate, 0, peer_.loop().now()};
    return rate;
  }
  [[nodiscard]] std::uint64_t next_size(std::uint64_t most, std::uint64_t rate, bool body) const noexcept {
    std::uint64_t size = std::min<std::uint64_t>(most, send_bytes_);
    const auto stop_at = [&size](std::uint64_t place, std::uint64_t here) {
      if (place > here) size = std::min(size, place - here);
    };
    stop_at(how_.cut_answer_at, sent_);
    stop_at(how_.stall_answer_at, sent_);
    if (body) {
      stop_at(how_.cut_at, body_sent_);
      stop_at(how_.stall_at, body_sent_);
    }
    if (how_.slow_rate != 0) {
      stop_at(how_.slow_at, sent_);
      if (how_.slow_bytes < behaviour::never - how_.slow_at) stop_at(how_.slow_at + how_.slow_bytes, sent_);
    }
    // Sent in steps of 20 ms or more: smooth enough, without a timer a packet.
    if (rate != 0) size = std::min(size, std::max<std::uint64_t>(rate / 50, 1));
    if (body && shares_rate()) size = std::min(size, std::max<std::uint64_t>(shared_->bytes_per_second() / 50, 1));
    return size;
  }

  [[nodiscard]] task<bool> send_all(std::span<const std::byte> bytes, ref<counted> keep) {
    while (!bytes.empty()) {
      const ring::io_result sent = co_await peer_.send(bytes, keep, no_deadline);
      bytes_sent_.fetch_add(sent.bytes, std::memory_order_relaxed);
      if (sent.error || sent.bytes == 0) co_return false;
      bytes = bytes.subspan(sent.bytes);
    }
    co_return true;
  }

  const ring::socket& peer_;
  const behaviour& how_;
  std::uint64_t body_rate_;
  std::size_t send_bytes_;
  std::atomic<std::uint64_t>& bytes_sent_;
  traffic* shared_;
  std::uint64_t sent_ = 0;
  std::uint64_t body_sent_ = 0;
  std::uint64_t flip_at_ = behaviour::never;
  bool stalled_ = false;
  bool body_stalled_ = false;
  pace pace_;
};

}  // namespace s3pager::testing
