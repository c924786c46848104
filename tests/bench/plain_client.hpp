// What the floors have in common: requests that are written beforehand, a connection, and as little of HTTP as nginx's answers need.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "job.hpp"
#include "measure.hpp"

namespace bench {

[[nodiscard]] inline std::string written_request(const target& at, const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: " + at.authority() + "\r\n" + more + "\r\n";
}

[[nodiscard]] inline std::vector<std::string> warming_requests(const target& at, const bulk_job& what) {
  std::vector<std::string> made;
  for (const std::string& key : what.warming_keys) made.push_back(written_request(at, at.path(key)));
  return made;
}

[[nodiscard]] inline std::vector<std::string> written_requests(const target& at, const bulk_job& what) {
  std::vector<std::string> made;
  for (const std::string& key : what.keys) {
    const std::uint64_t step = what.range_bytes == 0 ? what.object_bytes : what.range_bytes;
    for (std::uint64_t from = 0; from < what.object_bytes; from += step) {
      const std::string range =
          what.range_bytes == 0 ? std::string()
                                : "Range: bytes=" + std::to_string(from) + '-' +
                                      std::to_string(std::min(from + step, what.object_bytes) - 1) + "\r\n";
      made.push_back(written_request(at, at.path(key), range));
    }
  }
  return made;
}

/// Of a page of a list whose keys need no decoding.
[[nodiscard]] inline std::string first_key(std::string_view list) {
  constexpr std::string_view before = "<Key>";
  const std::size_t at = list.find(before);
  const std::size_t end = list.find('<', at + before.size());
  if (at == std::string_view::npos || end == std::string_view::npos) throw std::runtime_error("the list names nothing");
  return std::string(list.substr(at + before.size(), end - at - before.size()));
}

/// A connection to the server; closed with it. Blocks.
class plain_socket {
 public:
  plain_socket() = default;
  explicit plain_socket(const target& at) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(at.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("connect");
  }
  plain_socket(plain_socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  plain_socket& operator=(plain_socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~plain_socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  void send(std::string_view text) const {
    if (::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("sending a request");
  }

 private:
  int descriptor_ = -1;
};

/// Finds the body in what is received of one answer after the other, each with a Content-Length.
class answer_reader {
 public:
  void begin() {
    head_.clear();
    in_body_ = false;
    ended_ = false;
  }
  /// What of `bytes` is of the body.
  [[nodiscard]] std::string_view take(std::string_view bytes) {
    if (!in_body_) {
      if (head_.empty() && read_head(bytes)) {
        bytes.remove_prefix(head_size_);
      } else {
        const std::size_t before = head_.size();
        head_ += bytes;
        if (!read_head(head_)) return {};
        bytes.remove_prefix(head_size_ - before);
      }
    }
    if (bytes.size() > remaining_bytes_) throw std::runtime_error("more came than was said");
    remaining_bytes_ -= bytes.size();
    ended_ = remaining_bytes_ == 0;
    return bytes;
  }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  [[nodiscard]] bool read_head(std::string_view text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    constexpr std::string_view name = "Content-Length: ";
    const std::size_t at = text.find(name);
    if (!text.starts_with("HTTP/1.1 20") || at > end)
      throw std::runtime_error("the answer is " + std::string(text.substr(0, end)));
    std::from_chars(text.data() + at + name.size(), text.data() + end, remaining_bytes_);
    head_size_ = end + 4;
    in_body_ = true;
    return true;
  }

  std::string head_ = {};  // as far as it came in pieces
  std::size_t head_size_ = 0;
  std::uint64_t remaining_bytes_ = 0;
  bool in_body_ = false;
  bool ended_ = false;
};

struct plain_connection {
  plain_socket socket;
  answer_reader answer;
  bool armed = false;  ///< a receive is, from an answer before
};

/// What a floor takes for a job: `read_all(requests, consumer, usage)` asks for all of these on its connections, which are there by
/// then, first for what warms them, and counts its waits.
template <class ReadAll>
[[nodiscard]] usage measured_bulk(const target& at, const bulk_job& what, ReadAll read_all) {
  const std::vector<std::string> warming = warming_requests(at, what);
  const std::vector<std::string> requests = written_requests(at, what);
  meter used(at.server_core);
  usage made;
  consumer unused(consumption::count);
  consumer taking(what.what_for);
  read_all(warming, unused, made);
  made = {};
  used.begin();
  read_all(requests, taking, made);
  used.end();
  made.bytes = taking.bytes();
  made.count = what.keys.size();
  made.requests = requests.size();
  made.connections = what.connections;
  return used.total(made);
}

}  // namespace bench
