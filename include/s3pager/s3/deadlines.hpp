// How long each wait may take, and what is too slow. Knows no request.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"

namespace s3pager::s3 {

/// Each is positive; `no_limit` turns one off. Whatever passes is errc::timed_out, with a message that says which and where.
/// None counts the time in which a consumer leaves no room to receive into.
struct deadlines {
  duration credentials = std::chrono::seconds(60); ///< for a provider of credentials, and for the region where it has to be asked for
  duration resolve = std::chrono::seconds(5);
  duration connect = std::chrono::seconds(5);      ///< for each address
  duration handshake = std::chrono::seconds(10);   ///< from there to where TLS, and a proxy's tunnel, are ready for a request
  duration place = std::chrono::seconds(30);       ///< for a connection, while client_options::max_connections are open and none gets free
  duration first_byte = std::chrono::seconds(30);  ///< from sending a request to its answer
  duration idle = std::chrono::seconds(30);        ///< between bytes of an answer
  /// An answer is given up if fewer bytes than this come, on average over `throughput_window` of waiting for them. 0: none is.
  std::uint64_t min_bytes_per_second = 1024;
  duration throughput_window = std::chrono::seconds(30);
  /// For one object, over all of its requests and attempts: the time in which at least one of them is at work. (The largest
  /// object there is, 5 TB, needs more than 8 MB/s.)
  duration object = std::chrono::hours(24 * 7);
  /// For one stream: the time in which next() is waited for.
  duration run = std::chrono::hours(24 * 90);
};

/// Gives them back, or throws error(invalid_argument) with the name of what is wrong.
[[nodiscard]] inline deadlines checked_deadlines(const deadlines& given) {
  const auto positive = [](duration value, const char* name) {
    if (value <= duration::zero())
      throw error(errc::invalid_argument, std::string("deadlines.") + name + " is not positive (no_limit turns it off)");
  };
  positive(given.credentials, "credentials");
  positive(given.resolve, "resolve");
  positive(given.connect, "connect");
  positive(given.handshake, "handshake");
  positive(given.place, "place");
  positive(given.first_byte, "first_byte");
  positive(given.idle, "idle");
  positive(given.throughput_window, "throughput_window");
  positive(given.object, "object");
  positive(given.run, "run");
  return given;
}

}  // namespace s3pager::s3
