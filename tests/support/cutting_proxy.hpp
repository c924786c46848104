// A TCP proxy on loopback that does to bytes what bad lines do: connections are cut (FIN or RST) after some bytes of either
// direction, or closed in one direction only; bytes are held back, come together, or come one by one. By a seed.
// Knows nothing of what it forwards, and nothing of the library's reactor: a thread and poll(2).
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "s3pager/base/unique_fd.hpp"

namespace s3pager::test {

/// Chances are in a thousand.
struct proxy_faults {
  std::uint64_t seed = 1;
  unsigned cut = 0;                         ///< of a connection: to be cut some time
  std::uint64_t cut_within = 4 << 20;       ///< where: after 0 bytes to so many, as likely of any order of magnitude
  unsigned hold = 0;                        ///< of a piece that was forwarded: the next one is held back
  std::chrono::milliseconds hold_most{20};
  unsigned crumble = 0;                     ///< of a piece: the next bytes are forwarded in pieces of 1 to 16
  std::size_t crumble_most = 2000;          ///< how many
};

/// Any thread may read.
struct proxy_counters {
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> finished{0};     ///< cut with a FIN to both sides
  std::atomic<std::uint64_t> reset{0};        ///< cut with an RST to both sides
  std::atomic<std::uint64_t> half_closed{0};  ///< a FIN to the receiver of the bytes only
  std::atomic<std::uint64_t> holds{0};
  std::atomic<std::uint64_t> crumbles{0};
  std::atomic<std::uint64_t> bytes{0};
  [[nodiscard]] std::uint64_t cuts() const noexcept { return finished + reset + half_closed; }
};

class cutting_proxy {
 public:
  /// Forwards to 127.0.0.1 port `to`, from its construction on until it is destroyed.
  cutting_proxy(std::uint16_t to, const proxy_faults& faults) : faults_(faults), random_(faults.seed), to_(to) {
    listener_ = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in where = loopback(0);
    socklen_t size = sizeof where;
    if (!listener_ || ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
        ::listen(listener_.get(), 1024) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0)
      throw std::system_error(errno, std::system_category(), "a proxy on loopback");
    port_ = ntohs(where.sin_port);
    ended_ = unique_fd(::eventfd(0, EFD_CLOEXEC));
    if (!ended_) throw std::system_error(errno, std::system_category(), "an eventfd");
    thread_ = std::thread([this] { work(); });
  }
  cutting_proxy(const cutting_proxy&) = delete;
  cutting_proxy& operator=(const cutting_proxy&) = delete;
  ~cutting_proxy() {
    ::eventfd_write(ended_.get(), 1);
    thread_.join();
  }

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const proxy_counters& counters() const noexcept { return counters_; }

 private:
  using clock = std::chrono::steady_clock;
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::size_t most_buffered = 256 << 10;

  /// SplitMix64.
  class numbers {
   public:
    explicit numbers(std::uint64_t seed) noexcept : state_(seed) {}
    [[nodiscard]] std::uint64_t next() noexcept {
      std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      return z ^ (z >> 31);
    }
    [[nodiscard]] std::uint64_t below(std::uint64_t limit) noexcept { return next() % limit; }
    [[nodiscard]] bool chance(unsigned in_a_thousand) noexcept { return below(1000) < in_a_thousand; }

   private:
    std::uint64_t state_;
  };

  /// One direction of a connection.
  struct lane {
    std::vector<char> waiting;
    std::size_t done = 0;             // of `waiting`, forwarded already
    std::uint64_t cut_after = never;  // more bytes, until the connection is cut
    std::size_t crumbs = 0;           // more bytes that are forwarded by few
    clock::time_point held_until{};
    bool read_all = false;  // the sender has closed
    bool closed = false;    // the receiver was told so
    std::size_t in = 0;     // where in this round's poll its sender is, and its receiver; 0: it is not
    std::size_t out = 0;
    [[nodiscard]] std::size_t size() const noexcept { return waiting.size() - done; }
  };
  enum class ending : std::uint8_t { finish, reset, half_close };
  struct pair {
    pair(unique_fd from, unique_fd to, std::uint64_t seed) noexcept
        : client(std::move(from)), server(std::move(to)), random(seed) {}
    unique_fd client;
    unique_fd server;
    std::array<lane, 2> lanes;  // to the server, to the client
    ending how = ending::finish;
    numbers random;
    bool gone = false;
    [[nodiscard]] int from(std::size_t lane) const noexcept { return (lane == 0 ? client : server).get(); }
    [[nodiscard]] int into(std::size_t lane) const noexcept { return (lane == 0 ? server : client).get(); }
  };

  [[nodiscard]] static sockaddr_in loopback(std::uint16_t port) noexcept {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made.sin_port = htons(port);
    return made;
  }

