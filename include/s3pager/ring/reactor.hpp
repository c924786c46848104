// One io_uring a thread, and the loop that drives coroutines on it: submits, reaps, resumes, fires timers.
// Knows operations and time; sockets, files and names are built on it.
#pragma once

#include <liburing.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/ready_queue.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/kernel.hpp"
#include "s3pager/ring/operation.hpp"
#include "s3pager/ring/submit_and_wait.hpp"
#include "s3pager/ring/timer.hpp"
#include "s3pager/ring/waker.hpp"

namespace s3pager::ring {

struct reactor_options {
  s3pager::clock* clock = nullptr;       ///< null: the system's; else it must outlive the reactor
  std::uint32_t entries = 512;           ///< submission queue, rounded up to a power of two by the kernel; 1 to 32768
  std::uint32_t completion_entries = 0;  ///< completion queue; 0: 16 times `entries`
  feature masked = feature::none;        ///< not to be used even where the kernel has it
  /// Where four receives or more are under way, a turn that waits does so for completions of half of them, 32 at most, but no longer than
  /// this: a turn, like a receive, costs more than what it is for. What else comes, from other threads too, may be looked at so much later.
  /// 0: each is looked at as it comes; at most 1 s. Turns that don't wait, as in another loop, are as long as that one lets them.
  std::chrono::microseconds batch_wait{200};
  submit_hook* hook = nullptr;           ///< for tests
};

/// What another thread leaves for a reactor. Owned by whoever posts it; `run` is called once on the reactor's thread, also
/// while the reactor ends, and may delete it.
class posted_call {
 public:
  virtual void run() noexcept = 0;

 protected:
  ~posted_call() = default;

 private:
  friend class reactor;
  posted_call* next_ = nullptr;
};

/// What has threads of its own that post to a reactor. The reactor destroys it, which joins them, when it ends: with no
/// operation in flight, and before what was posted is run for the last time.
class reactor_threads {
 public:
  reactor_threads() = default;
  reactor_threads(const reactor_threads&) = delete;
  reactor_threads& operator=(const reactor_threads&) = delete;
  virtual ~reactor_threads() = default;
};

/// Immovable, one a thread, made, driven and destroyed on that thread. It dies last: everything that refers to it goes before.
class reactor {
 public:
  /// Throws error: unavailable, or the errno, with words that tell an old kernel, sysctl, seccomp and used-up limits apart;
  /// invalid_argument if batch_wait is out of range.
  explicit reactor(const reactor_options& options = {})
      : clock_(options.clock != nullptr ? options.clock : &own_clock_),
        hook_(options.hook),
        waker_(make_ref<waker>()),
        batch_wait_(checked(options.batch_wait)) {
    set_up(options);
    arm_wake();
  }
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  /// Cancels what is in flight, reaps until the kernel holds nothing of this process's memory, and only then lets go of the ring.
  ~reactor() {
    closing_ = true;
    dispose_orphans();
    complete_answered();
    queued_.splice_back(starved_);
    while (!queued_.empty()) finish_unsubmitted(queued_.front(), -ECANCELED);
    for (operation& each : in_flight_) {
      each.listener = nullptr;
      each.orphaned = true;
    }
    bool refused = false;
    while (!refused && (!in_flight_.empty() || !orphans_.empty() || wake_armed_)) {
      dispose_orphans();
      // Again from time to time: an operation that is just being carried out can't be cancelled then, but may come to wait
      // afterwards. What reads a file is waited for.
      cancel_all();
      __kernel_timespec limit{0, 50'000'000};
      io_uring_cqe* first = nullptr;
      const int result = ::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
      refused = result < 0 && result != -ETIME && result != -EINTR && result != -EBUSY && result != -EAGAIN;
      reap();
    }
    assert(refused || in_flight_.empty());
    threads_.reset();
    run_posted();
    complete_answered();
    dispose_orphans();
    for (buffer_pool& pool : pools_) pool.unregister();
    ::io_uring_queue_exit(&ring_);
  }

