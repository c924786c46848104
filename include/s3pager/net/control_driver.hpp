// Slow, rare calls beside the way of an object's byte (instance metadata, STS, SSO), by libcurl, which the reactor drives through
// curl's multi_socket interface. Knows neither what is asked nor what the answers mean.
// https://curl.se/libcurl/c/curl_multi_socket_action.html
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::net {

struct control_header {
  std::string name;
  secret value;  ///< no line breaks
};

struct control_request {
  std::string method = "GET";              ///< GET, PUT or POST
  std::string url = {};                    ///< http or https, absolute; without user name and password
  std::vector<control_header> headers = {};
  secret body = {};                        ///< of PUT and POST
  duration connect_limit = std::chrono::seconds(5);  ///< to resolve, connect and shake hands
  duration limit = std::chrono::seconds(30);         ///< for all of it
  std::size_t most_bytes = 1 << 20;        ///< of the answer's body: a longer one is an error
  bool direct = false;                     ///< by no proxy, whatever the environment has
};

struct control_answer {
  int status = 0;
  secret body = {};
  std::vector<control_header> headers = {};  ///< names in lower case, of the final answer

  /// Of the first header of this name (lower case); empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept {
    for (const control_header& each : headers)
      if (each.name == name) return each.value.view();
    return {};
  }
};

struct control_options {
  std::string ca_file = {};       ///< PEM; empty, and no directory: the system's authorities
  std::string ca_directory = {};
  std::string proxy_url = {};     ///< for all but `direct` requests; empty: as libcurl finds it in the environment
  bool no_proxy = false;          ///< none at all
};

/// Calls of one reactor's. Nothing is begun, and no handle made, before the first call. Dropping the driver ends its calls, whose awaiting
/// coroutines must be gone by then.
class control_driver final : public counted {
 public:
  control_driver(ring::reactor& loop, control_options options);
  ~control_driver();

  /// Makes the call and gives its answer, whatever the status; redirections are not followed. Throws error: timed_out with the limit
  /// that passed, unavailable if there is no way there, untrusted_peer, connection_lost, protocol_violation, cancelled on a stop; with the
  /// host and port in the message, and no header, body, path or query. Dropping the wait ends the call.
  [[nodiscard]] task<control_answer> call(control_request what);
};

}  // namespace s3pager::net
