// What can be seen of a client's requests from outside. Costs nothing when unset.
#pragma once

#include <cstdint>
#include <string_view>
#include <system_error>

#include "s3pager/base/clock.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager {

enum class request_kind : std::uint8_t { list_objects, get_object };

/// A request, from when it is sent. Views live as long as the call.
struct request_event {
  std::uint64_t id = 0;  ///< counts the client's requests from 1; an attempt each
  request_kind kind = request_kind::get_object;
  std::string_view bucket = {};
  std::string_view key = {};         ///< for list_objects the prefix
  std::uint64_t offset = 0;          ///< the first byte asked for
  const ring::socket_address* peer = nullptr;
  bool reused_connection = false;
  bool hedge = false;  ///< a second request for what another one is late with
};

/// How it ended.
struct request_outcome {
  std::error_code error = {};       ///< none: the answer was read whole
  int http_status = 0;              ///< 0: no answer
  std::string_view request_id = {};
  std::uint64_t body_bytes = 0;
  duration to_first_byte{0};        ///< from sending to the answer's head
  duration total{0};
};

/// Derive from it and set it in client_options. Called on the reactor's thread, within its work: be quick, never throw, never
/// call back into the client.
class observer {
 public:
  virtual ~observer() = default;
  virtual void request_began(const request_event&) noexcept {}
  virtual void request_ended(const request_event&, const request_outcome&) noexcept {}
  /// The same request is made again: `why` is what ended the attempt before.
  virtual void request_retried(const request_event&, std::error_code /*why*/) noexcept {}
};

}  // namespace s3pager