  [[nodiscard]] const s3pager::clock& clock() const noexcept { return *clock_; }
  [[nodiscard]] time_point now() const noexcept { return clock_->now(); }
  [[nodiscard]] coro::ready_queue& ready() noexcept { return ready_; }
  [[nodiscard]] timer_queue& timers() noexcept { return timers_; }
  [[nodiscard]] feature features() const noexcept { return features_; }
  [[nodiscard]] coro::context context() noexcept { return coro::context{&ready_, {}}; }

  [[nodiscard]] ref<buffer_pool> make_buffer_pool(const buffer_pool_options& options) {
    auto pool = make_ref<buffer_pool>(ring_, next_group_, options, waker_);
    ++next_group_;
    pools_.push_back(*pool);
    return pool;
  }

  /// Where offload() keeps its threads; empty until it is first used.
  [[nodiscard]] std::unique_ptr<reactor_threads>& threads() noexcept { return threads_; }

  // ---- Operations: for awaiters -------------------------------------------------------------------------------------

  /// A fresh record, to be filled in and then submitted or abandoned.
  [[nodiscard]] operation& make_operation(operation_kind kind) {
    if (free_.empty()) grow();
    operation& made = *free_.pop_front();
    made.kind = kind;
    ++live_operations_;
    return made;
  }

  /// The only way to the ring. The listener, if there is one by then, is told of the completion, never from within this call.
  void submit(operation& what) noexcept {
    if (what.target) what.target->operation_began();
    what.at = operation::state::queued;
    queued_.push_back(what);
    if (closing_) {
      what.replacement = -ECANCELED;
      answered_.push_back(unlinked(what));
      return;
    }
    if (hook_ == nullptr) return;
    const submit_verdict verdict = hook_->submitting(what, submissions_++);
    switch (verdict.what) {
      case submit_verdict::action::answer:
        what.replacement = verdict.result;
        answered_.push_back(unlinked(what));
        break;
      case submit_verdict::action::replace: what.replacement = verdict.result; break;
      case submit_verdict::action::execute:
        if (what.taken)
          what.taken->limit(verdict.most_bytes);
        else if (what.kind == operation_kind::send || what.kind == operation_kind::receive ||
            what.kind == operation_kind::receive_slots || what.kind == operation_kind::read)
          what.request().len = std::min(what.request().len, verdict.most_bytes);
        break;
    }
  }

  /// The owner is done with a completed record.
  void release(operation& what) noexcept {
    assert(what.at == operation::state::completed);
    recycle(what);
  }

  /// The owner goes, whatever state the record is in. Only clears and links: the loop cancels, and disposes of the result.
  void abandon(operation& what) noexcept {
    what.listener = nullptr;
    what.orphaned = true;
    if (what.target && what.at != operation::state::fresh && what.at != operation::state::completed)
      what.target->operation_orphaned();
    orphans_.push_back(unlinked(what));
  }

  // ---- The loop -----------------------------------------------------------------------------------------------------

  enum class wait : std::uint8_t { no, yes };

  /// One turn: submits what is queued, waits for a completion or a timer if nothing is ready (and `waiting` allows it),
  /// reaps, resumes up to `budget` coroutines, fires timers that are due. True if more is ready. Throws what the
  /// kernel refuses (never for what a peer or a caller does).
  bool run_once(wait waiting = wait::yes, std::size_t budget = 4096) {
    ++turns_;
    if (event_fd_) clear_events();
    dispose_orphans();
    complete_answered();
    const bool idle = ready_.empty() && waiting == wait::yes && !timer_due();
    if (const int result = enter(idle ? wait::yes : wait::no, idle ? timers_.next() : no_deadline); result < 0)
      throw error(errno_code(result), "io_uring_enter");
    reap();
    run_posted();
    // As of now: what coroutines compute from here on is no delay of a peer's, whose bytes may have come meanwhile.
    const time_point reached = timers_.empty() ? time_point::min() : clock_->now();
    ready_.run(budget);
    timers_.fire(reached);
    if (timer_fd_) set_timer_fd();
    return !ready_.empty() || timer_due() || !orphans_.empty() || !answered_.empty() || !queued_.empty() || ::io_uring_sq_ready(&ring_) != 0;
  }

