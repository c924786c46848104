// What stands before a server and speaks TLS for it: accepts, decrypts and hands on, on the client's own reactor. Knows bytes only.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/semaphore.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/operation.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/testing/answer_sender.hpp"
#include "s3pager/testing/connection.hpp"
#include "support/tls_server.hpp"

namespace s3pager::test {

/// Serves while serve() is awaited, one upstream connection for each that comes. A reset from behind becomes one in front, an end an
/// orderly one. What it is given must outlive it.
class tls_front {
 public:
  tls_front(ring::reactor& loop, const tls_server_context& how, std::uint16_t target) : loop_(loop), how_(how), target_(target) {
    if (const auto failure = ring::socket::listen(loop, ring::socket_address::loopback(0), 1024, listener_))
      throw error(failure, "listening");
    port_ = listener_.local_address().port();
    mine_.insert(listener_.handle().get());
  }
  tls_front(const tls_front&) = delete;
  tls_front& operator=(const tls_front&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Whether an operation is one of its own.
  [[nodiscard]] bool owns(const ring::operation& what) const { return mine_.count(what.target.get()) != 0; }

  std::uint64_t accepted = 0;
  std::size_t open = 0;          ///< connections now
  std::uint64_t handshakes = 0;  ///< that were done
  std::uint64_t resumed = 0;     ///< of these
  std::uint64_t closed_in_order = 0;  ///< connections on which the client said close_notify
  bool truncates = false;        ///< ends without a close_notify

  [[nodiscard]] task<> serve() {
    coro::scope tasks(co_await coro::this_context());
    for (;;) {
      ring::accept_result made = co_await listener_.accept(no_deadline);
      if (made.error == errno_code(ECANCELED)) co_return;
      if (made.error) continue;
      ++accepted;
      tasks.spawn(carry(std::move(made.peer)));
    }
  }

 private:
  struct block final : counted {
    std::byte bytes[32 * 1024];
  };
  struct pair {
    pair(tls_front& of, ring::socket from) : front(of), client(std::move(from)), tls(of.how_) {
      of.mine_.insert(client.handle().get());
      ++of.open;
    }
    pair(const pair&) = delete;
    pair& operator=(const pair&) = delete;
    ~pair() {
      --front.open;
      front.mine_.erase(client.handle().get());
      if (server) front.mine_.erase(server.handle().get());
    }
    tls_front& front;
    ring::socket client;
    ring::socket server;
    tls_server tls;
    coro::semaphore sending{1};
    bool counted_in = false;
    bool closed = false;
  };

  [[nodiscard]] task<> carry(ring::socket from) {
    pair both(*this, std::move(from));
    if (ring::socket::open(loop_, AF_INET, both.server)) co_return;
    mine_.insert(both.server.handle().get());
    const ring::io_result connected = co_await both.server.connect(ring::socket_address::loopback(target_), no_deadline);
    if (connected.error) co_return;
    coro::scope ways(co_await coro::this_context());
    ways.spawn(up(both, ways));
    ways.spawn(down(both, ways));
    // What goes wrong here, or is stopped, is this pair's alone.
    try {
      co_await ways.join();
    } catch (const error&) {
    }
  }

  /// What TLS has for the client, in its order.
  [[nodiscard]] task<bool> flush(pair& both) {
    coro::permit turn = co_await both.sending.acquire();
    const auto out = make_ref<testing::text_block>(both.tls.take());
    if (out->text.empty()) co_return true;
    const ring::io_result sent = co_await both.client.send(as_byte_span(out->text), out, no_deadline);
    const bool whole = !sent.error && sent.bytes == out->text.size();
    co_return whole;
  }

  [[nodiscard]] task<> up(pair& both, coro::scope& ways) {
    const auto memory = make_ref<block>();
    for (;;) {
      const ring::io_result got = co_await both.client.receive(memory->bytes, memory, no_deadline);
      if (got.error || got.bytes == 0) break;
      both.tls.receive(std::span<const std::byte>(memory->bytes).first(got.bytes));
      both.tls.advance();
      const auto plain = make_ref<testing::text_block>(both.tls.established() ? both.tls.read() : std::string());
      if (both.tls.client_closed() && !std::exchange(both.closed, true)) ++closed_in_order;
      if (both.tls.established() && !std::exchange(both.counted_in, true)) {
        ++handshakes;
        if (::SSL_session_reused(both.tls.native()) == 1) ++resumed;
      }
      task<bool> flushing = flush(both);
      const bool flushed = co_await std::move(flushing);
      if (!flushed) break;
      if (plain->text.empty()) continue;
      const ring::io_result sent = co_await both.server.send(as_byte_span(plain->text), plain, no_deadline);
      if (sent.error) break;
    }
    ways.request_stop();
  }

  [[nodiscard]] task<> down(pair& both, coro::scope& ways) {
    const auto memory = make_ref<block>();
    for (;;) {
      const ring::io_result got = co_await both.server.receive(memory->bytes, memory, no_deadline);
      if (got.error == errno_code(ECANCELED)) co_return;
      if (got.error) {
        testing::reset_on_close(both.client);
        break;
      }
      if (got.bytes == 0 && truncates) break;
      if (got.bytes == 0)
        both.tls.close();
      else
        both.tls.write(as_chars(std::span<const std::byte>(memory->bytes).first(got.bytes)));
      task<bool> flushing = flush(both);
      const bool flushed = co_await std::move(flushing);
      if (!flushed || got.bytes == 0) break;
    }
    ways.request_stop();
  }

  ring::reactor& loop_;
  const tls_server_context& how_;
  std::uint16_t target_;
  ring::socket listener_;
  std::uint16_t port_ = 0;
  std::set<const void*> mine_;  // descriptors
};

}  // namespace s3pager::test
