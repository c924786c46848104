// TCP sockets on a reactor: connect, accept, send, receive into one's own memory or into granted slots.
// Knows addresses, not names; bytes, not HTTP.
#pragma once

#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::ring {

/// An IPv4 or IPv6 address and port, as the kernel wants it.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] std::uint16_t port() const noexcept {
    if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
    if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    return 0;
  }
  bool operator==(const socket_address& other) const noexcept {
    return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
  }
  [[nodiscard]] static socket_address loopback(std::uint16_t port) noexcept {
    socket_address made;
    auto& in = *reinterpret_cast<sockaddr_in*>(&made.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made.size = sizeof(sockaddr_in);
    return made;
  }
};

struct receive_result {
  std::error_code error = {};
  received bytes = {};  ///< nothing at the end of the stream
  bool drained = false;  ///< the socket held nothing more, when these had been taken (IORING_CQE_F_SOCK_NONEMPTY, Linux 5.19)
  operation_owner pending = {};  ///< patience ended first: the receive goes on, to be awaited again or dropped
};

class receive_awaiter final : public operation_awaiter {
 public:
  using operation_awaiter::operation_awaiter;
  [[nodiscard]] receive_result await_resume() noexcept {
    receive_result result;
    // Not what has come since patience ended.
    if (owner() && !owner().completed()) {
      result.pending = std::move(owner());
      return result;
    }
    result.error = take().error;
    if (owner()) {
      result.bytes = std::move(owner()->bytes);
      result.drained = (owner()->flags & IORING_CQE_F_SOCK_NONEMPTY) == 0;
    }
    owner().reset();
    return result;
  }
};

class accept_awaiter;

/// A TCP socket. Movable; dropping it abandons what is in flight and closes it once the kernel is done. Every awaited operation
/// ends by its deadline with ETIMEDOUT, on a stop with ECANCELED.
class socket {
 public:
  socket() noexcept = default;
  socket(reactor& loop, unique_fd fd) : loop_(&loop), descriptor_(make_ref<descriptor>(std::move(fd))) {}

  /// A fresh socket of the address family, TCP_NODELAY set. Errors: EMFILE, ENFILE, ENOBUFS, ENOMEM, EAFNOSUPPORT.
  [[nodiscard]] static std::error_code open(reactor& loop, int family, socket& out) {
    unique_fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return errno_code(errno);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    out = socket(loop, std::move(fd));
    return {};
  }

