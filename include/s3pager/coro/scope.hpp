// An owner of many tasks that run side by side. Knows nothing of reactors.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <utility>

#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/task.hpp"

namespace s3pager::coro {

/// Runs tasks side by side on one thread: `scope lanes(co_await this_context()); lanes.spawn(f()); co_await lanes.join();`.
/// The first task that throws stops its siblings (their waits end with errc::cancelled); `join()` ends when all have
/// ended, and rethrows that first failure. A stop of the context that the scope was made with stops them all. Destroying
/// a scope destroys every frame in it, wherever it is suspended; what the tasks refer to must be declared before the scope.
class scope {
 public:
  explicit scope(const context& parent) : parent_(parent) {
    own_.queue = parent.queue;
    own_.stop = make_ref<stop_state>();
    if (parent_.stop) {
      if (parent_.stop->requested()) own_.stop->request();
      else parent_.stop->add(parent_stop_);
    }
  }
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  ~scope() {
    clear(finished_);
    clear(running_);
  }

  /// Takes the task over; it starts from the ready queue, not within this call.
  void spawn(task<> work, std::source_location site = std::source_location::current()) {
    clear(finished_);
    child* node = new child(*this, std::move(work));
    running_.push_back(*node);
    ++count_;
    node->start(own_, site);
  }

  /// Tasks that have not ended yet.
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] bool idle() const noexcept { return count_ == 0; }
  [[nodiscard]] bool failed() const noexcept { return failure_ != nullptr; }

  /// Asks every task in the scope, and every one spawned later, to stop.
  void request_stop() noexcept { own_.stop->request(); }
  [[nodiscard]] stop_token token() const noexcept { return stop_token(own_.stop.get()); }

  /// Throws the first failure, if there is one; it is thrown once.
  void rethrow() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  class join_awaiter {
   public:
    explicit join_awaiter(scope& owner) noexcept : owner_(owner) {}
    join_awaiter(const join_awaiter&) = delete;
    join_awaiter& operator=(const join_awaiter&) = delete;
    ~join_awaiter() = default;
    [[nodiscard]] bool await_ready() const noexcept { return owner_.idle(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle,
                       std::source_location site = std::source_location::current()) noexcept {
      handle.promise().set_site(site);
      waiter_.bind(handle, handle.promise().queue());
      owner_.joiners_.push_back(waiter_);
    }
    void await_resume() {
      owner_.clear(owner_.finished_);
      owner_.rethrow();
    }

   private:
    scope& owner_;
    waiter waiter_;
  };

  /// Waits until every task has ended, then throws the first failure. A stop does not end this wait: it ends the tasks.
  [[nodiscard]] join_awaiter join() noexcept { return join_awaiter(*this); }

 private:
  class child final : public list_node, private completion {
   public:
    child(scope& owner, task<> work) noexcept : owner_(owner), work_(std::move(work)) {}
    void start(const context& inherited, const std::source_location& site) noexcept {
      auto& promise = work_.handle().promise();
      promise.inherit(inherited);
      promise.set_site(site);
      promise.set_completion(this);
      waiter_.bind(work_.handle(), *inherited.queue);
      inherited.queue->push(waiter_);
    }
    [[nodiscard]] const std::exception_ptr& failure() const noexcept { return work_.handle().promise().failure(); }

   private:
    void ended() noexcept override { owner_.child_ended(*this); }

    scope& owner_;
    task<> work_;
    waiter waiter_;
  };

  class forwarded_stop final : public stop_callback {
   public:
    explicit forwarded_stop(scope& owner) noexcept : owner_(owner) {}

   private:
    void on_stop() noexcept override { owner_.request_stop(); }
    scope& owner_;
  };

  void child_ended(child& node) noexcept {
    static_cast<list_node&>(node).unlink();
    finished_.push_back(node);
    --count_;
    if (node.failure() != nullptr && failure_ == nullptr) {
      failure_ = node.failure();
      request_stop();
    }
    if (count_ != 0) return;
    while (!joiners_.empty()) joiners_.front().wake();
  }

  // Frees the frames in `list`; a task's frame is destroyed here, never from within its own end.
  void clear(intrusive_list<child>& list) noexcept {
    while (child* node = list.pop_front()) delete node;
  }

  context parent_;
  context own_;
  forwarded_stop parent_stop_{*this};
  intrusive_list<child> running_;
  intrusive_list<child> finished_;
  std::size_t count_ = 0;
  intrusive_list<waiter> joiners_;
  std::exception_ptr failure_;
};

}  // namespace s3pager::coro
