// Faults of an origin by a seed: what happens to a request follows from the seed and the request alone, so that a run can be
// made again. Knows no connection.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "s3pager/testing/behaviour.hpp"
#include "s3pager/testing/pattern.hpp"

namespace s3pager::testing {

enum class fault : std::uint8_t {
  refuse,           ///< the connection is reset instead of answering, and the next one as soon as it is accepted
  reset,            ///< RST at some byte of the answer
  truncate,         ///< FIN at some byte of the answer
  half_close,       ///< likewise, but the connection stays
  stall,            ///< nothing more from some byte of the answer on
  slow,             ///< some bytes of the answer go slowly
  extra_bytes,      ///< bytes after the answer, which look like another one
  longer_length,    ///< Content-Length says more than comes
  shorter_length,   ///< or less
  wrong_range,      ///< Content-Range says another place; of requests with a Range
  ignored_range,    ///< 200 with the whole object; of requests with a Range
  flipped_bit,      ///< of the body; where a checksum covers it
  internal_error,   ///< 500
  slow_down,        ///< 503
  retry_after,      ///< 503 with Retry-After
  too_many,         ///< 429
  redirect,         ///< 307 with Location
  moved,            ///< 301 without, but with the bucket's region
  error_in_list,    ///< 200 with the body of an error; of lists
  broken_list,      ///< XML with tags that don't match; of lists
  truncated_list,   ///< half of the XML; of lists
  endless_body,     ///< chunks that never end; of lists, XML
  endless_head,     ///< more and more headers
  interim_flood,    ///< more and more 1xx
  early_close,      ///< the answer says keep-alive, and then the connection is closed
  close_on_next,    ///< likewise, but only when the next request has come
  deaf,             ///< the answer is right, but the next request is never read
};

inline constexpr std::size_t fault_count = static_cast<std::size_t>(fault::deaf) + 1;

[[nodiscard]] constexpr std::string_view name_of(fault which) noexcept {
  constexpr std::array<std::string_view, fault_count> names{
      "refuse",         "reset",         "truncate",      "half_close",    "stall",        "slow",
      "extra_bytes",    "longer_length", "shorter_length", "wrong_range",  "ignored_range", "flipped_bit",
      "internal_error", "slow_down",     "retry_after",   "too_many",      "redirect",     "moved",
      "error_in_list",  "broken_list",   "truncated_list", "endless_body", "endless_head", "interim_flood",
      "early_close",    "close_on_next", "deaf"};
  return names[static_cast<std::size_t>(which)];
}

class fault_set {
 public:
  constexpr fault_set() noexcept = default;
  constexpr fault_set(std::initializer_list<fault> which) noexcept {
    for (const fault each : which) bits_ |= bit(each);
  }
  [[nodiscard]] static constexpr fault_set all() noexcept {
    fault_set made;
    made.bits_ = (std::uint32_t{1} << fault_count) - 1;
    return made;
  }
  [[nodiscard]] constexpr bool has(fault which) const noexcept { return (bits_ & bit(which)) != 0; }
  [[nodiscard]] constexpr fault_set without(fault which) const noexcept {
    fault_set made = *this;
    made.bits_ &= ~bit(which);
    return made;
  }

 private:
  [[nodiscard]] static constexpr std::uint32_t bit(fault which) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(which);
  }
  std::uint32_t bits_ = 0;
};

struct fault_script_options {
  std::uint64_t seed = 1;
  double share = 0.2;                    ///< of all requests that something is done to
  fault_set on = fault_set::all();
  fault_set rare = {};                   ///< of these, those that come up an eighth as often as the others
  std::uint64_t within = 2 << 20;        ///< places in an answer are less than this, and of any magnitude alike
  std::uint64_t slow_rate = 256 << 10;   ///< bytes a second
  std::uint64_t slow_bytes = 64 << 10;   ///< that go so slowly
  std::chrono::seconds retry_after{1};
};

/// What a script has for a request; nothing for most.
struct scripted_fault {
  bool any = false;
  fault which = fault::refuse;
  behaviour how = {};
};

/// How often each kind was done.
using fault_counts = std::array<std::uint64_t, fault_count>;

/// A value: copies decide alike. As an origin's hook it counts what it does (by `std::ref`, where it is). Where a kind does not
/// fit a request (a wrong range without a Range), another one is taken.
class fault_script {
 public:
  explicit constexpr fault_script(const fault_script_options& options) noexcept : options_(options) {}

