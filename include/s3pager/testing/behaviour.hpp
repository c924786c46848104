// What a test may have an origin do with one request instead of answering it plainly. Knows no connection.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "s3pager/base/clock.hpp"
#include "s3pager/coro/event.hpp"

namespace s3pager::testing {

/// What a request is about, before it was judged. Views live as long as the call.
struct request_info {
  std::uint64_t index = 0;  ///< requests of this origin, from 0
  std::string_view method = {};
  std::string_view bucket = {};
  std::string_view key = {};    ///< empty: of the bucket, a list
  std::string_view range = {};  ///< the header; empty: none
  std::string_view query = {};  ///< as sent
};

/// Every member left alone: answer as asked.
struct behaviour {
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  duration delay{0};              ///< before the first byte of the answer, on top of the origin's own
  coro::event* gate = nullptr;    ///< what stalls wait for, on the origin's thread; null: they last until the end
  bool stall_head = false;        ///< wait for the gate before the first byte of the answer
  std::uint64_t stall_at = never;  ///< wait for the gate after this many bytes of the body
  std::uint64_t cut_at = never;    ///< close the connection after this many bytes of the body
  bool cut_head = false;          ///< close the connection instead of answering
  int status = 0;                 ///< not 0: an error answer with this status
  std::string_view code = {};     ///< its S3 code, of static storage; empty: the usual one of the status
  bool close = false;             ///< `Connection: close` after this answer
};

using request_hook = std::function<behaviour(const request_info&)>;

}  // namespace s3pager::testing
