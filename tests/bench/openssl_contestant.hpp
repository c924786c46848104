// A floor: OpenSSL on sockets, driven by epoll, in plain C style. SSL_read() gives a record at a time, whose head and body it
// reads by a call each, or, with read_ahead, as much as its buffer holds.
#pragma once

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "job.hpp"
#include "measure.hpp"
#include "plain_client.hpp"

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
      ::fcntl(each.socket.get(), F_SETFL, O_NONBLOCK);
      epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &each}};
      if (::epoll_ctl(poller, EPOLL_CTL_ADD, each.socket.get(), &wanted) != 0) throw std::runtime_error("epoll_ctl");
    }
    const usage made = measured_bulk(at_, what, [&](const std::vector<std::string>& requests, consumer& into, usage& counts) {
      read_all(poller, connections, requests, into, counts);
    });
    ::close(poller);
    return made;
  }

  [[nodiscard]] usage first_page(const first_page_job& what) const {
    owned<SSL_CTX> context = make_context();
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    const std::string request = written_request(at_, at_.path(what.key));
    meter used;
    usage made;
    // The first time is not measured, as OpenSSL does a lot then.
    connection before;
    before.open(*this, context.get(), nullptr);
    read_one(before, request, made, nullptr);
    made = {};
    for (unsigned i = 0; i < what.times; ++i) {
      if (what.from == client_state::connection) {
        used.begin();
        read_one(before, request, made, &used);
        continue;
      }
      owned<SSL_SESSION> session(what.from == client_state::session ? ::SSL_get1_session(before.ssl.get()) : nullptr);
      connection now;
      used.begin();
      if (what.from == client_state::fresh) context = make_context();
      now.open(*this, context.get(), session.get());
      read_one(now, request, made, &used);
      made.resumed += ::SSL_session_reused(now.ssl.get()) == 1 ? 1U : 0U;
      before = std::move(now);
    }
    return used.total(made);
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
    connection(connection&& other) noexcept = default;
    connection& operator=(connection&& other) noexcept {
      ssl.swap(other.ssl);
      socket = std::move(other.socket);
      return *this;
    }
    ~connection() {
      if (ssl) ::SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }

    /// Blocks.
    void open(const openssl_contestant& with, SSL_CTX* context, SSL_SESSION* session) {
      socket = plain_socket(with.at_);
      ssl.reset(::SSL_new(context));
      if (!ssl || ::SSL_set_fd(ssl.get(), socket.get()) != 1 ||
          SSL_set_tlsext_host_name(ssl.get(), with.at_.host.c_str()) != 1 ||
          ::SSL_set1_host(ssl.get(), with.at_.host.c_str()) != 1)
        fail("making a connection");
      if (session != nullptr) ::SSL_set_session(ssl.get(), session);
      if (::SSL_connect(ssl.get()) != 1) fail("the handshake");
    }
    void ask(const std::string& request) {
      if (::SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) != static_cast<int>(request.size()))
        fail("sending a request");
      answer.begin();
    }

    plain_socket socket;  // outlives what uses it
    owned<SSL> ssl;
    answer_reader answer;
  };

  /// Asks on all connections until all of `requests` are answered.
  static void read_all(int poller, std::vector<connection>& connections, const std::vector<std::string>& requests,
                       consumer& into, usage& made) {
    std::size_t asked = 0;
    std::size_t busy = 0;
    std::vector<char> room(16 * 1024);
    std::array<epoll_event, 64> events;
    for (connection& each : connections) {
      if (asked == requests.size()) break;
      each.ask(requests[asked++]);
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
          const std::string_view body = from.answer.take({room.data(), static_cast<std::size_t>(got)});
          into.take(body.data(), body.size());
          if (!from.answer.ended()) continue;
          if (asked == requests.size()) {
            --busy;
            break;
          }
          from.ask(requests[asked++]);
        }
      }
    }
  }

  /// Blocks. Ends `used` when the first bytes of the body are there.
  static void read_one(connection& from, const std::string& request, usage& made, meter* used) {
    from.ask(request);
    std::array<char, 16 * 1024> room;
    while (!from.answer.ended()) {
      const int got = ::SSL_read(from.ssl.get(), room.data(), static_cast<int>(room.size()));
      if (got <= 0) fail("reading");
      const std::size_t body = from.answer.take({room.data(), static_cast<std::size_t>(got)}).size();
      made.bytes += body;
      if (body > 0 && used != nullptr) std::exchange(used, nullptr)->end();
    }
    ++made.count;
  }

  target at_;
  std::size_t read_ahead_bytes_;
};

}  // namespace bench
