// Addresses of loopback, of which one listens and answers nobody, and one refuses. Knows no reactor.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "s3pager/base/unique_fd.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::test {

/// 127.0.0.`last`.
[[nodiscard]] inline ring::socket_address loopback(std::uint8_t last, std::uint16_t port) noexcept {
  ring::socket_address made = ring::socket_address::loopback(port);
  reinterpret_cast<std::uint8_t*>(&reinterpret_cast<sockaddr_in*>(&made.storage)->sin_addr)[3] = last;
  return made;
}
/// [::1].
[[nodiscard]] inline ring::socket_address loopback6(std::uint16_t port) noexcept {
  ring::socket_address made;
  auto& in = *reinterpret_cast<sockaddr_in6*>(&made.storage);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  in.sin6_addr = in6addr_loopback;
  made.size = sizeof(sockaddr_in6);
  return made;
}

/// Listens at `at`, whose port is picked free if it is 0, and accepts nothing.
class hanging_listener {
 public:
  explicit hanging_listener(const ring::socket_address& at) : listener_(opened(at.family())), address_(at) {
    if (::bind(listener_.get(), raw(address_), address_.size) != 0 || ::listen(listener_.get(), 0) != 0 ||
        ::getsockname(listener_.get(), raw(address_), &address_.size) != 0)
      throw std::runtime_error("a listener");
    // Until one is not let in.
    for (;;) {
      unique_fd next = opened(at.family(), SOCK_NONBLOCK);
      const bool waits = ::connect(next.get(), raw(address_), address_.size) != 0;
      if (waits && errno != EINPROGRESS) throw std::runtime_error("filling a listener's queue");
      taken_.push_back(std::move(next));
      if (waits) break;
    }
  }
  [[nodiscard]] const ring::socket_address& address() const noexcept { return address_; }

 private:
  static unique_fd opened(int family, int more = 0) {
    unique_fd made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | more, 0));
    if (!made) throw std::runtime_error("a socket");
    return made;
  }
  static sockaddr* raw(ring::socket_address& of) noexcept { return reinterpret_cast<sockaddr*>(&of.storage); }

  unique_fd listener_;
  ring::socket_address address_;
  std::vector<unique_fd> taken_;
};

/// An address at which nobody listens.
class refusing_address {
 public:
  explicit refusing_address(const ring::socket_address& at) : fd_(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)), address_(at) {
    // Bound, so that nobody else is given the port.
    if (!fd_ || ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address_.storage), address_.size) != 0 ||
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address_.storage), &address_.size) != 0)
      throw std::runtime_error("a port");
  }
  [[nodiscard]] const ring::socket_address& address() const noexcept { return address_; }

 private:
  unique_fd fd_;
  ring::socket_address address_;
};

}  // namespace s3pager::test