  /// Drives the loop until `work` has ended, and gives its result or throws its exception. `stop` ends what it waits for.
  template <class T>
  T run(task<T> work, coro::stop_token stop = {}) {
    const auto root = std::make_unique<root_run>();  // on the stack, GCC 12 takes the queue's links to it for dangling
    auto& promise = work.handle().promise();
    promise.inherit({&ready_, stop.state()});
    promise.set_completion(root.get());
    root->start.bind(work.handle(), ready_);
    ready_.push(root->start);
    while (!root->done) run_once();
    return promise.result();
  }

  /// For embedding in another loop: readable whenever run_once(wait::no) has something to do, as long as it is called until it
  /// returns false. An epoll descriptor, made at the first call; owned by the reactor.
  [[nodiscard]] int poll_descriptor() {
    if (poll_fd_) return poll_fd_.get();
    unique_fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    // Not the ring's own descriptor: with DEFER_TASKRUN nobody who polls that is woken by work that is yet to be run (seen
    // on 6.18), while a registered eventfd is written. It starts set, for what has happened before.
    unique_fd events(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    unique_fd poll(::epoll_create1(EPOLL_CLOEXEC));
    if (!timer || !events || !poll) throw error(errno_code(errno), "descriptors for embedding the reactor");
    if (const int result = ::io_uring_register_eventfd(&ring_, events.get()); result < 0)
      throw error(errno_code(result), "registering the descriptor of the ring's events");
    // The waker besides: the ring hears of it from within the write to one eventfd, where another can't be written.
    for (const int fd : {events.get(), timer.get(), waker_->fd()}) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = fd;
      if (::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw error(errno_code(errno), "watching the ring's descriptor");
    }
    timer_fd_ = std::move(timer);
    event_fd_ = std::move(events);
    poll_fd_ = std::move(poll);
    set_timer_fd();
    return poll_fd_.get();
  }

  /// Any thread: has `call` run on the reactor's thread in one of its next turns.
  void post(posted_call& call) noexcept {
    posted_call* head = posted_.load(std::memory_order_relaxed);
    do call.next_ = head;
    while (!posted_.compare_exchange_weak(head, &call, std::memory_order_release, std::memory_order_relaxed));
    waker_->wake();
  }
  /// For who outlives the reactor and may still want to wake it.
  [[nodiscard]] const ref<waker>& wake_handle() const noexcept { return waker_; }

  // ---- Counters -----------------------------------------------------------------------------------------------------

  /// Records that are not free: queued, in the kernel's hands, completed and not yet looked at, or abandoned.
  [[nodiscard]] std::size_t live_operations() const noexcept { return live_operations_; }
  [[nodiscard]] std::uint64_t submissions() const noexcept { return submissions_; }
  [[nodiscard]] std::uint64_t enters() const noexcept { return enters_; }
  /// Turns begun, from 1 on within the first.
  [[nodiscard]] std::uint64_t turns() const noexcept { return turns_; }
  /// Receives that found the ring of buffers empty and were armed again.
  [[nodiscard]] std::uint64_t rearms() const noexcept { return rearms_; }

 private:
  struct root_run final : coro::completion {
    void ended() noexcept override { done = true; }
    coro::waiter start;
    bool done = false;
  };

  static wait_time checked(wait_time batch_wait) {
    if (batch_wait < wait_time::zero() || batch_wait > std::chrono::seconds(1))
      throw error(errc::invalid_argument, "batch_wait is " + std::to_string(batch_wait.count()) + " us, 0 to 1000000 are needed");
    return batch_wait;
  }

  static operation& unlinked(operation& what) noexcept {
    static_cast<list_node&>(what).unlink();
    return what;
  }

  void set_up(const reactor_options& options) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;
    parameters.cq_entries = options.completion_entries != 0 ? options.completion_entries : options.entries * 16;
    const std::uint32_t plain = parameters.flags;
    int result = -EINVAL;
    if (!has(options.masked, feature::defer_taskrun)) {
      parameters.flags = plain | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
      result = ::io_uring_queue_init_params(options.entries, &ring_, &parameters);
      if (result == 0) features_ = features_ | feature::defer_taskrun;
    }
    if (result == -EINVAL) {
      const std::uint32_t completions = options.completion_entries != 0 ? options.completion_entries : options.entries * 16;
      parameters = {};
      parameters.flags = plain | IORING_SETUP_COOP_TASKRUN;
      parameters.cq_entries = completions;
      result = ::io_uring_queue_init_params(options.entries, &ring_, &parameters);
    }
    if (result < 0) throw setup_failure(-result);
    if ((parameters.features & IORING_FEAT_EXT_ARG) == 0) {
      ::io_uring_queue_exit(&ring_);
      throw setup_failure(EINVAL);
    }
    if ((parameters.features & abi::feature_recvsend_bundle) != 0 && bundles_hold_their_length(running_kernel()) &&
        !has(options.masked, feature::receive_bundle))
      features_ = features_ | feature::receive_bundle;
    if ((parameters.features & abi::feature_min_timeout) != 0 && has(features_, feature::defer_taskrun) &&
        !has(options.masked, feature::min_wait))
      features_ = features_ | feature::min_wait;
  }