  void work() {
    std::vector<pollfd> polled;
    for (;;) {
      const auto now = clock::now();
      auto wake = clock::time_point::max();
      polled.assign({{ended_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
      for (pair& each : pairs_) add_to(polled, each, now, wake);
      int wait = -1;
      if (wake != clock::time_point::max())
        wait = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wake - now).count());
      if (::poll(polled.data(), polled.size(), wait) < 0 && errno != EINTR) return;
      if (polled[0].revents != 0) return;
      if (polled[1].revents != 0) accept_all();
      for (pair& each : pairs_)
        for (std::size_t i = 0; i < 2 && !each.gone; ++i) {
          lane& of = each.lanes[i];
          const bool readable = of.in != 0 && polled[of.in].revents != 0;
          const bool writable = of.out != 0 && polled[of.out].revents != 0;
          if (readable || writable || of.cut_after == 0) pass(each, i, readable);
        }
      pairs_.remove_if([](const pair& each) { return each.gone; });
    }
  }

  static void add_to(std::vector<pollfd>& polled, pair& each, clock::time_point now, clock::time_point& wake) {
    for (std::size_t i = 0; i < 2; ++i) {
      lane& of = each.lanes[i];
      of.in = of.out = 0;
      if (!of.read_all && of.size() < most_buffered) {
        of.in = polled.size();
        polled.push_back({each.from(i), POLLIN, 0});
      }
      if (of.size() == 0) continue;
      if (of.held_until > now) {
        wake = std::min(wake, of.held_until);
      } else {
        of.out = polled.size();
        polled.push_back({each.into(i), POLLOUT, 0});
      }
    }
  }

  void accept_all() {
    for (;;) {
      unique_fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client) return;
      ++counters_.connections;
      unique_fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      const sockaddr_in where = loopback(to_);
      // Refused, it fails at the first send.
      if (!server || (::connect(server.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 &&
                      errno != EINPROGRESS))
        continue;
      const int yes = 1;
      for (const int fd : {client.get(), server.get()}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      pairs_.emplace_back(std::move(client), std::move(server), random_.next());
      doom(pairs_.back());
    }
  }

  /// Decides whether, where and how a connection ends.
  void doom(pair& of) {
    if (!of.random.chance(faults_.cut)) return;
    std::uint64_t limit = std::max<std::uint64_t>(faults_.cut_within, 1);
    for (std::uint64_t halvings = of.random.below(22); halvings > 0 && limit > 1; --halvings) limit /= 2;
    // Most bytes come from the server.
    of.lanes[of.random.chance(250) ? 0 : 1].cut_after = of.random.below(limit + 1);
    of.how = static_cast<ending>(of.random.below(3));
    for (std::size_t i = 0; i < 2; ++i)
      if (of.lanes[i].cut_after == 0) cut(of, i);
  }

  void pass(pair& of, std::size_t which, bool readable) {
    lane& mine = of.lanes[which];
    if (mine.cut_after == 0) return cut(of, which);
    if (readable) read(of, which);
    if (of.gone || mine.size() == 0 || clock::now() < mine.held_until) return close_if_done(of, which);
    std::size_t most = mine.size();
    if (mine.crumbs > 0) most = std::min<std::size_t>({most, mine.crumbs, 1 + of.random.below(16)});
    if (most > mine.cut_after) most = static_cast<std::size_t>(mine.cut_after);
    const ssize_t sent = ::send(of.into(which), mine.waiting.data() + mine.done, most, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) end(of, ending::reset);
      return;
    }
    const auto count = static_cast<std::size_t>(sent);
    counters_.bytes += count;
    mine.done += count;
    if (mine.done == mine.waiting.size()) {
      mine.waiting.clear();
      mine.done = 0;
    }
    if (mine.cut_after != never) mine.cut_after -= count;
    if (mine.crumbs > 0) {
      mine.crumbs -= count;
    } else if (of.random.chance(faults_.crumble)) {
      ++counters_.crumbles;
      mine.crumbs = 1 + of.random.below(faults_.crumble_most);
    }
    if (of.random.chance(faults_.hold)) {
      ++counters_.holds;
      mine.held_until =
          clock::now() + std::chrono::milliseconds(of.random.below(static_cast<std::uint64_t>(faults_.hold_most.count()) + 1));
    }
    if (mine.cut_after == 0) return cut(of, which);
    close_if_done(of, which);
  }

  void read(pair& of, std::size_t which) {
    lane& mine = of.lanes[which];
    std::array<char, 64 << 10> buffer;
    const ssize_t got = ::recv(of.from(which), buffer.data(), buffer.size(), 0);
    if (got > 0) {
      // What comes for a receiver that was told of the end goes nowhere.
      if (!mine.closed) mine.waiting.insert(mine.waiting.end(), buffer.data(), buffer.data() + got);
    } else if (got == 0) {
      mine.read_all = true;
    } else if (errno != EAGAIN && errno != EINTR) {
      end(of, ending::reset);
    }
  }

  void close_if_done(pair& of, std::size_t which) {
    lane& mine = of.lanes[which];
    if (of.gone || !mine.read_all || mine.size() > 0) return;
    if (!std::exchange(mine.closed, true)) ::shutdown(of.into(which), SHUT_WR);
    const lane& other = of.lanes[1 - which];
    if (other.read_all && other.closed) of.gone = true;
  }

  void cut(pair& of, std::size_t which) {
    lane& mine = of.lanes[which];
    mine.cut_after = never;
    switch (of.how) {
      case ending::finish: ++counters_.finished; break;
      case ending::reset: ++counters_.reset; break;
      case ending::half_close:
        ++counters_.half_closed;
        mine.waiting.clear();
        mine.done = 0;
        mine.closed = true;
        ::shutdown(of.into(which), SHUT_WR);
        return;
    }
    end(of, of.how);
  }

  static void end(pair& of, ending how) noexcept {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (how == ending::reset)
      for (const int fd : {of.client.get(), of.server.get()}) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    of.gone = true;
  }

  proxy_faults faults_;
  proxy_counters counters_;
  numbers random_;
  std::uint16_t to_;
  std::uint16_t port_ = 0;
  unique_fd listener_;
  unique_fd ended_;
  std::list<pair> pairs_;
  std::thread thread_;
};

}  // namespace s3pager::test
