// The floor: OpenSSL on sockets, driven by epoll, in plain C style. SSL_read() gives a record at a time, whose head and body it
// reads by a call each, or, with read_ahead, as much as its buffer holds.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "job.hpp"
#include "measure.hpp"

namespace bench {

class openssl_contestant {
 public:
  /// `read_ahead_bytes` of 0: none.
  explicit openssl_contestant(target at, std::size_t read_ahead_bytes = 0)
      : at_(std::move(at)), read_ahead_bytes_(read_ahead_bytes) {}

  [[nodiscard]] usage bulk(const bulk_job& what) const {
    const owned<SSL_CTX> context = make_context();
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<connection> connections(what.connections);
    for (connection& each : connections) {
      each.open(*this, context.get(), nullptr);
      ::fcntl(each.socket, F_SETFL, O_NONBLOCK);
      epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &each}};
      if (::epoll_ctl(poller, EPOLL_CTL_ADD, each.socket, &wanted) != 0) throw std::runtime_error("epoll_ctl");
    }
    meter used;
    usage made;
    read_all(poller, connections, what.warming_keys, made);
    made = {};
    used.begin();
    read_all(poller, connections, what.keys, made);
    used.end();
    ::close(poller);
    usage all = used.total();
    all.bytes = made.bytes;
    all.count = made.count;
    all.waits = made.waits;
    all.connections = connections.size();
    return all;
  }

  [[nodiscard]] usage first_page(const first_page_job& what) const {
    owned<SSL_CTX> context = make_context();
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    meter used;
    usage made;
    // The first time is not measured, as OpenSSL does a lot then.
    connection before;
    before.open(*this, context.get(), nullptr);
    read_one(before, what.key, made, nullptr);
    made = {};
    for (unsigned i = 0; i < what.times; ++i) {
      if (what.from == client_state::connection) {
        used.begin();
        read_one(before, what.key, made, &used);
        continue;
      }
      owned<SSL_SESSION> session(what.from == client_state::session ? ::SSL_get1_session(before.ssl.get()) : nullptr);
      connection now;
      used.begin();
      if (what.from == client_state::fresh) context = make_context();
      now.open(*this, context.get(), session.get());
      read_one(now, what.key, made, &used);
      made.resumed += ::SSL_session_reused(now.ssl.get()) == 1 ? 1U : 0U;
      before = std::move(now);
    }
    usage all = used.total();
    all.bytes = made.bytes;
    all.count = made.count;
    all.resumed = made.resumed;
    return all;
  }

 private:
  struct deleter {
    void operator()(SSL_CTX* what) const noexcept { ::SSL_CTX_free(what); }
    void operator()(SSL* what) const noexcept { ::SSL_free(what); }
    void operator()(SSL_SESSION* what) const noexcept { ::SSL_SESSION_free(what); }
  };
  template <class T>
  using owned = std::unique_ptr<T, deleter>;

  [[noreturn]] static void fail(const char* doing) {
    throw std::runtime_error(std::string(doing) + ": " + ::ERR_error_string(::ERR_get_error(), nullptr));
  }

  [[nodiscard]] owned<SSL_CTX> make_context() const {
    owned<SSL_CTX> made(::SSL_CTX_new(::TLS_client_method()));
    if (!made || ::SSL_CTX_load_verify_file(made.get(), at_.ca_file.c_str()) != 1) fail("making a context");
    ::SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
    if (read_ahead_bytes_ > 0) {
      SSL_CTX_set_read_ahead(made.get(), 1);
      ::SSL_CTX_set_default_read_buffer_len(made.get(), read_ahead_bytes_);
    }
    return made;
  }

  struct connection {
    connection() = default;
    connection(connection&& other) noexcept { *this = std::move(other); }
    connection& operator=(connection&& other) noexcept {
      ssl.swap(other.ssl);
      std::swap(socket, other.socket);
      return *this;
    }
    ~connection() {
      if (ssl) ::SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      ssl.reset();
      if (socket >= 0) ::close(socket);
    }

    /// Blocks.
    void open(const openssl_contestant& with, SSL_CTX* context, SSL_SESSION* session) {
      socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(with.at_.port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("connect");
      ssl.reset(::SSL_new(context));
      if (!ssl || ::SSL_set_fd(ssl.get(), socket) != 1 || SSL_set_tlsext_host_name(ssl.get(), with.at_.host.c_str()) != 1 ||
          ::SSL_set1_host(ssl.get(), with.at_.host.c_str()) != 1)
        fail("making a connection");
      if (session != nullptr) ::SSL_set_session(ssl.get(), session);
      if (::SSL_connect(ssl.get()) != 1) fail("the handshake");
    }

    owned<SSL> ssl;
    int socket = -1;
    std::string head = {};             // of the answer that is being read, until it is there
    std::uint64_t remaining_bytes = 0;  // of its body
    bool busy = false;
  };

  void ask(connection& of, const std::string& key) const {
    const std::string request = "GET " + at_.path(key) + " HTTP/1.1\r\nHost: " + at_.authority() + "\r\n\r\n";
    if (::SSL_write(of.ssl.get(), request.data(), static_cast<int>(request.size())) != static_cast<int>(request.size()))
      fail("sending a request");
    of.busy = true;
    of.head.clear();
    of.remaining_bytes = 0;
  }

  /// Takes what was read; how much of it is of the body.
  [[nodiscard]] static std::size_t take(connection& of, std::string_view bytes) {
    std::size_t body = bytes.size();
    if (of.remaining_bytes == 0) {
      of.head += bytes;
      const std::size_t end = of.head.find("\r\n\r\n");
      if (end == std::string::npos) return 0;
      body = of.head.size() - end - 4;
      constexpr std::string_view name = "Content-Length: ";
      const std::size_t at = of.head.find(name);
      if (!of.head.starts_with("HTTP/1.1 200 ") || at > end) throw std::runtime_error("the answer is " + of.head.substr(0, end));
      std::from_chars(of.head.data() + at + name.size(), of.head.data() + end, of.remaining_bytes);
    }
    if (body > of.remaining_bytes) throw std::runtime_error("more came than was said");
    of.remaining_bytes -= body;
    if (of.remaining_bytes == 0) of.busy = false;
    return body;
  }

  /// Asks on all connections until all of `keys` are there.
  void read_all(int poller, std::vector<connection>& connections, const std::vector<std::string>& keys, usage& made) const {
    std::size_t asked = 0;
    std::size_t busy = 0;
    std::vector<char> room(16 * 1024);
    std::array<epoll_event, 64> events;
    for (connection& each : connections) {
      if (asked == keys.size()) break;
      ask(each, keys[asked++]);
      ++busy;
    }
    while (busy > 0) {
      const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
      ++made.waits;
      for (int i = 0; i < ready; ++i) {
        connection& from = *static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        for (;;) {
          const int got = ::SSL_read(from.ssl.get(), room.data(), static_cast<int>(room.size()));
          if (got <= 0) {
            if (::SSL_get_error(from.ssl.get(), got) == SSL_ERROR_WANT_READ) break;
            fail("reading");
          }
          made.bytes += take(from, {room.data(), static_cast<std::size_t>(got)});
          if (from.busy) continue;
          ++made.count;
          if (asked == keys.size()) {
            --busy;
            break;
          }
          ask(from, keys[asked++]);
        }
      }
    }
  }

  /// Blocks. Ends `used` when the first bytes of the body are there.
  void read_one(connection& from, const std::string& key, usage& made, meter* used) const {
    ask(from, key);
    std::array<char, 16 * 1024> room;
    while (from.busy) {
      const int got = ::SSL_read(from.ssl.get(), room.data(), static_cast<int>(room.size()));
      if (got <= 0) fail("reading");
      const std::size_t body = take(from, {room.data(), static_cast<std::size_t>(got)});
      made.bytes += body;
      if (body > 0 && used != nullptr) std::exchange(used, nullptr)->end();
    }
    ++made.count;
  }

  target at_;
  std::size_t read_ahead_bytes_;
};

}  // namespace bench
