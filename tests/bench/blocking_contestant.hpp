// The barest client there is: one blocking socket, one request at a time, no XML read. What the first page and listing are held against.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "job.hpp"
#include "measure.hpp"
#include "plain_client.hpp"

namespace bench {

class blocking_contestant {
 public:
  explicit blocking_contestant(target at) : at_(std::move(at)), room_(256 << 10) {}

  /// A list, and a GET of the first key in it. Ends with the first bytes.
  [[nodiscard]] usage first_page(const first_page_job& what) {
    const std::string list = written_request(at_, at_.list_path(what.prefix));
    plain_socket kept(at_);
    meter used;
    usage made;
    for (unsigned i = 0; i < what.times; ++i) {
      used.begin();
      if (what.from != client_state::connection) kept = plain_socket(at_);
      kept.send(list);
      text_.clear();
      read(kept, [&](std::string_view body) { text_ += body; });
      kept.send(written_request(at_, at_.path(first_key(text_))));
      bool came = false;
      std::size_t bytes = 0;
      read(kept, [&](std::string_view body) {
        if (!std::exchange(came, true)) used.end();
        bytes += body.size();
      });
      made.bytes += bytes;
      ++made.count;
    }
    made.requests = 2 * made.count;
    return used.total(made);
  }

  /// All pages of the list. It knows beforehand how they are asked for.
  [[nodiscard]] usage list(const list_job& what) {
    std::vector<std::string> requests;
    for (unsigned i = 0; i < what.pages; ++i)
      requests.push_back(written_request(at_, at_.list_path(what.prefix, i == 0 ? "" : 'p' + std::to_string(i))));
    const plain_socket on(at_);
    meter used(at_.server_core);
    usage made;
    used.begin();
    for (const std::string& each : requests) {
      on.send(each);
      read(on, [](std::string_view) {});
    }
    used.end();
    made.count = what.keys;
    made.requests = requests.size();
    return used.total(made);
  }

 private:
  template <class Take>
  void read(const plain_socket& from, Take take) {
    answer_.begin();
    while (!answer_.ended()) {
      const ssize_t got = ::recv(from.get(), room_.data(), room_.size(), 0);
      if (got <= 0) throw std::runtime_error("receiving");
      const std::string_view body = answer_.take({room_.data(), static_cast<std::size_t>(got)});
      if (!body.empty()) take(body);
    }
  }

  target at_;
  std::vector<char> room_;
  std::string text_ = {};
  answer_reader answer_ = {};
};

}  // namespace bench