  [[nodiscard]] bool timer_due() const noexcept { return !timers_.empty() && timers_.next() <= clock_->now(); }

  void grow() {
    constexpr std::size_t batch = 64;
    slabs_.push_back(std::make_unique<operation[]>(batch));
    for (std::size_t i = 0; i < batch; ++i) free_.push_back(slabs_.back()[i]);
  }

  void recycle(operation& what) noexcept {
    static_cast<list_node&>(what).unlink();
    what.clear_request();
    what.listener = nullptr;
    what.target = {};
    what.keep = {};
    what.slots.reset();
    what.taken = {};
    what.bytes.reset();
    what.result = 0;
    what.flags = 0;
    what.wanted = 0;
    what.replacement = 0;
    what.at = operation::state::fresh;
    what.orphaned = false;
    --live_operations_;
    free_.push_front(what);
  }

  // A queued record that will not go to the kernel.
  void finish_unsubmitted(operation& what, int result) noexcept {
    static_cast<list_node&>(what).unlink();
    if (what.target) what.target->operation_ended();
    what.at = operation::state::completed;
    what.result = result;
    what.slots.reset();
    what.taken = {};
    tell(what);
  }

  void tell(operation& what) noexcept {
    if (what.orphaned) {
      recycle(what);
    } else if (what.listener != nullptr) {
      what.listener->completed();
    }
  }

  void complete_answered() noexcept {
    while (operation* what = answered_.pop_front()) finish_unsubmitted(*what, what->replacement);
  }

  void dispose_orphans() noexcept {
    while (operation* what = orphans_.pop_front()) {
      switch (what->at) {
        case operation::state::fresh: recycle(*what); break;
        case operation::state::queued:
          if (what->target) what->target->operation_ended();
          recycle(*what);
          break;
        case operation::state::completed:
          discard_result(*what);
          recycle(*what);
          break;
        case operation::state::in_flight:
          if (!cancel(*what)) {
            orphans_.push_front(*what);
            return;
          }
          in_flight_.push_back(*what);
          break;
      }
    }
  }

  // What a result that nobody takes owns.
  static void discard_result(operation& what) noexcept {
    what.bytes.reset();
    if ((what.kind == operation_kind::accept || what.kind == operation_kind::open) && what.result >= 0)
      static_cast<void>(unique_fd(what.result));
  }

  // False if the submission ring takes nothing now.
  [[nodiscard]] bool cancel(operation& what) noexcept {
    io_uring_sqe* entry = take_entry();
    if (entry == nullptr) return false;
    ::io_uring_prep_cancel(entry, &what, 0);
    ::io_uring_sqe_set_data(entry, nullptr);
    return true;
  }

