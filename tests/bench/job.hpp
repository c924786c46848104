// What every contestant is given: a server, objects to read from it, and what to do with their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "consumer.hpp"

namespace bench {

/// A server on 127.0.0.1 that has the objects of `bucket` at its path. By HTTPS its certificate is `host`'s, of an authority in
/// `ca_file`, and the same objects are at BUCKET.`hosts_suffix`, whatever the bucket.
struct target {
  std::string host = "localhost";
  std::string hosts_suffix = "s3.localhost";
  std::uint16_t port = 0;
  bool secure = false;
  std::string ca_file = {};
  std::string bucket = "bench";
  int server_core = -1;  ///< where it runs; -1: not known

  [[nodiscard]] std::string authority() const { return host + ':' + std::to_string(port); }
  [[nodiscard]] std::string url() const { return (secure ? "https://" : "http://") + authority(); }
  [[nodiscard]] std::string path(const std::string& key) const { return '/' + bucket + '/' + key; }
  /// Of a page of the list of what begins with `prefix`, which needs no encoding.
  [[nodiscard]] std::string list_path(const std::string& prefix, const std::string& token = {}) const {
    return '/' + bucket + "/?" + (token.empty() ? std::string() : "continuation-token=" + token + '&') +
           "encoding-type=url&list-type=2&prefix=" + prefix;
  }
};

/// What contestants that sign sign with; the pair of AWS's documentation.
inline constexpr const char* access_key_id = "AKIAIOSFODNN7EXAMPLE";
inline constexpr const char* secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
inline constexpr const char* region = "us-east-1";

/// Reads all objects of a prefix over so many connections at once. Before what is measured, each connection reads one of
/// `warming_keys`: handshakes are first_page_job's.
struct bulk_job {
  unsigned connections = 1;
  consumption what_for = consumption::count;
  std::string prefix = {};  ///< for who lists; `keys` are what is listed there
  std::vector<std::string> warming_keys = {};
  std::vector<std::string> keys = {};
  std::uint64_t object_bytes = 0;
  std::uint64_t range_bytes = 0;  ///< for who has to be told: asked for at a time; 0: an object is one request
};

/// How much a client has before it asks for its object.
enum class client_state : std::uint8_t {
  fresh,       ///< nothing: its making counts, with reading the authorities' file
  no_session,  ///< it is made: connect, (full handshake,) request
  session,     ///< that too, and a session to resume
  connection,  ///< and a connection that is kept
};

/// The time to the first bytes of an object, so many times, one after the other: of `key`, or if there is a `prefix`, of what its
/// list names.
struct first_page_job {
  client_state from = client_state::fresh;
  unsigned times = 1;
  std::string key = {};
  std::string prefix = {};
  std::uint64_t object_bytes = 0;
};

/// Reads a list to its end.
struct list_job {
  std::string prefix = {};
  unsigned pages = 0;  ///< for who can't tell; with so many keys
  unsigned keys = 0;
};

}  // namespace bench
