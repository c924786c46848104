// What is asked and answered in a call beside the way of an object's byte. Knows no socket, and no meaning.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"

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

/// That a call came nowhere: nobody listens at the host's addresses, no way leads there, or no connection was made in time. Its code is
/// unavailable or timed_out.
class unreachable_host final : public error {
 public:
  explicit unreachable_host(const error& why) : error(why) {}
};

}  // namespace s3pager::net
