// What a consumer holds of a run: its pages, its summary, its end. Knows no options.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/generator.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/page.hpp"
#include "s3pager/pager/run.hpp"

namespace s3pager {

/// What a run came to, so far or at its end.
struct summary {
  std::uint64_t objects = 0;   ///< handed on whole
  std::uint64_t bytes = 0;     ///< handed on
  std::uint64_t verified = 0;  ///< of those objects, how many a checksum of the service's was held against; it holds
  std::uint64_t failures = 0;  ///< objects that could not be read
  std::uint64_t requests = 0;  ///< sent, of lists and objects; each attempt counts
  duration elapsed{0};         ///< from the call that made the stream to its end
  std::uint64_t hedges = 0;    ///< of the requests, those sent while another one for the same was late
  std::uint32_t lanes = 0;     ///< how many GETs at a time there may be now, or were at the end
  std::uint64_t filtered = 0;  ///< listed objects that the filter left out
  std::uint64_t skipped = 0;   ///< archived objects that on_archived::skip passed over
};

namespace pager {

class forwarded_stop final : public coro::stop_callback {
 public:
  forwarded_stop(run& what, coro::scope& workers, coro::stop_state* from) noexcept : what_(what), workers_(workers) {
    if (from == nullptr) return;
    if (from->requested())
      on_stop();
    else
      from->add(*this);
  }

 private:
  void on_stop() noexcept override {
    workers_.request_stop();
    what_.pages().stop();
  }
  run& what_;
  coro::scope& workers_;
};

/// A stream that has ended may be kept, for its summary: it keeps no slots from others.
class ending {
 public:
  explicit ending(run& what) noexcept : what_(what) { what_.pages().begin(); }
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;
  ~ending() { what_.end(); }

 private:
  run& what_;
};

[[nodiscard]] inline async_generator<page> pages_of(run& of) {
  const ending at_end(of);
  coro::scope workers(co_await coro::this_context());
  const forwarded_stop caller(of, workers, of.caller_stop().get());
  const forwarded_stop closing(of, workers, of.closing().token().state().get());
  of.begin(workers);
  std::exception_ptr failure;
  for (;;) {
    std::optional<page> next;
    try {
      next = co_await of.pages().next();
    } catch (...) {
      failure = std::current_exception();
    }
    if (!next) break;
    co_yield std::move(*next);
  }
  if (failure) workers.request_stop();
  co_await workers.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pager

/// The pages of a run: `while (auto page = co_await pages.next())`. Nothing is sent before the first next(). Movable, but not
/// while next() is awaited; one thread's, that of its client's reactor, which must outlive it; the client need not. Dropping it
/// at any point cancels the run.
class [[nodiscard]] page_stream {
 public:
  page_stream() noexcept = default;
  explicit page_stream(std::unique_ptr<pager::run> of) : run_(std::move(of)), pages_(pager::pages_of(*run_)) {}
  page_stream(page_stream&&) noexcept = default;
  page_stream& operator=(page_stream&& other) noexcept {
    pages_ = std::move(other.pages_);  // first, as it refers to the run
    run_ = std::move(other.run_);
    return *this;
  }
  ~page_stream() = default;

  /// The next page, or nothing at the end. Throws error: the failure of an object, if those stop the run, or of the listing;
  /// window_exhausted, if the caller's own pages left no room for window_wait; cancelled on a stop. After a throw the stream
  /// has ended. A dropped await loses no page. Pages in less than a quarter of the client's slots, each in one or more of them, may
  /// be held at any time; with more, there may be no room beside what has been read ahead.
  [[nodiscard]] auto next() noexcept { return pages_.next(); }

  /// Stops the run and waits until its coroutines have ended; next() gives nothing then. (Dropping does not wait.)
  [[nodiscard]] task<> close() { return close(*this); }

  /// Objects, bytes, failures and requests so far, what was left out, and how many lanes there are.
  [[nodiscard]] s3pager::summary summary() const noexcept {
    if (!run_) return {};
    return {run_->pages().objects(), run_->pages().bytes(), run_->pages().verified_objects(),
            run_->pages().failures(), run_->requests(), run_->elapsed(), run_->hedges(), run_->lanes(),
            run_->left_out().filtered, run_->left_out().skipped};
  }

 private:
  [[nodiscard]] static task<> close(page_stream& which) {
    if (!which.run_) co_return;
    which.run_->closing().request_stop();
    try {
      // What a dropped await has left is taken first.
      for (;;) {
        const std::optional<page> rest = co_await which.pages_.next();
        if (!rest) break;
      }
    } catch (const error&) {
      // Whatever ended it: it has ended.
    }
    which.pages_.reset();
  }

  std::unique_ptr<pager::run> run_;  // outlives the generator, which refers to it
  async_generator<page> pages_;
};

}  // namespace s3pager
