// A floor: epoll, one buffer for all connections, one receive whenever one is readable, in plain C style. Nothing is signed, nothing
// verified, nothing kept.
#pragma once

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "job.hpp"
#include "measure.hpp"
#include "plain_client.hpp"

namespace bench {

class epoll_contestant {
 public:
  epoll_contestant(target at, std::size_t buffer_bytes)
      : at_(std::move(at)), buffer_bytes_(buffer_bytes) {}

  [[nodiscard]] usage bulk(const bulk_job& what) const {
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<plain_connection> connections(what.connections);
    for (plain_connection& each : connections) {
      each.socket = plain_socket(at_);
      ::fcntl(each.socket.get(), F_SETFL, O_NONBLOCK);
      epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &each}};
      if (::epoll_ctl(poller, EPOLL_CTL_ADD, each.socket.get(), &wanted) != 0) throw std::runtime_error("epoll_ctl");
    }
    const std::unique_ptr<char[]> room = std::make_unique<char[]>(buffer_bytes_);
    const usage made = measured_bulk(at_, what, [&](const std::vector<std::string>& requests, consumer& into, usage& counts) {
      read_all(poller, connections, requests, room.get(), into, counts);
    });
    ::close(poller);
    return made;
  }

 private:
  void read_all(int poller, std::vector<plain_connection>& connections, const std::vector<std::string>& requests, char* room,
                consumer& into, usage& made) const {
    std::size_t asked = 0;
    std::size_t busy = 0;
    std::array<epoll_event, 64> events;
    const auto ask = [&](plain_connection& on) {
      on.answer.begin();
      on.socket.send(requests[asked++]);
    };
    for (plain_connection& each : connections) {
      if (asked == requests.size()) break;
      ask(each);
      ++busy;
    }
    while (busy > 0) {
      const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
      ++made.waits;
      for (int i = 0; i < ready; ++i) {
        plain_connection& from = *static_cast<plain_connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        const ssize_t got = ::recv(from.socket.get(), room, buffer_bytes_, 0);
        if (got < 0 && errno == EAGAIN) continue;
        if (got <= 0) throw std::runtime_error("receiving");
        const std::string_view body = from.answer.take({room, static_cast<std::size_t>(got)});
        into.take(body.data(), body.size());
        if (!from.answer.ended()) continue;
        if (asked < requests.size())
          ask(from);
        else
          --busy;
      }
    }
  }

  target at_;
  std::size_t buffer_bytes_;
};

}  // namespace bench
