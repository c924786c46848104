// One client's connection to an origin: reads requests and sends answers, as fast, as late and as far as it is told to.
// Knows neither buckets nor signatures: what to answer is decided elsewhere.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/testing/answer.hpp"
#include "s3pager/testing/behaviour.hpp"

namespace s3pager::testing {

/// What an origin has done so far. Any thread may read.
struct origin_counters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> connections_accepted{0};
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> bytes_sent{0};  ///< heads and framing too
};

struct connection_options {
  duration first_byte_delay{0};
  duration idle_timeout{0};
  std::uint64_t bytes_per_second = 0;
  std::uint64_t requests_per_connection = 0;
  std::size_t send_bytes = 0;
  std::size_t list_chunk_bytes = 0;
};

/// Decides what to answer.
class request_handler {
 public:
  struct decision {
    answer what;
    behaviour how;
    std::string request_id;
    std::string host_id;
    std::string date;
  };
  [[nodiscard]] virtual decision decide(const http::request_parser& request) = 0;

 protected:
  ~request_handler() = default;
};

/// Serves one connection until either side ends it: `co_await connection.serve()`. What it is given must outlive it.
class connection {
 public:
  connection(ring::socket peer, const connection_options& options, request_handler& handler, origin_counters& counters)
      : peer_(std::move(peer)), options_(options), handler_(handler), counters_(counters) {
    counters_.connections_open.fetch_add(1, std::memory_order_relaxed);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { counters_.connections_open.fetch_sub(1, std::memory_order_relaxed); }

  [[nodiscard]] task<> serve() {
    for (std::uint64_t served = 1; co_await read_head(); ++served) {
      request_handler::decision made = handler_.decide(parser_);
      const bool last = made.how.close || !parser_.keep_alive() || parser_.content_remaining() != 0 ||
                        served == options_.requests_per_connection;
      if (!co_await send_answer(std::move(made), last) || last) co_return;
    }
  }

 private:
  struct input_block final : counted {
    std::byte bytes[16 * 1024];
  };
  struct text_block final : counted {
    explicit text_block(std::string from) noexcept : text(std::move(from)) {}
    std::string text;
  };

  /// False: the client left, or what it sent is no request.
  [[nodiscard]] task<bool> read_head() {
    parser_.reset();
    for (;;) {
      const http::step next = parser_.feed(unread_);
      unread_ = unread_.subspan(next.consumed);
      if (next.kind == http::step_kind::head) co_return true;
      if (next.kind == http::step_kind::error) {
        co_await send_text("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        co_return false;
      }
      // The parser keeps a head that came in pieces; nothing points into the block here.
      const time_point deadline =
          options_.idle_timeout.count() == 0 ? no_deadline : after(peer_.loop().now(), options_.idle_timeout);
      const ring::io_result got = co_await peer_.receive(input_->bytes, input_, deadline);
      if (got.error || got.bytes == 0) co_return false;
      unread_ = std::span<const std::byte>(input_->bytes).first(got.bytes);
    }
  }

  /// False: nothing more can be sent on this connection.
  [[nodiscard]] task<bool> send_answer(request_handler::decision made, bool last) {
    how_ = made.how;
    if (how_.cut_head) co_return false;
    if (how_.stall_head) co_await stall();
    const duration delay = options_.first_byte_delay + how_.delay;
    if (delay.count() > 0 && co_await ring::sleep_until(peer_.loop(), after(peer_.loop().now(), delay))) co_return false;

    answer& what = made.what;
    const bool head_only = parser_.method() == "HEAD";
    if (what.error) {
      what.text = error_body(what.error, made.request_id, made.host_id);
      detail::append_field(what.fields, "Content-Type", "application/xml");
    }
    const bool chunked = what.list && options_.list_chunk_bytes != 0 && parser_.minor_version() >= 1;
    const std::uint64_t length = what.object ? what.length : what.text.size();
    std::string head = "HTTP/1.1 " + std::to_string(what.status) + ' ' + std::string(reason_phrase(what.status)) + "\r\n";
    detail::append_field(head, "x-amz-id-2", made.host_id);
    detail::append_field(head, "x-amz-request-id", made.request_id);
    detail::append_field(head, "Date", made.date);
    detail::append_field(head, "Server", "s3pager-origin");
    head += what.fields;
    if (chunked) detail::append_field(head, "Transfer-Encoding", "chunked");
    else if (what.status != 304) detail::append_field(head, "Content-Length", std::to_string(length));
    if (last) detail::append_field(head, "Connection", "close");
    head += "\r\n";
    if (head_only || what.status == 304) co_return co_await send_text(std::move(head));
    if (chunked) what.text = in_chunks(what.text);

    // Small answers go out in one piece, as large as a client may expect one to be.
    const bool plain = how_.stall_at == behaviour::never && how_.cut_at == behaviour::never &&
                       options_.bytes_per_second == 0;
    constexpr std::uint64_t small = 32 * 1024;
    if (plain && !what.object && what.text.size() <= small) co_return co_await send_text(head + what.text);
    if (plain && what.object && what.length <= small) {
      for (std::uint64_t done = 0; done < what.length;) {
        const body_piece piece = co_await read_piece(what, done);
        if (piece.bytes.empty()) co_return false;
        head += as_chars(piece.bytes);
        done += piece.bytes.size();
      }
      co_return co_await send_text(std::move(head));
    }
    if (!co_await send_text(std::move(head))) co_return false;
    begin_body();
    if (!what.object) {
      const auto body = make_ref<text_block>(std::move(what.text));
      co_return co_await send_body(as_byte_span(body->text), body) && !cut();
    }
    for (std::uint64_t done = 0; done < what.length;) {
      const body_piece piece = co_await read_piece(what, done);
      if (piece.bytes.empty() || !co_await send_body(piece.bytes, piece.keep)) co_return false;
      done += piece.bytes.size();
    }
    co_return !cut();
  }

  [[nodiscard]] task<body_piece> read_piece(const answer& what, std::uint64_t done) const {
    return what.object->read(what.offset + done,
                             static_cast<std::size_t>(std::min<std::uint64_t>(what.length - done, options_.send_bytes)));
  }

  void begin_body() noexcept {
    body_sent_ = 0;
    body_began_ = peer_.loop().now();
  }
  [[nodiscard]] bool cut() const noexcept { return body_sent_ >= how_.cut_at; }

  [[nodiscard]] task<> stall() {
    if (how_.gate != nullptr) {
      co_await how_.gate->wait();
      co_return;
    }
    coro::event never;
    co_await never.wait();
  }

  /// Sends a part of the body, at the rate and up to the stall and the cut that were asked for. False: no more.
  [[nodiscard]] task<bool> send_body(std::span<const std::byte> bytes, ref<counted> keep) {
    const std::uint64_t rate = options_.bytes_per_second;
    while (!bytes.empty()) {
      if (cut()) co_return false;
      if (body_sent_ == how_.stall_at) {
        how_.stall_at = behaviour::never;
        co_await stall();
      }
      std::uint64_t size = std::min<std::uint64_t>({bytes.size(), options_.send_bytes, how_.cut_at - body_sent_});
      if (how_.stall_at > body_sent_) size = std::min(size, how_.stall_at - body_sent_);
      // Sent in steps of 20 ms or more: smooth enough, without a timer a packet.
      if (rate != 0) size = std::min(size, std::max<std::uint64_t>(rate / 50, 1));
      const auto piece = bytes.first(static_cast<std::size_t>(size));
      if (!co_await send_all(piece, keep)) co_return false;
      bytes = bytes.subspan(piece.size());
      body_sent_ += size;
      if (rate == 0) continue;
      const auto nanoseconds = static_cast<std::int64_t>(static_cast<double>(body_sent_) * 1e9 / static_cast<double>(rate));
      if (co_await ring::sleep_until(peer_.loop(), after(body_began_, duration(nanoseconds)))) co_return false;
    }
    co_return true;
  }

  [[nodiscard]] task<bool> send_text(std::string text) {
    const auto block = make_ref<text_block>(std::move(text));
    co_return co_await send_all(as_byte_span(block->text), block);
  }

  [[nodiscard]] task<bool> send_all(std::span<const std::byte> bytes, ref<counted> keep) {
    while (!bytes.empty()) {
      const ring::io_result sent = co_await peer_.send(bytes, keep, no_deadline);
      counters_.bytes_sent.fetch_add(sent.bytes, std::memory_order_relaxed);
      if (sent.error || sent.bytes == 0) co_return false;
      bytes = bytes.subspan(sent.bytes);
    }
    co_return true;
  }

  [[nodiscard]] std::string in_chunks(std::string_view text) const {
    std::string out;
    out.reserve(text.size() + text.size() / options_.list_chunk_bytes * 16 + 32);
    static constexpr char digits[] = "0123456789abcdef";
    while (!text.empty()) {
      const std::size_t size = std::min(text.size(), options_.list_chunk_bytes);
      int shift = 60;
      while ((size >> shift) == 0) shift -= 4;
      for (; shift >= 0; shift -= 4) out += digits[size >> shift & 15];
      out.append("\r\n").append(text.substr(0, size)).append("\r\n");
      text.remove_prefix(size);
    }
    return out += "0\r\n\r\n";
  }

  ring::socket peer_;
  const connection_options& options_;
  request_handler& handler_;
  origin_counters& counters_;
  http::request_parser parser_;
  ref<input_block> input_ = make_ref<input_block>();
  std::span<const std::byte> unread_;
  behaviour how_;                    ///< of the answer that is being sent
  std::uint64_t body_sent_ = 0;      ///< likewise
  time_point body_began_{};          ///< likewise
};

}  // namespace s3pager::testing
