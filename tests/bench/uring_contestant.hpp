// A floor: io_uring with one-shot receives, poll first, into a ring of buffers that serves all connections: the kernel picks them when
// there is something to receive, and, where it can (6.10 and later), fills several at a time; with a receive window of 4 MiB. For small
// objects also as s3pager waits, for many at a time, and with receives that stay armed from one answer to the next.
#pragma once

#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <s3pager/ring/kernel.hpp>
#include <s3pager/ring/submit_and_wait.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "job.hpp"
#include "measure.hpp"
#include "plain_client.hpp"

namespace bench {

struct ring_use {
  bool batches = false;    ///< waits for half of the answers that are under way, 32 at most, or 200 us; on Linux 6.12 and later
  bool multishot = false;  ///< a receive serves all answers of a connection
};

struct ring_sizes {
  std::size_t buffer_bytes = 64 << 10;
  unsigned buffers = 128;  ///< a power of two
};

namespace detail {

/// A ring and its buffers. Who is to receive is a pointer that its completion gives back.
class receiving_ring {
 public:
  receiving_ring(ring_sizes sizes, unsigned connections, ring_use how_used) : sizes_(sizes), use_(how_used) {
    io_uring_params how{};
    how.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    how.cq_entries = 4096;
    if (::io_uring_queue_init_params(2 * connections, &ring_, &how) != 0) throw std::runtime_error("io_uring_queue_init");
    bundles_ = (how.features & s3pager::ring::abi::feature_recvsend_bundle) != 0;
    use_.batches = use_.batches && (how.features & s3pager::ring::abi::feature_min_timeout) != 0;
    memory_ = static_cast<char*>(map(sizes.buffer_bytes * sizes.buffers));
    buffers_ = static_cast<io_uring_buf_ring*>(map(sizes.buffers * sizeof(io_uring_buf)));
    ::io_uring_buf_ring_init(buffers_);
    io_uring_buf_reg about{};
    about.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    about.ring_entries = sizes.buffers;
    about.bgid = group;
    if (::io_uring_register_buf_ring(&ring_, &about, 0) != 0) throw std::runtime_error("io_uring_register_buf_ring");
    for (unsigned i = 0; i < sizes.buffers; ++i) put_back(i);
    publish();
  }
  receiving_ring(const receiving_ring&) = delete;
  receiving_ring& operator=(const receiving_ring&) = delete;
  ~receiving_ring() {
    ::io_uring_queue_exit(&ring_);
    ::munmap(buffers_, sizes_.buffers * sizeof(io_uring_buf));
    ::munmap(memory_, sizes_.buffer_bytes * sizes_.buffers);
  }

  /// The text must live until the answer has come.
  void send(int socket, std::string_view text) {
    io_uring_sqe& made = next();
    ::io_uring_prep_send(&made, socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_WAITALL);
    made.flags |= IOSQE_CQE_SKIP_SUCCESS;
    ::io_uring_sqe_set_data(&made, nullptr);
  }
  void receive(int socket, void* who) {
    io_uring_sqe& made = next();
    if (use_.multishot) {
      ::io_uring_prep_recv_multishot(&made, socket, nullptr, 0, 0);
      made.ioprio |= IORING_RECVSEND_POLL_FIRST;
    } else {
      // A bundle without a length takes what there is.
      ::io_uring_prep_recv(&made, socket, nullptr, bundles_ ? 0 : sizes_.buffer_bytes, 0);
      made.ioprio = static_cast<std::uint16_t>(IORING_RECVSEND_POLL_FIRST | (bundles_ ? s3pager::ring::abi::recvsend_bundle : 0));
    }
    made.flags |= IOSQE_BUFFER_SELECT;
    made.buf_group = group;
    ::io_uring_sqe_set_data(&made, who);
  }
  /// For one of so many answers, or for a batch.
  void submit_and_wait(std::size_t under_way) {
    using namespace s3pager::ring;
    const auto batch = static_cast<std::uint32_t>(std::clamp<std::size_t>(under_way / 2, 1, 32));
    const int result = use_.batches ? submit_and_wait_patiently(ring_, batch, std::chrono::microseconds(200), for_ever)
                                    : ::io_uring_submit_and_wait(&ring_, 1);
    if (result < 0 && result != -ETIME && result != -EINTR) throw std::runtime_error("io_uring_enter");
  }
  /// Of all completions that are there: take(who, text) for each buffer, and then end(who, armed), which has to receive again unless a
  /// receive is still armed.
  template <class Take, class End>
  void reap(Take take, End end) {
    while (::io_uring_cq_ready(&ring_) > 0) {
      io_uring_cqe* one = nullptr;
      ::io_uring_peek_cqe(&ring_, &one);
      const io_uring_cqe got = *one;
      ::io_uring_cq_advance(&ring_, 1);
      void* const who = ::io_uring_cqe_get_data(&got);
      if (who == nullptr) throw std::runtime_error("sending a request");
      // ENOBUFS: others have them all, and will have given them back by the next turn.
      if (got.res <= 0 && got.res != -ENOBUFS) throw std::runtime_error("receiving");
      // A bundle is of buffers as they follow each other in the ring. Given back in the order in which they were taken, each keeps
      // its place there.
      unsigned buffer = got.flags >> IORING_CQE_BUFFER_SHIFT;
      for (std::size_t left = got.res > 0 ? static_cast<std::size_t>(got.res) : 0; left > 0; ++buffer) {
        buffer &= sizes_.buffers - 1;
        const std::size_t size = std::min(left, sizes_.buffer_bytes);
        take(who, std::string_view(memory_ + buffer * sizes_.buffer_bytes, size));
        put_back(buffer);
        left -= size;
      }
      end(who, (got.flags & IORING_CQE_F_MORE) != 0);
    }
    publish();
  }