  void cancel_all() noexcept {
    io_uring_sqe* entry = take_entry();
    if (entry == nullptr) return;
    ::io_uring_prep_cancel(entry, nullptr, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    ::io_uring_sqe_set_data(entry, nullptr);
  }

  io_uring_sqe* take_entry() noexcept {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) {
      ++enters_;
      ::io_uring_submit(&ring_);
      entry = ::io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  void arm_wake() noexcept {
    io_uring_sqe* entry = take_entry();
    if (entry == nullptr) return;  // the next turn tries again
    ::io_uring_prep_read(entry, waker_->fd(), &wake_count_, sizeof wake_count_, 0);
    ::io_uring_sqe_set_data(entry, &wake_count_);
    wake_armed_ = true;
  }

  // Moves queued records to the submission ring, as many as it takes. Gives how many of them are sends.
  std::uint32_t fill_entries() noexcept {
    std::uint32_t sends = 0;
    while (!queued_.empty()) {
      io_uring_sqe* entry = take_entry();
      if (entry == nullptr) break;
      operation& what = *queued_.pop_front();
      *entry = what.request();
      ::io_uring_sqe_set_data(entry, &what);
      what.at = operation::state::in_flight;
      in_flight_.push_back(what);
      if (what.kind == operation_kind::receive_slots) ++receives_;
      if (what.kind == operation_kind::send) ++sends;
    }
    return sends;
  }

  // Receives that found no buffer go on as soon as their ring has one again, and not before: they would spin.
  void rearm_starved() noexcept {
    for (auto at = starved_.begin(); at != starved_.end();) {
      operation& what = *at;
      ++at;
      if (!what.slots.pool()->ring_empty()) queued_.push_back(unlinked(what));
    }
  }

  int enter(wait waiting, time_point until) noexcept {
    for (buffer_pool& pool : pools_) {
      pool.memory()->collect();
      pool.refill();
    }
    rearm_starved();
    const std::uint32_t sends = fill_entries();
    if (!wake_armed_) arm_wake();
    if (!ready_.empty() || posted_.load(std::memory_order_relaxed) != nullptr) waiting = wait::no;
    ++enters_;
    const int result = waiting == wait::no || !queued_.empty() ? ::io_uring_submit_and_get_events(&ring_) : submit_and_wait_until(until, sends);
    // EBUSY and EAGAIN: the completion queue wants reaping first.
    return result == -EINTR || result == -ETIME || result == -EBUSY || result == -EAGAIN ? 0 : result;
  }

  int submit_and_wait_until(time_point until, std::uint32_t sends) noexcept {
    const bool times_out = until != no_deadline && clock_->runs();
    const wait_time left = times_out ? std::chrono::ceil<wait_time>(until - clock_->now()) : for_ever;
    const std::uint32_t receives = std::min<std::uint32_t>(receives_ / 2, most_batched);
    if (receives < 2 || batch_wait_ == wait_time::zero() || left <= batch_wait_ || !clock_->runs()) return submit_and_wait(ring_, 1, left);
    // A send completes as it is submitted: what is worth waiting for comes besides. (One that does not makes this wait end by its time.)
    const std::uint32_t batch = receives + sends;
    if (has(features_, feature::min_wait)) return submit_and_wait_patiently(ring_, batch, batch_wait_, left);
    const int result = submit_and_wait(ring_, batch, batch_wait_);
    // What was submitted may be told instead of the time that passed.
    if (::io_uring_cq_ready(&ring_) != 0 || (result < 0 && result != -ETIME)) return result;
    ++enters_;
    return submit_and_wait(ring_, 1, left == for_ever ? left : left - batch_wait_);
  }
  static constexpr std::uint32_t most_batched = 32;

  void reap() noexcept {
    io_uring_cqe* entries[64];
    for (;;) {
      const unsigned count = ::io_uring_peek_batch_cqe(&ring_, entries, 64);
      if (count == 0) return;
      for (unsigned i = 0; i < count; ++i) {
        void* data = ::io_uring_cqe_get_data(entries[i]);
        const std::int32_t result = entries[i]->res;
        const std::uint32_t flags = entries[i]->flags;
        if (data == nullptr) continue;
        if (data == &wake_count_) {
          wake_armed_ = false;
          waker_->acknowledge();
          if (!closing_) arm_wake();
        } else {
          complete(*static_cast<operation*>(data), result, flags);
        }
      }
      ::io_uring_cq_advance(&ring_, count);
    }
  }

  void complete(operation& what, std::int32_t result, std::uint32_t flags) noexcept {
    static_cast<list_node&>(what).unlink();
    if (what.kind == operation_kind::receive_slots) {
      --receives_;
      if (what.taken) {
        const ref<buffer_pool> pool = what.slots.pool();
        const ref<taken_slots> taken = std::move(what.taken);
        if (result > 0)
          what.bytes = pool->settle(*taken, static_cast<std::size_t>(result), std::move(what.slots));
        else
          what.slots.reset();
      } else if ((flags & IORING_CQE_F_BUFFER) != 0) {
        const ref<buffer_pool> pool = what.slots.pool();
        const std::size_t size = result > 0 ? static_cast<std::size_t>(result) : 0;
        // A kernel that takes more than it was asked for is not asked for several slots again.
        if (size > what.slots.bytes()) features_ = features_ & ~feature::receive_bundle;
        what.bytes = pool->settle(static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT), size, std::move(what.slots));
      } else if (result == -ENOBUFS && !what.orphaned && what.replacement == 0) {
        // The grant stands for slots that exist; the ring of buffers had only run dry within a turn.
        ++rearms_;
        what.at = operation::state::queued;
        starved_.push_back(what);
        return;
      } else {
        what.slots.reset();
      }
    }
    if (what.kind == operation_kind::close && result != -ECANCELED) what.target->closed_by_kernel();
    if (what.target) what.target->operation_ended();
    what.at = operation::state::completed;
    what.result = result;
    what.flags = flags;
    if (what.orphaned || what.replacement != 0) {
      discard_result(what);
      what.result = what.replacement;
    }
    tell(what);
  }

  void run_posted() noexcept {
    posted_call* stack = posted_.exchange(nullptr, std::memory_order_acquire);
    posted_call* in_order = nullptr;
    while (stack != nullptr) {
      posted_call* next = stack->next_;
      stack->next_ = in_order;
      in_order = stack;
      stack = next;
    }
    while (in_order != nullptr) {
      posted_call* next = in_order->next_;
      in_order->run();
      in_order = next;
    }
  }

  // Before the turn looks at anything: what happens from here on makes the descriptor readable again.
  void clear_events() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto size = ::read(event_fd_.get(), &count, sizeof count);
  }