  /// A listening socket on `address`; port 0 picks a free one, `local_address()` tells which.
  [[nodiscard]] static std::error_code listen(reactor& loop, const socket_address& address, int backlog, socket& out) {
    unique_fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!fd) return errno_code(errno);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
        ::listen(fd.get(), backlog) != 0)
      return errno_code(errno);
    out = socket(loop, std::move(fd));
    return {};
  }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
  [[nodiscard]] int fd() const noexcept { return descriptor_->fd(); }
  [[nodiscard]] const ref<descriptor>& handle() const noexcept { return descriptor_; }
  [[nodiscard]] reactor& loop() const noexcept { return *loop_; }
  void reset() noexcept { descriptor_ = {}; }

  /// Has the kernel take some `bytes` from the peer ahead of what is received, from now on and not only when it has seen how fast that
  /// is taken; at most half of the greatest of net.ipv4.tcp_rmem. To be called once it is connected, as the scale of windows is agreed on
  /// by then. SO_RCVBUF would be capped at net.core.rmem_max, and end the kernel's own growing of the buffer (tcp(7)). A low-water
  /// mark has the buffer grow to what it needs (tcp_set_rcvlowat(), Linux 4.18), which it keeps when the mark is taken back.
  void widen_receive_window(int bytes) const noexcept {
    const int any = 1;
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVLOWAT, &any, sizeof any);
  }

  [[nodiscard]] socket_address local_address() const noexcept {
    socket_address address;
    address.size = sizeof address.storage;
    ::getsockname(fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
    return address;
  }

  [[nodiscard]] io_awaiter connect(const socket_address& address, time_point deadline) const {
    auto copy = make_ref<kept_address>(address);
    operation& what = make(operation_kind::connect);
    ::io_uring_prep_connect(&what.request(), fd(), reinterpret_cast<sockaddr*>(&copy->address.storage), copy->address.size);
    what.keep = std::move(copy);
    return io_awaiter(operation_owner(*loop_, what), deadline);
  }

  [[nodiscard]] inline accept_awaiter accept(time_point deadline) const;

  /// Starts sending all of `bytes`, which `keep` keeps alive, in the next turn: to be awaited with finish(), or dropped.
  [[nodiscard]] operation_owner start_send(std::span<const std::byte> bytes, ref<counted> keep) const {
    operation& what = make_send(bytes, std::move(keep));
    loop_->submit(what);
    return operation_owner(*loop_, what);
  }
  [[nodiscard]] static io_awaiter finish(operation_owner started, time_point deadline) noexcept {
    return io_awaiter(std::move(started), deadline);
  }

  /// Sends all of `bytes`; fewer only with an error.
  [[nodiscard]] io_awaiter send(std::span<const std::byte> bytes, ref<counted> keep, time_point deadline) const {
    return io_awaiter(operation_owner(*loop_, make_send(bytes, std::move(keep))), deadline);
  }

  /// Receives something into `into`, which `keep` keeps alive. Zero bytes: the end of the stream. Ends with the failure of
  /// `request`, a started send, if that has one.
  [[nodiscard]] io_awaiter receive(std::span<std::byte> into, ref<counted> keep, time_point deadline,
                                   operation_owner* request = nullptr) const {
    operation& what = make(operation_kind::receive);
    ::io_uring_prep_recv(&what.request(), fd(), into.data(), into.size(), 0);
    what.request().ioprio = IORING_RECVSEND_POLL_FIRST;
    what.keep = std::move(keep);
    return io_awaiter(operation_owner(*loop_, what), deadline, request);
  }

  /// Receives into slots: at most `most_bytes` (at least 1), and no more than the grant, which is not empty, has room for.
  /// `request` as above.
  [[nodiscard]] receive_awaiter receive(grant slots, std::size_t most_bytes, time_point deadline,
                                        operation_owner* request = nullptr) const {
    return finish_receive(prepare_receive(std::move(slots), most_bytes), deadline, request);
  }

  /// The same in two steps: nothing is submitted before the first finish_receive() is awaited. That one gives the operation back
  /// if nothing has come when `patience` ends, which no other deadline does, and then it is awaited with another.
  [[nodiscard]] operation_owner prepare_receive(grant slots, std::size_t most_bytes) const {
    assert(slots && most_bytes > 0);
    const buffer_pool& pool = *slots.pool();
    std::size_t size = std::min({most_bytes, slots.bytes(), std::size_t{1} << 30});
    std::uint16_t how = IORING_RECVSEND_POLL_FIRST;
    ref<taken_slots> taken;
    if (size > pool.receive_bytes() && !has(loop_->features(), feature::receive_bundle)) {
      const std::size_t wanted = (size + pool.receive_bytes() - 1) / pool.receive_bytes();
      taken = slots.pool()->take(std::min(static_cast<std::uint32_t>(wanted), slots.slots()));
    }
    operation& what = make(operation_kind::receive_slots);
    what.taken = std::move(taken);
    if (what.taken) {
      what.taken->limit(size);
      ::io_uring_prep_recvmsg(&what.request(), fd(), &what.taken->message(), 0);
    } else {
      if (size <= pool.receive_bytes() || !has(loop_->features(), feature::receive_bundle)) {
        size = std::min(size, pool.receive_bytes());
      } else {
        // A bundle that is filled whole goes on with whatever more the socket has, beyond its length. Not so where the last
        // buffer would have to be cut: that one is left out, and nothing comes after it. One of 256 buffers is whole again.
        how |= abi::recvsend_bundle;
        size = std::min<std::size_t>(size / pool.receive_bytes(), 255) * pool.receive_bytes() + 1;
      }
      ::io_uring_prep_recv(&what.request(), fd(), nullptr, size, 0);
      what.request().flags |= IOSQE_BUFFER_SELECT;
      what.request().buf_group = pool.group();
    }
    what.request().ioprio = how;
    what.slots = std::move(slots);
    return operation_owner(*loop_, what);
  }
  [[nodiscard]] static receive_awaiter finish_receive(operation_owner prepared, time_point deadline,
                                                      operation_owner* request = nullptr,
                                                      time_point patience = no_deadline) noexcept {
    return receive_awaiter(std::move(prepared), deadline, request, patience);
  }

  /// Waits until one of `events` (poll(2)) holds; the result's bytes are the events.
  [[nodiscard]] io_awaiter poll(short events, time_point deadline) const {
    operation& what = make(operation_kind::poll);
    ::io_uring_prep_poll_add(&what.request(), fd(), static_cast<unsigned>(events));
    return io_awaiter(operation_owner(*loop_, what), deadline);
  }

 private:
  struct kept_address final : counted {
    explicit kept_address(const socket_address& from) noexcept : address(from) {}
    socket_address address;
  };

  [[nodiscard]] operation& make(operation_kind kind) const {
    operation& what = loop_->make_operation(kind);
    what.target = descriptor_;
    return what;
  }
  [[nodiscard]] operation& make_send(std::span<const std::byte> bytes, ref<counted> keep) const {
    operation& what = make(operation_kind::send);
    ::io_uring_prep_send(&what.request(), fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    what.wanted = static_cast<std::uint32_t>(bytes.size());
    what.keep = std::move(keep);
    return what;
  }

  reactor* loop_ = nullptr;
  ref<descriptor> descriptor_;
};

struct accept_result {
  std::error_code error = {};
  socket peer = {};
};

class accept_awaiter final : public operation_awaiter {
 public:
  using operation_awaiter::operation_awaiter;
  [[nodiscard]] accept_result await_resume() {
    const outcome result = take();
    accept_result made{result.error, {}};
    if (owner() && !result.error) {
      reactor& loop = owner().loop();
      unique_fd fd(result.result);
      owner()->result = -EBADF;  // taken out of the record
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      made.peer = socket(loop, std::move(fd));
    }
    owner().reset();
    return made;
  }
};

inline accept_awaiter socket::accept(time_point deadline) const {
  operation& what = make(operation_kind::accept);
  ::io_uring_prep_accept(&what.request(), fd(), nullptr, nullptr, SOCK_CLOEXEC);
  return accept_awaiter(operation_owner(*loop_, what), deadline);
}

}  // namespace s3pager::ring