 private:
  static constexpr std::uint16_t group = 1;

  [[nodiscard]] static void* map(std::size_t size) {
    void* const made = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED) throw std::runtime_error("mmap");
    return made;
  }
  [[nodiscard]] io_uring_sqe& next() {
    io_uring_sqe* made = ::io_uring_get_sqe(&ring_);
    if (made == nullptr) throw std::runtime_error("the ring is full");
    return *made;
  }
  void put_back(unsigned buffer) {
    ::io_uring_buf_ring_add(buffers_, memory_ + buffer * sizes_.buffer_bytes, static_cast<unsigned>(sizes_.buffer_bytes),
                            static_cast<unsigned short>(buffer), ::io_uring_buf_ring_mask(sizes_.buffers),
                            static_cast<int>(unpublished_++));
  }
  void publish() {
    ::io_uring_buf_ring_advance(buffers_, static_cast<int>(std::exchange(unpublished_, 0)));
  }

  ring_sizes sizes_;
  io_uring ring_{};
  ring_use use_;
  bool bundles_ = false;
  char* memory_ = nullptr;
  io_uring_buf_ring* buffers_ = nullptr;
  unsigned unpublished_ = 0;
};

}  // namespace detail

class uring_contestant {
 public:
  explicit uring_contestant(target at, ring_sizes sizes = {}, ring_use how = {}) : at_(std::move(at)), sizes_(sizes), how_(how) {}

  [[nodiscard]] usage bulk(const bulk_job& what) const {
    std::vector<plain_connection> connections(what.connections);
    for (plain_connection& each : connections) {
      each.socket = plain_socket(at_);
      // As s3pager has it, so that no floor is higher than it need be.
      for (const int mark : {4 << 20, 1}) ::setsockopt(each.socket.get(), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
    }
    detail::receiving_ring ring(sizes_, what.connections, how_);
    return measured_bulk(at_, what, [&](const std::vector<std::string>& requests, consumer& into, usage& counts) {
      read_all(ring, connections, requests, into, counts);
    });
  }

 private:
  static void read_all(detail::receiving_ring& ring, std::vector<plain_connection>& connections,
                       const std::vector<std::string>& requests, consumer& into, usage& made) {
    std::size_t asked = 0;
    std::size_t busy = 0;
    const auto ask = [&](plain_connection& on) {
      on.answer.begin();
      ring.send(on.socket.get(), requests[asked++]);
    };
    for (plain_connection& each : connections) {
      if (asked == requests.size()) break;
      ask(each);
      if (!std::exchange(each.armed, false)) ring.receive(each.socket.get(), &each);
      ++busy;
    }
    while (busy > 0) {
      ring.submit_and_wait(busy);
      ++made.waits;
      ring.reap(
          [&](void* who, std::string_view text) {
            const std::string_view body = static_cast<plain_connection*>(who)->answer.take(text);
            into.take(body.data(), body.size());
          },
          [&](void* who, bool armed) {
            plain_connection& from = *static_cast<plain_connection*>(who);
            const bool goes_on = !from.answer.ended() || asked < requests.size();
            if (from.answer.ended() && goes_on) ask(from);
            if (goes_on && !armed) ring.receive(from.socket.get(), who);
            if (!goes_on) {
              from.armed = armed;
              --busy;
            }
          });
    }
  }

  target at_;
  ring_sizes sizes_;
  ring_use how_;
};

}  // namespace bench
