// Names to addresses: literals at once, all else through getaddrinfo, or a source of one's own, on an offload thread.
// Knows no connection, and keeps nothing.
#pragma once

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/ring/offload.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::ring {

namespace detail {

class resolver_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "s3pager.resolver"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (value) {
      case EAI_NONAME: return "no such host name";
      case EAI_AGAIN: return "the name servers do not answer for now";
      case EAI_FAIL: return "the name servers refuse to answer";
      case EAI_NODATA: return "the host name has no address";
      case EAI_ADDRFAMILY:
      case EAI_FAMILY: return "the host name has no address of a family that can be reached from here";
      case EAI_MEMORY: return "no memory to resolve the host name";
      default: return ::gai_strerror(value);
    }
  }
  /// Never errc::not_found: that speaks of buckets and keys.
  [[nodiscard]] std::error_condition default_error_condition(int) const noexcept override {
    return make_error_condition(errc::unavailable);
  }
};

}  // namespace detail

[[nodiscard]] inline const std::error_category& resolver_category() noexcept {
  static const detail::resolver_category category;
  return category;
}

/// A code from what getaddrinfo returned, and from errno for EAI_SYSTEM.
[[nodiscard]] inline std::error_code resolver_code(int value, int error_number) noexcept {
  if (value == EAI_SYSTEM) return errno_code(error_number);
  return {value, resolver_category()};
}

struct resolve_result {
  std::error_code error = {};
  std::vector<socket_address> addresses = {};  ///< in the order of preference (RFC 6724); not empty without an error
};

/// Where the addresses of names come from. It must outlive the reactors it is used on.
class name_source {
 public:
  name_source() = default;
  name_source(const name_source&) = delete;
  name_source& operator=(const name_source&) = delete;
  virtual ~name_source() = default;

  /// The addresses of `host`, which is no literal and not under `localhost`, with `port`, in the order of preference; or an error. It
  /// may block: it is called on threads of their own, more than one at a time.
  [[nodiscard]] virtual resolve_result look_up(const std::string& host, std::uint16_t port) noexcept = 0;
};

namespace detail {

inline void add_ipv4(const in_addr& host, std::uint16_t port, std::vector<socket_address>& out) {
  socket_address made;
  auto& in = *reinterpret_cast<sockaddr_in*>(&made.storage);
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr = host;
  made.size = sizeof(sockaddr_in);
  out.push_back(made);
}

inline void add_ipv6(const in6_addr& host, std::uint16_t port, std::vector<socket_address>& out) {
  socket_address made;
  auto& in = *reinterpret_cast<sockaddr_in6*>(&made.storage);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  in.sin6_addr = host;
  made.size = sizeof(sockaddr_in6);
  out.push_back(made);
}

/// Loopback by name, which is never asked of a name server.
[[nodiscard]] inline bool is_localhost(std::string_view host) noexcept {
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  constexpr std::string_view name = "localhost";
  if (host.size() < name.size() || !equals_ignoring_case(host.substr(host.size() - name.size()), name)) return false;
  return host.size() == name.size() || host[host.size() - name.size() - 1] == '.';
}

/// Without the brackets of an IPv6 literal.
[[nodiscard]] inline std::string_view bare_host(std::string_view host) noexcept {
  return host.size() > 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

/// The system's: /etc/hosts, name servers, whatever nsswitch.conf says.
class system_names final : public name_source {
 public:
  [[nodiscard]] resolve_result look_up(const std::string& host, std::uint16_t port) noexcept override {
    resolve_result made;
    try {
      addrinfo hints{};
      hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
      hints.ai_socktype = SOCK_STREAM;
      addrinfo* list = nullptr;
      const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
      const int error_number = errno;
      if (status != 0) return {resolver_code(status, error_number), {}};
      const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, &::freeaddrinfo);
      for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        if ((at->ai_family != AF_INET && at->ai_family != AF_INET6) || at->ai_addrlen > sizeof(sockaddr_storage)) continue;
        socket_address address;
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.size = at->ai_addrlen;
        made.addresses.push_back(address);
      }
    } catch (...) {
      return {resolver_code(EAI_MEMORY, 0), {}};
    }
    return made;
  }
};

class resolve_job final : public offload_job {
 public:
  resolve_job(std::string host, std::uint16_t port, name_source* from) : from_(from), host_(std::move(host)), port_(port) {}
  [[nodiscard]] resolve_result take() noexcept { return std::move(result_); }

 private:
  void work() noexcept override {
    system_names system;
    result_ = (from_ != nullptr ? *from_ : system).look_up(host_, port_);
    if (!result_.error && result_.addresses.empty()) result_.error = resolver_code(EAI_NODATA, 0);
  }

  name_source* from_;
  std::string host_;
  std::uint16_t port_;
  resolve_result result_;
};

}  // namespace detail

class resolve_awaiter final : public offload_waiter {
 public:
  resolve_awaiter(reactor& loop, time_point deadline, std::unique_ptr<offload_job> job, resolve_result known) noexcept
      : offload_waiter(loop, deadline, std::move(job)), known_(std::move(known)) {}

  [[nodiscard]] resolve_result await_resume() noexcept {
    if (job() != nullptr) return static_cast<detail::resolve_job*>(job())->take();
    if (failure()) return {failure(), {}};
    return std::move(known_);
  }

 private:
  resolve_result known_;
};

/// What `host` has with `port` without asking anybody: of an IPv4 or IPv6 literal (brackets allowed), and of names under `localhost`
/// (RFC 6761 6.3). Else nothing.
[[nodiscard]] inline std::vector<socket_address> literal_addresses(std::string_view host, std::uint16_t port) {
  std::vector<socket_address> made;
  const std::string copy(detail::bare_host(host));
  if (copy.find('\0') != std::string::npos) return made;
  if (in_addr v4{}; ::inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
    detail::add_ipv4(v4, port, made);
  } else if (in6_addr v6{}; ::inet_pton(AF_INET6, copy.c_str(), &v6) == 1) {
    detail::add_ipv6(v6, port, made);
  } else if (detail::is_localhost(copy)) {
    v4.s_addr = htonl(INADDR_LOOPBACK);
    detail::add_ipv4(v4, port, made);
    detail::add_ipv6(in6addr_loopback, port, made);
  }
  return made;
}

/// The addresses of `host` with `port`, for TCP: `auto found = co_await resolve(loop, host, port, deadline)`. literal_addresses() are
/// answered at once; all else `from` is asked for, or the system. Errors: resolver_category(), errno, ETIMEDOUT,
/// ECANCELED; all of the first mean errc::unavailable. Copies `host`; a lookup that is dropped ends alone.
[[nodiscard]] inline resolve_awaiter resolve(reactor& loop, std::string_view host, std::uint16_t port, time_point deadline,
                                             name_source* from = nullptr) {
  host = detail::bare_host(host);
  resolve_result known;
  std::unique_ptr<offload_job> job;
  // 253 characters are the longest name (RFC 1035 2.3.4), a dot at its end is the 254th; a null byte would cut the name short.
  if (host.empty() || host.size() > 254 || host.find('\0') != std::string_view::npos) {
    known.error = resolver_code(EAI_NONAME, 0);
  } else if (known.addresses = literal_addresses(host, port); known.addresses.empty()) {
    job = std::make_unique<detail::resolve_job>(std::string(host), port, from);
  }
  return resolve_awaiter(loop, deadline, std::move(job), std::move(known));
}

}  // namespace s3pager::ring
