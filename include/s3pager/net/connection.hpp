// One HTTP/1.1 connection: a stream, the buffer its requests are written into, and the parser of its answers.
// Knows neither S3 nor who shares connections.
#pragma once

#include <string.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/http/response_parser.hpp"
#include "s3pager/net/stream.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::net {

/// Where a request head is written. Counted: a send in the kernel's hands keeps it when the connection is gone.
class request_buffer final : public counted {
 public:
  /// A key of 1,024 bytes encoded (3,072), session token (up to 4 KiB), Authorization (up to 2 KiB), a caller's own headers (4 KiB) and
  /// others; or a presigned URL of 16 KiB and few headers.
  static constexpr std::size_t capacity = 18 * 1024;

  // Not defaulted, which would touch all of it.
  request_buffer() noexcept {}
  ~request_buffer() override { wipe(); }

  [[nodiscard]] std::span<char> bytes() noexcept { return bytes_; }
  /// The first so many must not be found in memory later: they are overwritten at the end, or now by wipe().
  void hold_secret(std::size_t bytes) noexcept { secret_bytes_ = bytes; }
  void wipe() noexcept {
    if (secret_bytes_ > 0) ::explicit_bzero(bytes_.data(), std::exchange(secret_bytes_, 0));
  }

 private:
  std::size_t secret_bytes_ = 0;
  std::array<char, capacity> bytes_;
};

/// A connected peer. One request at a time; not movable, as pools link it.
class connection final : public list_node {
 public:
  connection(ring::socket socket, const ring::socket_address& peer)
      : stream_(std::move(socket)), peer_(peer), out_(make_ref<request_buffer>()) {}

  [[nodiscard]] net::stream& stream() noexcept { return stream_; }
  [[nodiscard]] const ring::socket_address& peer() const noexcept { return peer_; }
  [[nodiscard]] http::response_parser& parser() noexcept { return parser_; }
  [[nodiscard]] const ref<request_buffer>& out() const noexcept { return out_; }

  /// Requests begun on it; more than one means that it was reused.
  [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }
  void request_began() noexcept {
    ++requests_;
    parser_.reset();
  }
  /// Since when nobody has used it; of a connection that is in a pool.
  [[nodiscard]] time_point idle_since() const noexcept { return idle_since_; }
  void idles_since(time_point now) noexcept { idle_since_ = now; }

  /// The last receive found nothing in the socket behind what it took, in this turn of its reactor.
  void was_drained(std::uint64_t turn) noexcept { drained_in_ = turn; }
  /// Whether the peer is there and has said nothing that nobody asked for; of an idle one. That is not asked again where it is used by
  /// the next one at once.
  [[nodiscard]] bool is_silent(std::uint64_t turn, time_point now) noexcept {
    return (drained_in_ == turn && now < after(idle_since_, std::chrono::milliseconds(1))) || stream_.is_silent();
  }
  /// Whether its answer was read whole, nothing is outstanding and the peer lets it live.
  [[nodiscard]] bool reusable() const noexcept {
    return parser_.keep_alive() && stream_.socket().handle()->reusable() && stream_.reusable();
  }

 private:
  net::stream stream_;
  ring::socket_address peer_;
  http::response_parser parser_;
  ref<request_buffer> out_;
  std::uint64_t requests_ = 0;
  time_point idle_since_{};
  std::uint64_t drained_in_ = 0;
};

}  // namespace s3pager::net
