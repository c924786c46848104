// Slow, rare calls beside the way of an object's byte (instance metadata, STS, SSO), by libcurl, which the reactor drives through
// curl's multi_socket interface. Knows neither what is asked nor what the answers mean.
// https://curl.se/libcurl/c/curl_multi_socket_action.html
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/net/detail/curl_call.hpp"
#include "s3pager/net/detail/curl_multi.hpp"
#include "s3pager/net/proxy.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/resolver.hpp"

namespace s3pager::net {

struct control_options {
  std::string ca_file = {};       ///< PEM; empty, and no directory: the system's authorities
  std::string ca_directory = {};
  std::string proxy_url = {};     ///< for all but `direct` requests; empty: as environment_proxy finds it in the environment
  bool no_proxy = false;          ///< none at all
  ring::name_source* names = nullptr;  ///< null: the system's
};

/// Calls of one reactor's. Nothing is begun, and no handle made, before the first call. Dropping the driver ends its calls, whose awaiting
/// coroutines must be gone by then.
class control_driver final : public counted {
 public:
  control_driver(ring::reactor& loop, control_options options) : loop_(loop), options_(std::move(options)) {}

  /// Makes the call and gives its answer, whatever the status; redirections are not followed. Throws error: timed_out with the limit
  /// that passed, unavailable if there is no way there, untrusted_peer, connection_lost, protocol_violation, invalid_argument for a
  /// request that can't be made, cancelled on a stop; with the host and port in the message, and no header, body, path or query. It is an
  /// unreachable_host where there is no connection to begin with.
  /// Dropping the wait ends the call.
  [[nodiscard]] inline task<control_answer> call(control_request what);

 private:
  [[nodiscard]] std::optional<proxy> proxy_for(const control_request& what, const detail::control_target& target) const {
    if (what.direct || options_.no_proxy) return std::nullopt;
    if (options_.proxy_url.empty()) {
      auto found = environment_proxy(target.tls).for_host(target.host);
      if (!found) throw error(errc::invalid_argument, found.message());
      return std::move(found).value();
    }
    auto parsed = parse_proxy_url(options_.proxy_url);
    if (!parsed) throw error(errc::invalid_argument, "control_options.proxy_url: " + parsed.message());
    return std::move(parsed).value();
  }

  ring::reactor& loop_;
  control_options options_;
  std::unique_ptr<detail::curl_multi> curl_;  // from the first call on
};

inline task<control_answer> control_driver::call(control_request what) {
  const time_point begun = loop_.now();
  const detail::control_target target = detail::check_request(what);
  const std::optional<proxy> by = proxy_for(what, target);
  const std::string doing = "calling " + target.where() + (by ? " by the proxy " + by->host + " port " + std::to_string(by->port) : std::string());
  const std::string host = by ? by->host : target.host;
  const std::uint16_t port = by ? by->port : target.port;
  const time_point connected_by = std::min(after(begun, what.connect_limit), after(begun, what.limit));
  // Not by curl: a thread of its own, which it would wait for when the call is dropped.
  auto looking = ring::resolve(loop_, host, port, connected_by, options_.names);
  const ring::resolve_result found = co_await looking;
  if (found.error == errno_code(ECANCELED)) throw error(errc::cancelled, doing + " was stopped");
  if (found.error == errno_code(ETIMEDOUT)) throw detail::late(doing, "resolving " + host, what, what.connect_limit <= what.limit);
  if (found.error) throw error(errc::unavailable, doing + ": resolving " + host + ": " + found.error.message());
  if (!curl_) curl_ = std::make_unique<detail::curl_multi>(loop_);
  detail::curl_call made(loop_, *curl_, what);
  made.trust(options_.ca_file, options_.ca_directory);
  made.connect_by(host, port, found.addresses, by);
  detail::curl_call::end_awaiter end(made, connected_by, after(begun, what.limit));
  co_await end;
  if (end.stopped()) throw error(errc::cancelled, doing + " was stopped");
  co_return made.take(doing, target);
}

}  // namespace s3pager::net
