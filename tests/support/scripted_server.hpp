// A server that answers with bytes as they are given: what no real server would send, cut where a test wants it cut.
// Knows of HTTP only where a request ends.
#pragma once

#include <sys/socket.h>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/next_turn.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "support/drive.hpp"

namespace s3pager::test {

/// What happens to a connection after an answer.
enum class afterwards : std::uint8_t {
  go_on,  ///< the next request is waited for
  close,
  reset,  ///< closed with an RST
};

struct scripted_answer {
  std::vector<std::string> segments = {};  ///< sent one by one, some turns apart
  afterwards then = afterwards::go_on;
};

/// Answers the first request on connection C with `answers[C][0]`, and so on; a request without an answer is never answered. Or as a
/// function of the request says.
class scripted_server {
 public:
  using responder = std::function<scripted_answer(const std::string& request)>;

  scripted_server(ring::reactor& loop, std::vector<std::vector<scripted_answer>> answers)
      : scripted_server(loop, std::move(answers), {}) {}
  template <std::invocable<const std::string&> Responder>
  scripted_server(ring::reactor& loop, Responder answer) : scripted_server(loop, {}, responder(std::move(answer))) {}
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// The requests, with their bodies, in the order in which they were read whole.
  [[nodiscard]] const std::vector<std::string>& requests() const noexcept { return requests_; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  /// Connections that the peer has closed.
  [[nodiscard]] std::size_t hung_up() const noexcept { return hung_up_; }

 private:
  scripted_server(ring::reactor& loop, std::vector<std::vector<scripted_answer>> answers, responder answer)
      : loop_(loop), answers_(std::move(answers)), responder_(std::move(answer)) {
    if (const auto failed = ring::socket::listen(loop, ring::socket_address::loopback(0), 64, listener_))
      throw error(failed, "listening");
    port_ = listener_.local_address().port();
    serving_ = std::make_unique<root<>>(loop.ready(), serve());
  }

  struct text_block final : counted {
    explicit text_block(std::string from) noexcept : text(std::move(from)) {}
    std::string text;
  };
  struct buffer final : counted {
    std::byte bytes[16 * 1024];
  };

  static std::size_t body_size(std::string_view head) {
    constexpr std::string_view field = "\r\nContent-Length: ";
    const std::size_t at = head.find(field);
    return at == std::string_view::npos ? 0 : std::stoul(std::string(head.substr(at + field.size(), 8)));
  }

  task<> serve() {
    coro::scope peers(co_await coro::this_context());
    for (;;) {
      ring::accept_result accepted = co_await listener_.accept(no_deadline);
      if (accepted.error) co_return;
      peers.spawn(talk(std::move(accepted.peer), connections_++));
    }
  }

  task<> talk(ring::socket peer, std::size_t index) {
    const auto memory = make_ref<buffer>();
    std::string unread;
    for (std::size_t next = 0;; ++next) {
      std::size_t end = 0;
      while ((end = unread.find("\r\n\r\n")) == std::string::npos) {
        const ring::io_result got = co_await peer.receive(memory->bytes, memory, no_deadline);
        if (got.error || got.bytes == 0) {
          ++hung_up_;
          peer.reset();  // the frame stays until the scope looks after it
          co_return;
        }
        unread += as_chars(std::span<const std::byte>(memory->bytes).first(got.bytes));
      }
      end += 4 + body_size(std::string_view(unread).substr(0, end));
      while (unread.size() < end) {
        const ring::io_result got = co_await peer.receive(memory->bytes, memory, no_deadline);
        if (got.error || got.bytes == 0) co_return;
        unread += as_chars(std::span<const std::byte>(memory->bytes).first(got.bytes));
      }
      requests_.push_back(unread.substr(0, end));
      unread.erase(0, end);
      const bool scripted = index < answers_.size() && next < answers_[index].size();
      if (!scripted && !responder_) continue;
      const scripted_answer how = scripted ? answers_[index][next] : responder_(requests_.back());
      for (std::size_t i = 0; i < how.segments.size(); ++i) {
        // What was sent before is the peer's by then; if it were not, the pieces would only be fewer.
        for (int turns = 0; i > 0 && turns < 4; ++turns) co_await ring::next_turn(loop_);
        const auto block = make_ref<text_block>(how.segments[i]);
        const ring::io_result sent = co_await peer.send(as_byte_span(block->text), block, no_deadline);
        if (sent.error) co_return;
      }
      if (how.then == afterwards::reset) {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      }
      if (how.then == afterwards::go_on) continue;
      peer.reset();
      co_return;
    }
  }

  ring::reactor& loop_;
  std::vector<std::vector<scripted_answer>> answers_;
  responder responder_;
  ring::socket listener_;
  std::uint16_t port_ = 0;
  std::vector<std::string> requests_;
  std::size_t connections_ = 0;
  std::size_t hung_up_ = 0;
  std::unique_ptr<root<>> serving_;
};

/// `text` in two segments, of which none is empty.
[[nodiscard]] inline std::vector<std::string> split_at(std::string_view text, std::size_t at) {
  std::vector<std::string> made;
  if (at > 0) made.emplace_back(text.substr(0, at));
  if (at < text.size()) made.emplace_back(text.substr(at));
  return made;
}

}  // namespace s3pager::test
