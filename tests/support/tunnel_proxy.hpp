// A proxy that knows CONNECT alone, on the client's own reactor. Knows no TLS: a tls_front before it makes it one that is spoken to by that.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <set>
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
#include "s3pager/ring/operation.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/testing/answer_sender.hpp"

namespace s3pager::test {

/// Serves while serve() is awaited. Whatever host it is asked for, it connects to loopback.
class tunnel_proxy {
 public:
  explicit tunnel_proxy(ring::reactor& loop) : loop_(loop) {
    if (const auto failure = ring::socket::listen(loop, ring::socket_address::loopback(0), 1024, listener_))
      throw error(failure, "listening");
    port_ = listener_.local_address().port();
    mine_.insert(listener_.handle().get());
  }
  tunnel_proxy(const tunnel_proxy&) = delete;
  tunnel_proxy& operator=(const tunnel_proxy&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] bool owns(const ring::operation& what) const { return mine_.count(what.target.get()) != 0; }

  std::string answer = "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n";
  std::vector<std::string> heads = {};  ///< of the requests that came

  [[nodiscard]] task<> serve() {
    coro::scope tasks(co_await coro::this_context());
    for (;;) {
      ring::accept_result made = co_await listener_.accept(no_deadline);
      if (made.error == errno_code(ECANCELED)) co_return;
      if (!made.error) tasks.spawn(carry(std::move(made.peer)));
    }
  }

 private:
  struct block final : counted {
    std::byte bytes[32 * 1024];
  };
  struct pair {
    pair(tunnel_proxy& of, ring::socket from) : proxy(of), client(std::move(from)) { of.mine_.insert(client.handle().get()); }
    pair(const pair&) = delete;
    pair& operator=(const pair&) = delete;
    ~pair() {
      proxy.mine_.erase(client.handle().get());
      if (server) proxy.mine_.erase(server.handle().get());
    }
    tunnel_proxy& proxy;
    ring::socket client;
    ring::socket server;
  };

  [[nodiscard]] task<> carry(ring::socket from) {
    pair both(*this, std::move(from));
    const auto memory = make_ref<block>();
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ring::io_result got = co_await both.client.receive(memory->bytes, memory, no_deadline);
      if (got.error || got.bytes == 0) co_return;
      head += as_chars(std::span<const std::byte>(memory->bytes).first(got.bytes));
    }
    heads.push_back(head);
    const auto said = make_ref<testing::text_block>(answer);
    const bool agreed = answer.starts_with("HTTP/1.1 2");
    if (agreed) {
      std::uint16_t port = 0;
      const std::size_t end = head.find(' ', sizeof "CONNECT");
      const std::size_t colon = head.rfind(':', end);
      std::from_chars(head.data() + colon + 1, head.data() + end, port);
      if (ring::socket::open(loop_, AF_INET, both.server)) co_return;
      mine_.insert(both.server.handle().get());
      const ring::io_result connected = co_await both.server.connect(ring::socket_address::loopback(port), no_deadline);
      if (connected.error) co_return;
    }
    const ring::io_result sent = co_await both.client.send(as_byte_span(said->text), said, no_deadline);
    if (sent.error || !agreed) co_return;
    coro::scope ways(co_await coro::this_context());
    ways.spawn(copy(both.client, both.server, ways));
    ways.spawn(copy(both.server, both.client, ways));
    // What goes wrong here, or is stopped, is this pair's alone.
    try {
      co_await ways.join();
    } catch (const error&) {
    }
  }

  [[nodiscard]] task<> copy(const ring::socket& from, const ring::socket& to, coro::scope& ways) {
    const auto memory = make_ref<block>();
    for (;;) {
      const ring::io_result got = co_await from.receive(memory->bytes, memory, no_deadline);
      if (got.error || got.bytes == 0) break;
      const ring::io_result sent = co_await to.send(std::span<const std::byte>(memory->bytes).first(got.bytes), memory, no_deadline);
      if (sent.error) break;
    }
    ways.request_stop();
  }

  ring::reactor& loop_;
  ring::socket listener_;
  std::uint16_t port_ = 0;
  std::set<const void*> mine_;  // descriptors
};

}  // namespace s3pager::test