  void set_timer_fd() noexcept {
    itimerspec when{};
    if (const time_point next = timers_.next(); next != no_deadline && clock_->runs()) {
      const auto at = std::max<std::int64_t>(next.time_since_epoch().count(), 1);
      when.it_value.tv_sec = at / 1'000'000'000;
      when.it_value.tv_nsec = at % 1'000'000'000;
    }
    ::timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
  }

  s3pager::system_clock own_clock_;
  s3pager::clock* clock_;
  submit_hook* hook_;
  ref<waker> waker_;
  io_uring ring_{};
  feature features_ = feature::none;
  coro::ready_queue ready_;
  timer_queue timers_;
  std::vector<std::unique_ptr<operation[]>> slabs_;
  intrusive_list<operation> free_;
  intrusive_list<operation> queued_;
  intrusive_list<operation> starved_;
  intrusive_list<operation> in_flight_;
  intrusive_list<operation> orphans_;
  intrusive_list<operation> answered_;
  intrusive_list<buffer_pool> pools_;
  std::unique_ptr<reactor_threads> threads_;
  std::atomic<posted_call*> posted_{nullptr};
  unique_fd timer_fd_;
  unique_fd event_fd_;
  unique_fd poll_fd_;
  std::chrono::microseconds batch_wait_;
  std::uint32_t receives_ = 0;  // into slots, in the kernel's hands
  std::uint64_t wake_count_ = 0;
  std::size_t live_operations_ = 0;
  std::uint64_t submissions_ = 0;
  std::uint64_t enters_ = 0;
  std::uint64_t turns_ = 0;
  std::uint64_t rearms_ = 0;
  std::uint16_t next_group_ = 0;
  bool wake_armed_ = false;
  bool closing_ = false;
};

}  // namespace s3pager::ring
