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
    const std::vector<std::string> warming = warming_requests(at_, what);
    const std::vector<std::string> requests = written_requests(at_, what);
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<connection> connections(what.connections);
    for (connection& each : connections) {
      each.socket = plain_socket(at_);
      ::fcntl(each.socket.get(), F_SETFL, O_NONBLOCK);
      epoll_event wanted{.events = EPOLLIN, .data = {.ptr = &each}};
      if (::epoll_ctl(poller, EPOLL_CTL_ADD, each.socket.get(), &wanted) != 0) throw std::runtime_error("epoll_ctl");
    }
    const std::unique_ptr<char[]> room = std::make_unique<char[]>(buffer_bytes_);
    meter used(at_.server_core);
    usage made;
    consumer unused(consumption::count);
    consumer taking(what.what_for);
    read_all(poller, connections, warming, room.get(), unused, made);
    made = {};
    used.begin();
    read_all(poller, connections, requests, room.get(), taking, made);
    used.end();
    ::close(poller);
    made.bytes = taking.bytes();
    made.count = what.keys.size();
    made.requests = requests.size();
    made.connections = connections.size();
    return used.total(made);
  }

 private:
  struct connection {
    plain_socket socket;
    answer_reader answer;
  };

  void read_all(int poller, std::vector<connection>& connections, const std::vector<std::string>& requests, char* room,
                consumer& into, usage& made) const {
    std::size_t asked = 0;
    std::size_t busy = 0;
    std::array<epoll_event, 64> events;
    const auto ask = [&](connection& on) {
      on.answer.begin();
      on.socket.send(requests[asked++]);
    };
    for (connection& each : connections) {
      if (asked == requests.size()) break;
      ask(each);
      ++busy;
    }
    while (busy > 0) {
      const int ready = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
      ++made.waits;
      for (int i = 0; i < ready; ++i) {
        connection& from = *static_cast<connection*>(events[static_cast<std::size_t>(i)].data.ptr);
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
