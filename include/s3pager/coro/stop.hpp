// Asking a tree of coroutines to stop: a source, tokens that look at it, and callbacks that only link.
// One thread's: a stop that comes from another thread is posted to the reactor first. Knows no coroutine.
#pragma once

#include "s3pager/base/counted.hpp"
#include "s3pager/base/intrusive_list.hpp"

namespace s3pager::coro {

class stop_callback;

/// The shared flag behind a stop_source, and who wants to be told.
class stop_state final : public counted {
 public:
  [[nodiscard]] bool requested() const noexcept { return requested_; }
  /// Sets the flag and tells every callback, each once. A second call does nothing.
  inline void request() noexcept;
  inline void add(stop_callback& callback) noexcept;

 private:
  bool requested_ = false;
  intrusive_list<stop_callback> callbacks_;
};

/// What is told when a stop is requested. Destroying it takes it off the list, also from within a call of another one.
/// `on_stop` may link and set flags; it must not resume, destroy a coroutine or throw.
class stop_callback : public list_node {
 protected:
  stop_callback() noexcept = default;
  ~stop_callback() = default;

 private:
  friend class stop_state;
  virtual void on_stop() noexcept = 0;
};

inline void stop_state::request() noexcept {
  if (requested_) return;
  requested_ = true;
  const ref<stop_state> alive(this);
  while (stop_callback* callback = callbacks_.pop_front()) callback->on_stop();
}

inline void stop_state::add(stop_callback& callback) noexcept { callbacks_.push_back(callback); }

/// A view of a stop_source, as options carry it: trivially destructible, owns nothing. Default: never stops. What is given
/// a token takes its own reference to the state, so the source need live only until the call that takes the token returns.
class stop_token {
 public:
  constexpr stop_token() noexcept = default;
  explicit constexpr stop_token(stop_state* state) noexcept : state_(state) {}
  [[nodiscard]] bool stop_requested() const noexcept { return state_ != nullptr && state_->requested(); }
  [[nodiscard]] ref<stop_state> state() const noexcept { return ref<stop_state>(state_); }

 private:
  stop_state* state_ = nullptr;
};

/// Who can ask for a stop. Everything that was started with its token ends soon with errc::cancelled. Use on one thread.
class stop_source {
 public:
  stop_source() : state_(make_ref<stop_state>()) {}
  void request_stop() const noexcept { state_->request(); }
  [[nodiscard]] bool stop_requested() const noexcept { return state_->requested(); }
  [[nodiscard]] stop_token token() const noexcept { return stop_token(state_.get()); }

 private:
  ref<stop_state> state_;
};

}  // namespace s3pager::coro
