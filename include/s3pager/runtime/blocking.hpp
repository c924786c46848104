// For programs without coroutines: a stream of a client's as a plain input range. Owns the reactor that drives it.
#pragma once

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

#include "s3pager/coro/task.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/runtime/interruption.hpp"

namespace s3pager {

/// What `make(client)` gives, a page_stream or a generator, one by one on this thread:
///
///     for (auto& page : s3pager::blocking([](s3pager::client& s3) { return s3.page_ordered({.bucket = "logs"}); }))
///       use(page.bytes());
///
/// An input range, to be gone through once. Each step blocks until the next value is there, and throws what next() throws; the
/// range has ended then. Between steps nothing runs: what was asked for waits in the kernel's buffers. Values may be moved out of
/// it, and outlive it if they are pages. `make` is kept as long as the stream, so that it may be a coroutine with captures.
/// Not movable; one thread's.
template <class Make>
class blocking {
 public:
  using stream_type = std::invoke_result_t<Make&, client&>;

  /// Throws error if there is no io_uring, or if an option is not what it may be. `stop`, if it is given, ends the step that
  /// waits, or the next one, with errc::cancelled. `reactor` is how its own is made.
  explicit blocking(Make make, const client_options& options = {}, const interruption* stop = nullptr,
                    const ring::reactor_options& reactor = {})
      : make_(std::move(make)), loop_(reactor), by_(loop_, stop), s3_(loop_, options), stream_(make_(s3_)) {}
  blocking(const blocking&) = delete;
  blocking& operator=(const blocking&) = delete;

 private:
  using optional_type = decltype(std::declval<stream_type&>().next().await_resume());

 public:
  using value_type = typename optional_type::value_type;

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = typename blocking::value_type;
    using difference_type = std::ptrdiff_t;

    iterator() noexcept = default;
    explicit iterator(blocking& owner) noexcept : owner_(&owner) {}
    [[nodiscard]] value_type& operator*() const noexcept { return *owner_->current_; }
    [[nodiscard]] value_type* operator->() const noexcept { return &*owner_->current_; }
    iterator& operator++() {
      owner_->advance();
      return *this;
    }
    void operator++(int) { owner_->advance(); }
    [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept { return !owner_->current_; }

   private:
    blocking* owner_ = nullptr;
  };

  /// Waits for the first value; called again, it is where the range has come to.
  [[nodiscard]] iterator begin() {
    if (!std::exchange(begun_, true)) advance();
    return iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// What is gone through: for summary() when it is done.
  [[nodiscard]] stream_type& stream() noexcept { return stream_; }

 private:
  // The value before it goes first: its slots may be what the next one needs. Not inlined: into the constructor's caller, and with
  // UndefinedBehaviorSanitizer, GCC 12 warns of the empty optional's value as if it were destroyed.
  [[gnu::noinline]] void advance() {
    current_.reset();
    by_.check();
    loop_.run(step(*this), by_.token());
  }
  [[nodiscard]] static task<> step(blocking& of) { of.current_ = co_await of.stream_.next(); }

  Make make_;
  ring::reactor loop_;
  runtime::interrupted by_;
  client s3_;
  stream_type stream_;
  optional_type current_;
  bool begun_ = false;
};

}  // namespace s3pager
