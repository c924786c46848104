// libcurl's multi handle on a reactor: its sockets are polled, and its one timer is kept, by the loop. Knows easy handles, and not
// what they ask. https://curl.se/libcurl/c/curl_multi_socket_action.html
#pragma once

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>

#include <chrono>
#include <map>
#include <new>
#include <string>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/operation.hpp"
#include "s3pager/ring/poll.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::net::detail {

/// Told when curl is done with an easy handle, whose CURLOPT_PRIVATE it is. Resumes nothing, and calls nothing of curl's.
class curl_transfer {
 public:
  virtual void ended(CURLcode how) noexcept = 0;

 protected:
  ~curl_transfer() = default;
};

/// Curl's callbacks only take notes, and submit or abandon polls; curl is called from timers and by who owns an easy handle, never from
/// within a callback of its own. One thread's. Easy handles are to be removed before it goes.
class curl_multi final : private ring::timer {
 public:
  explicit curl_multi(ring::reactor& loop) : loop_(loop), asked_(*this) {
    // Once a process, however many threads begin at the same time.
    static const CURLcode ready = ::curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready == CURLE_OK) native_ = ::curl_multi_init();
    if (native_ == nullptr) throw error(errc::unavailable, "libcurl can't be set up");
    ::curl_multi_setopt(native_, CURLMOPT_SOCKETFUNCTION, &curl_multi::socket_changed);
    ::curl_multi_setopt(native_, CURLMOPT_SOCKETDATA, this);
    ::curl_multi_setopt(native_, CURLMOPT_TIMERFUNCTION, &curl_multi::timer_changed);
    ::curl_multi_setopt(native_, CURLMOPT_TIMERDATA, this);
    ::curl_multi_setopt(native_, CURLMOPT_MAXCONNECTS, 4L);
  }
  curl_multi(const curl_multi&) = delete;
  curl_multi& operator=(const curl_multi&) = delete;
  ~curl_multi() { ::curl_multi_cleanup(native_); }

  void add(CURL* easy) {
    const CURLMcode added = ::curl_multi_add_handle(native_, easy);
    if (added != CURLM_OK) throw error(errc::unavailable, std::string("libcurl can't begin: ") + ::curl_multi_strerror(added));
  }
  void remove(CURL* easy) noexcept { ::curl_multi_remove_handle(native_, easy); }

 private:
  /// What curl waits for on a socket.
  struct watch final : list_node, ring::operation_listener {
    explicit watch(curl_multi& of) noexcept : owner(of) {}
    void completed() noexcept override { owner.polled(*this); }

    curl_multi& owner;
    curl_socket_t socket = CURL_SOCKET_BAD;
    // A duplicate of it, for polls: curl 7.88 closes a socket that is connecting without a word.
    ref<ring::descriptor> held;
    int wanted = 0;  // POLLIN, POLLOUT
    int events = 0;  // that came, while it is linked
    ring::operation_owner poll;
  };

  class curl_timer final : public ring::timer {
   public:
    explicit curl_timer(curl_multi& of) noexcept : of_(of) {}

   private:
    void expired() noexcept override { of_.act(CURL_SOCKET_TIMEOUT, 0); }
    curl_multi& of_;
  };

  void polled(watch& which) noexcept {
    const int result = which.poll->result;
    which.poll.reset();
    which.events = 0;
    if (result < 0 || (result & (POLLERR | POLLNVAL)) != 0) which.events |= CURL_CSELECT_ERR;
    if (result > 0 && (result & (POLLIN | POLLHUP)) != 0) which.events |= CURL_CSELECT_IN;
    if (result > 0 && (result & POLLOUT) != 0) which.events |= CURL_CSELECT_OUT;
    fired_.push_back(which);
    arm_quietly(*this, time_point::min());
  }
  /// Hands curl what came, in the same turn of the loop.
  void expired() noexcept override {
    while (watch* which = fired_.pop_front()) {
      const curl_socket_t socket = which->socket;
      act(socket, which->events);
      // It may be gone by now, and another one's socket have its number.
      const auto now = watches_.find(socket);
      if (now != watches_.end() && !now->second.poll && !now->second.linked()) arm(now->second);
    }
  }
  void act(curl_socket_t socket, int events) noexcept {
    int running = 0;
    ::curl_multi_socket_action(native_, socket, events, &running);
    int left = 0;
    while (const CURLMsg* told = ::curl_multi_info_read(native_, &left)) {
      if (told->msg != CURLMSG_DONE) continue;
      const CURLcode how = told->data.result;
      char* whose = nullptr;
      ::curl_easy_getinfo(told->easy_handle, CURLINFO_PRIVATE, &whose);
      reinterpret_cast<curl_transfer*>(whose)->ended(how);
    }
  }
  /// Whether there was memory for it.
  bool arm(watch& which) noexcept {
    try {
      which.poll = ring::make_poll(loop_, which.held->fd(), static_cast<short>(which.wanted), which.held);
      which.poll->listener = &which;
      loop_.submit(*which.poll);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  void arm_quietly(ring::timer& which, time_point when) noexcept {
    try {
      loop_.timers().arm(which, when);
    } catch (const std::bad_alloc&) {
      // The limits of the calls end what waits for it: these are armed before.
    }
  }

  static int socket_changed(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept {
    return static_cast<curl_multi*>(self)->watch_socket(socket, what) ? 0 : -1;
  }
  bool watch_socket(curl_socket_t socket, int what) noexcept {
    if (what == CURL_POLL_REMOVE) {
      watches_.erase(socket);  // abandons its poll
      return true;
    }
    try {
      watch& which = watches_.try_emplace(socket, *this).first->second;
      if (!which.held) {
        unique_fd copy(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
        if (!copy) {
          watches_.erase(socket);
          return false;
        }
        which.held = make_ref<ring::descriptor>(std::move(copy));
      }
      which.socket = socket;
      const int wanted = ((what & CURL_POLL_IN) != 0 ? POLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? POLLOUT : 0);
      if (std::exchange(which.wanted, wanted) == wanted && which.poll) return true;
      which.poll.reset();
      return which.linked() || arm(which);
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  static int timer_changed(CURLM*, long milliseconds, void* self) noexcept {
    auto& that = *static_cast<curl_multi*>(self);
    const time_point now = that.loop_.now();
    if (milliseconds < 0)
      that.asked_.disarm();
    else
      that.arm_quietly(that.asked_, milliseconds == 0 ? time_point::min() : after(now, std::chrono::milliseconds(milliseconds)));
    return 0;
  }

  ring::reactor& loop_;
  CURLM* native_ = nullptr;
  curl_timer asked_;
  intrusive_list<watch> fired_;
  std::map<curl_socket_t, watch> watches_;
};

}  // namespace s3pager::net::detail
