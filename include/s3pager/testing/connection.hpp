// One client's connection to an origin: reads requests and sends answers, as fast, as late and as far as it is told to.
// Knows neither buckets nor signatures: what to answer is decided elsewhere.
#pragma once

#include <sys/socket.h>

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
#include "s3pager/coro/task.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/testing/answer.hpp"
#include "s3pager/testing/answer_sender.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "s3pager/testing/checksums.hpp"
#include "s3pager/testing/faulty_text.hpp"
#include "s3pager/testing/traffic.hpp"

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
  traffic* shared = nullptr;  ///< with other connections
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
  [[nodiscard]] virtual checksum_source& checksums() noexcept = 0;

 protected:
  ~request_handler() = default;
};

/// Closing it sends an RST.
inline void reset_on_close(const ring::socket& peer) noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

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
      if (std::exchange(closes_on_next_, false)) co_return;
      request_handler::decision made = handler_.decide(parser_);
      const bool last = made.how.close || !parser_.keep_alive() || parser_.content_remaining() != 0 ||
                        served == options_.requests_per_connection;
      const bool whole = co_await send_answer(std::move(made), last);
      if (how_.deaf && whole) co_return co_await until_closed();
      if (!whole) co_return co_await end_as(how_.cut);
      if (last || how_.close_silently) co_return;
      closes_on_next_ = how_.close_on_next;
    }
  }

 private:
  struct input_block final : counted {
    std::byte bytes[16 * 1024];
  };

  /// False: the client left, or what it sent is no request.
  [[nodiscard]] task<bool> read_head() {
    parser_.reset();
    for (;;) {
      const http::step next = parser_.feed(unread_);
      unread_ = unread_.subspan(next.consumed);
      if (next.kind == http::step_kind::head) co_return true;
      if (next.kind == http::step_kind::error) {
        how_ = {};
        answer_sender out(peer_, how_, 0, options_.send_bytes, counters_.bytes_sent);
        co_await out.send_text("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
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

  /// False: the answer ends here, and the connection with it.
  [[nodiscard]] task<bool> send_answer(request_handler::decision made, bool last) {
    how_ = made.how;
    if (how_.cut_head) co_return false;
    answer_sender out(peer_, how_, options_.bytes_per_second, options_.send_bytes, counters_.bytes_sent, options_.shared);
    if (how_.stall_head && !co_await out.stall()) co_return false;
    const duration delay = options_.first_byte_delay + how_.delay;
    if (delay.count() > 0 && co_await ring::sleep_until(peer_.loop(), after(peer_.loop().now(), delay))) co_return false;
    const bool endless_object = how_.without_end == endless::chunks && made.what.object;
    if (how_.without_end != endless::nothing && !endless_object) {
      co_await send_without_end(out, text_without_end(how_.without_end, made.what.list));
      co_return false;
    }
    for (std::uint64_t i = 0; i < how_.informational; ++i)
      if (!co_await out.send_text("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;

    answer& what = made.what;
    const bool head_only = parser_.method() == "HEAD";
    if (what.error) {
      what.text = error_body(what.error, made.request_id, made.host_id);
      detail::append_field(what.fields, "Content-Type", "application/xml");
    }
    if (what.object && !what.checked_as.empty()) {
      const std::string sums = co_await handler_.checksums().fields(*what.object, std::move(what.checked_as), what.offset,
                                                                    what.length, what.object_size, what.status == 206);
      what.fields += sums;
    }
    const bool chunked =
        endless_object || (what.list && options_.list_chunk_bytes != 0 && parser_.minor_version() >= 1);
    std::string head = head_of(made, chunked, last);
    const bool no_body = head_only || what.status == 304;
    if (how_.wrap) wrap_places(head.size() + (no_body ? 0 : what.object ? what.length : what.text.size()));
    if (no_body) co_return co_await out.send_text(std::move(head)) && !out.cut();
    if (endless_object) co_return co_await send_object_without_end(out, what, std::move(head));
    if (chunked) what.text = in_chunks(what.text);

    // Small answers go out in one piece, as large as a client may expect one to be.
    constexpr std::uint64_t small = 32 * 1024;
    const std::uint64_t length = what.object ? what.length : what.text.size();
    if (out.plain() && length <= small) {
      head += what.text;
      for (std::uint64_t done = 0; what.object && done < length;) {
        const body_piece piece = co_await read_piece(what, done);
        if (piece.bytes.empty()) co_return false;
        head += as_chars(piece.bytes);
        done += piece.bytes.size();
      }
      head += how_.extra;
      co_return co_await out.send_text(std::move(head));
    }
    if (!co_await out.send_text(std::move(head))) co_return false;
    out.begin_body(length);
    if (!what.object) {
      const auto body = make_ref<text_block>(std::move(what.text));
      if (!co_await out.send_body(as_byte_span(body->text), body)) co_return false;
    }
    for (std::uint64_t done = 0; what.object && done < length;) {
      const body_piece piece = co_await read_piece(what, done);
      if (piece.bytes.empty() || !co_await out.send_body(piece.bytes, piece.keep)) co_return false;
      done += piece.bytes.size();
    }
    if (out.cut()) co_return false;
    co_return how_.extra.empty() || co_await out.send_text(std::string(how_.extra));
  }

  [[nodiscard]] std::string head_of(const request_handler::decision& made, bool chunked, bool last) const {
    const answer& what = made.what;
    std::string head = "HTTP/1.1 " + std::to_string(what.status) + ' ' + std::string(reason_phrase(what.status)) + "\r\n";
    detail::append_field(head, "x-amz-id-2", made.host_id);
    detail::append_field(head, "x-amz-request-id", made.request_id);
    detail::append_field(head, "Date", made.date);
    detail::append_field(head, "Server", "s3pager-origin");
    head += what.fields;
    if (how_.retry_after.count() != 0) detail::append_field(head, "Retry-After", std::to_string(how_.retry_after.count()));
    if (!how_.location.empty()) detail::append_field(head, "Location", how_.location);
    if (!how_.region.empty()) detail::append_field(head, "x-amz-bucket-region", how_.region);
    if (chunked) {
      detail::append_field(head, "Transfer-Encoding", "chunked");
    } else if (what.status != 304) {
      const auto length = static_cast<std::int64_t>(what.object ? what.length : what.text.size());
      detail::append_field(head, "Content-Length", std::to_string(std::max<std::int64_t>(length + how_.length_off, 0)));
    }
    if (last) detail::append_field(head, "Connection", "close");
    return head += "\r\n";
  }

  void wrap_places(std::uint64_t length) noexcept {
    for (std::uint64_t* const place : {&how_.stall_answer_at, &how_.cut_answer_at, &how_.slow_at})
      if (*place != behaviour::never) *place %= length;
  }

  [[nodiscard]] static task<> send_without_end(answer_sender& out, endless_text text) {
    if (!text.begin.empty() && !co_await out.send_text(std::move(text.begin))) co_return;
    const auto again = make_ref<text_block>(std::move(text.again));
    while (co_await out.send_piece(as_byte_span(again->text), again)) {
    }
  }
  /// The object's bytes, and then more. False, when the client has had enough.
  [[nodiscard]] task<bool> send_object_without_end(answer_sender& out, const answer& what, std::string head) const {
    endless_text text = text_without_end(endless::chunks, false);
    text.begin = std::move(head);
    for (std::uint64_t done = 0; done < what.length;) {
      const body_piece piece = co_await read_piece(what, done);
      if (piece.bytes.empty()) co_return false;
      text.begin += detail::as_chunk(as_chars(piece.bytes));
      done += piece.bytes.size();
      if (!co_await out.send_text(std::exchange(text.begin, {}))) co_return false;
    }
    co_await send_without_end(out, std::move(text));
    co_return false;
  }

  [[nodiscard]] task<body_piece> read_piece(const answer& what, std::uint64_t done) const {
    return what.object->read(what.offset + done,
                             static_cast<std::size_t>(std::min<std::uint64_t>(what.length - done, options_.send_bytes)));
  }

  /// Ends the connection, but for the closing itself, which follows.
  [[nodiscard]] task<> end_as(cut_kind how) const {
    switch (how) {
      case cut_kind::close: break;
      case cut_kind::reset: reset_on_close(peer_); break;
      case cut_kind::half_close:
        ::shutdown(peer_.fd(), SHUT_WR);
        co_await until_closed();
        break;
    }
  }
  [[nodiscard]] task<> until_closed() const { return answer_sender::until_hung_up(peer_); }

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
  behaviour how_;  ///< of the answer that is being sent
  bool closes_on_next_ = false;
};

}  // namespace s3pager::testing