  [[nodiscard]] scripted_fault decide(const request_info& asked) const noexcept {
    std::uint64_t random = detail::mix(detail::mix(options_.seed) ^ asked.index);
    for (const std::string_view text : {asked.key, asked.range})
      for (const char c : text) random = detail::mix(random ^ static_cast<unsigned char>(c));
    const auto next = [&random] { return random = detail::mix(random); };
    if (static_cast<double>(next() >> 11) * 0x1p-53 >= options_.share) return {};
    std::array<fault, 8 * fault_count> drawn_from{};
    std::size_t count = 0;
    for (std::size_t i = 0; i < fault_count; ++i) {
      const auto each = static_cast<fault>(i);
      if (!options_.on.has(each) || !fits(each, asked)) continue;
      for (int times = options_.rare.has(each) ? 1 : 8; times > 0; --times) drawn_from[count++] = each;
    }
    if (count == 0) return {};
    scripted_fault made{true, drawn_from[next() % count], {}};
    // A magnitude first: as often within the head as anywhere in a large body.
    const std::uint64_t magnitude = std::max<std::uint64_t>(options_.within >> next() % 22, 1);
    shape(made, next() % magnitude, next());
    return made;
  }
  [[nodiscard]] behaviour operator()(const request_info& asked) noexcept {
    const scripted_fault made = decide(asked);
    if (made.any) ++counts_[static_cast<std::size_t>(made.which)];
    return made.how;
  }
  [[nodiscard]] const fault_counts& counts() const noexcept { return counts_; }

 private:
  [[nodiscard]] static constexpr bool fits(fault which, const request_info& asked) noexcept {
    switch (which) {
      case fault::wrong_range:
      case fault::ignored_range: return !asked.range.empty() && !asked.key.empty();
      case fault::flipped_bit: return asked.checksum;
      case fault::error_in_list:
      case fault::broken_list:
      case fault::truncated_list: return asked.key.empty();
      default: return true;
    }
  }

  void shape(scripted_fault& made, std::uint64_t place, std::uint64_t random) const noexcept {
    behaviour& how = made.how;
    how.wrap = true;
    switch (made.which) {
      case fault::refuse:
        how.cut_head = true;
        how.cut = cut_kind::reset;
        how.refuse_next = 1;
        break;
      case fault::reset:
        how.cut_answer_at = place;
        how.cut = cut_kind::reset;
        break;
      case fault::truncate: how.cut_answer_at = place; break;
      case fault::half_close:
        how.cut_answer_at = place;
        how.cut = cut_kind::half_close;
        break;
      case fault::stall: how.stall_answer_at = place; break;
      case fault::slow:
        how.slow_at = place;
        how.slow_bytes = options_.slow_bytes;
        how.slow_rate = options_.slow_rate;
        break;
      case fault::extra_bytes: how.extra = another_answer; break;
      case fault::longer_length: how.length_off = static_cast<std::int64_t>(1 + place % 4096); break;
      case fault::shorter_length: how.length_off = -static_cast<std::int64_t>(1 + place % 4096); break;
      case fault::wrong_range:
        how.range_off = static_cast<std::int64_t>(1 + place % 4096) * ((random & 1) != 0 ? 1 : -1);
        break;
      case fault::ignored_range: how.ignore_range = true; break;
      case fault::flipped_bit: how.flip_at = random; break;
      case fault::internal_error: how.status = 500; break;
      case fault::slow_down: how.status = 503; break;
      case fault::retry_after:
        how.status = 503;
        how.retry_after = options_.retry_after;
        break;
      case fault::too_many: how.status = 429; break;
      case fault::redirect:
        how.status = 307;
        how.location = "http://127.0.0.1:1/elsewhere";
        break;
      case fault::moved:
        how.status = 301;
        how.region = "eu-central-1";
        break;
      case fault::error_in_list: how.list = list_fault::error; break;
      case fault::broken_list: how.list = list_fault::broken; break;
      case fault::truncated_list: how.list = list_fault::truncated; break;
      case fault::endless_body: how.without_end = endless::chunks; break;
      case fault::endless_head: how.without_end = endless::headers; break;
      case fault::interim_flood: how.without_end = endless::informational; break;
      case fault::early_close: how.close_silently = true; break;
      case fault::close_on_next: how.close_on_next = true; break;
      case fault::deaf: how.deaf = true; break;
    }
  }

  static constexpr std::string_view another_answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nETag: \"forged\"\r\n\r\nforged!";

  fault_script_options options_;
  fault_counts counts_{};
};

}  // namespace s3pager::testing
