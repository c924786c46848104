// What a test may have an origin do with one request instead of answering it plainly. Knows no connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

#include "s3pager/base/clock.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/http/header_fields.hpp"

namespace s3pager::testing {

/// What a request is about, before it was judged. Views live as long as the call.
struct request_info {
  std::uint64_t index = 0;  ///< requests of this origin, from 0
  std::string_view method = {};
  std::string_view bucket = {};
  std::string_view key = {};    ///< empty: of the bucket, a list
  std::string_view range = {};  ///< the header; empty: none
  std::string_view query = {};  ///< as sent
  http::header_fields headers = {};
  bool checksum = false;        ///< the answer will say one that the bytes it sends can be held against
};

/// How a connection ends where an answer is cut.
enum class cut_kind : std::uint8_t {
  close,       ///< FIN (or RST, if the client has sent something that was not read)
  reset,       ///< RST, which may overtake bytes that were sent before
  half_close,  ///< FIN, but the connection stays until the client closes it
};

/// What never ends: it goes on until the client hangs up.
enum class endless : std::uint8_t {
  nothing,
  informational,  ///< 1xx answers in front of the answer
  headers,        ///< a head of more and more fields
  chunks,         ///< a chunked body: of a list, XML that never ends; of an object, its bytes, and then zeros
};

/// What is wrong with the body of a list.
enum class list_fault : std::uint8_t {
  nothing,
  error,      ///< status 200, but the body is an error
  broken,     ///< tags that don't match
  truncated,  ///< the first half, with a Content-Length that agrees
};

/// Every member left alone: answer as asked. Places are counted in bytes of the answer with its head, or of the body.
struct behaviour {
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  duration delay{0};              ///< before the first byte of the answer, on top of the origin's own
  coro::event* gate = nullptr;    ///< what stalls wait for, on the origin's thread; null: for the client to hang up
  bool stall_head = false;        ///< wait for the gate before the first byte of the answer
  std::uint64_t stall_at = never;  ///< wait for the gate after this many bytes of the body
  std::uint64_t cut_at = never;    ///< close the connection after this many bytes of the body
  bool cut_head = false;          ///< close the connection instead of answering
  int status = 0;                 ///< not 0: an error answer with this status
  std::string_view code = {};     ///< its S3 code, of static storage; empty: the usual one of the status
  bool close = false;             ///< `Connection: close` after this answer

  std::uint64_t stall_answer_at = never;  ///< as stall_at, of the answer
  std::uint64_t cut_answer_at = never;    ///< as cut_at, of the answer
  bool wrap = false;                      ///< places in the answer are taken modulo its length
  cut_kind cut = cut_kind::close;         ///< how cuts end the connection
  std::uint32_t refuse_next = 0;          ///< connections that are reset as soon as they are accepted, from now on

  std::uint64_t slow_at = 0;              ///< from this byte of the answer on ...
  std::uint64_t slow_bytes = never;       ///< ... as many ...
  std::uint64_t slow_rate = 0;            ///< ... go at so many bytes a second; 0: none do

  std::chrono::seconds retry_after{0};    ///< not 0: `Retry-After`, with `status`
  std::string_view location = {};         ///< not empty: `Location`, of static storage
  std::string_view region = {};           ///< not empty: `x-amz-bucket-region`, of static storage

  std::int64_t length_off = 0;            ///< what Content-Length says too much (or too little) of what comes
  std::int64_t range_off = 0;             ///< what the places in Content-Range are off
  bool ignore_range = false;              ///< 200 with the whole object
  bool ignore_if_match = false;           ///< as a server that does not know the condition
  std::uint64_t flip_at = never;          ///< a bit of this byte of the body is flipped; modulo the body's length
  std::string_view extra = {};            ///< bytes after the answer, of static storage

  list_fault list = list_fault::nothing;
  endless without_end = endless::nothing;
  std::uint64_t informational = 0;        ///< 1xx answers before the answer

  bool close_silently = false;            ///< the answer says keep-alive, and then the connection is closed
  bool close_on_next = false;             ///< likewise, but only when the next request has come
  bool deaf = false;                      ///< nothing is read after the answer; it stays until the client closes it
};

using request_hook = std::function<behaviour(const request_info&)>;

}  // namespace s3pager::testing
