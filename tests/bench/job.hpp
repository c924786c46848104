// What every contestant is given: a server, and objects to read from it. They only count the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// An HTTPS server on 127.0.0.1 whose certificate is `host`'s, of an authority in `ca_file`. At BUCKET.`hosts_suffix`,
/// whatever the bucket, it has the objects of `bucket`.
struct target {
  std::string host = "localhost";
  std::string hosts_suffix = "s3.localhost";
  std::uint16_t port = 0;
  std::string ca_file = {};
  std::string bucket = "bench";

  [[nodiscard]] std::string authority() const { return host + ':' + std::to_string(port); }
  [[nodiscard]] std::string path(const std::string& key) const { return '/' + bucket + '/' + key; }
};

/// Many objects over so many connections at once. Before what is measured, each connection reads one of `warming_keys`: the
/// handshakes are first_page_job's.
struct bulk_job {
  unsigned connections = 1;
  std::vector<std::string> warming_keys = {};
  std::vector<std::string> keys = {};
};

/// How much a client has before it asks for its object.
enum class client_state : std::uint8_t {
  fresh,       ///< nothing: its making counts, with reading the authorities' file
  no_session,  ///< it is made: connect, full handshake, request
  session,     ///< that too, and a session to resume
  connection,  ///< and a connection that is kept
};

/// The time to the first bytes of one object, so many times, one after the other.
struct first_page_job {
  client_state from = client_state::fresh;
  unsigned times = 1;
  std::string key = {};
};

}  // namespace bench
