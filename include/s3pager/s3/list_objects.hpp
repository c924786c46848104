// ListObjectsV2 as a generator of pages that asks for the next one while the last is looked at.
// Knows no objects' bytes. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/bucket_name.hpp"
#include "s3pager/aws/canonical_query.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/coro/channel.hpp"
#include "s3pager/coro/generator.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/semaphore.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/timer.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/exchange.hpp"
#include "s3pager/s3/list_position.hpp"
#include "s3pager/s3/service.hpp"
#include "s3pager/xml/list_result.hpp"

namespace s3pager::s3 {

/// What is listed. Owns its text: a listing outlives the call that starts it.
struct list_objects_request {
  std::string prefix = {};
  std::string delimiter = {};
  std::string start_after = {};
  std::uint32_t max_keys = 0;  ///< a page; 1 to 1,000; 0: the service's default
  std::uint32_t first_max_keys = 0;  ///< of the first page, for who wants to begin soon; 0: as of all others
  bool fetch_owner = false;
  bool restore_status = false;  ///< of archived objects; a service that does not know of it is asked again without
  bool requester_pays = false;
  ref<common_headers> common = {};  ///< that every request of the call has; null: none
};

/// Whom a list is for that is a run of its own, and not the source of one.
struct list_caller {
  ref<coro::stop_state> stop = {};  ///< null: none
  duration run_limit = no_limit;    ///< of the time in which he waits
};

namespace detail {

/// The bytes of a list answer's body, growing up to xml::max_list_bytes.
class list_body {
 public:
  /// False if no list is as long.
  [[nodiscard]] bool expect(std::uint64_t bytes) {
    if (bytes > xml::max_list_bytes) return false;
    grow(static_cast<std::size_t>(bytes));
    return true;
  }
  /// False if it gets longer than any list is.
  [[nodiscard]] bool append(std::span<const std::byte> piece) {
    if (piece.size() > xml::max_list_bytes - size_) return false;
    if (size_ + piece.size() > capacity_) grow(std::max(size_ + piece.size(), capacity_ * 2));
    std::memcpy(bytes_.get() + size_, piece.data(), piece.size());
    size_ += piece.size();
    return true;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::unique_ptr<char[]>& bytes() noexcept { return bytes_; }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.get(), size_}; }

 private:
  void grow(std::size_t capacity) {
    capacity = std::clamp<std::size_t>(capacity, 4096, xml::max_list_bytes);
    auto more = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(more.get(), bytes_.get(), size_);
    bytes_ = std::move(more);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

[[nodiscard]] inline std::string list_query(const list_objects_request& what, std::string_view token, bool first) {
  const auto encoded = [](std::string_view text) {
    std::string made;
    append_uri_encoded(made, text, slash::encode);
    return made;
  };
  const std::string prefix = encoded(what.prefix);
  const std::string delimiter = encoded(what.delimiter);
  const std::string start_after = encoded(what.start_after);
  const std::string continuation_token = encoded(token);
  const std::uint32_t most = first && what.first_max_keys != 0 ? what.first_max_keys : what.max_keys;
  const std::string max_keys = most == 0 ? std::string() : std::to_string(most);
  std::array<aws::query_parameter, 8> parameters;
  std::size_t count = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) parameters[count++] = {name, value};
  };
  add("continuation-token", continuation_token);
  add("delimiter", delimiter);
  add("encoding-type", "url");
  add("fetch-owner", what.fetch_owner ? std::string_view("true") : std::string_view());
  add("list-type", "2");
  add("max-keys", max_keys);
  add("prefix", prefix);
  if (token.empty()) add("start-after", start_after);
  std::string query;
  aws::append_canonical_query(query, {parameters.data(), count});
  return query;
}

/// One page: false from the first step means that the kept connection had been closed.
class list_call {
 public:
  list_call(ref<service> with, ref<bucket_target> target, ref<request_tally> tally, const list_objects_request& what,
            const list_position& at)
      : query_(list_query(what, at.token(), !at.begun())),
        common_(what.common),
        exchange_(std::move(with), std::move(target), std::move(tally), request_kind::list_objects, what.prefix, 0) {
    // In the order of their names. A directory bucket, which holds no archived objects, has no such header.
    if (what.restore_status && !aws::is_directory_bucket(exchange_.target().name()))
      headers_[header_count_++] = {"x-amz-optional-object-attributes", "RestoreStatus"};
    if (what.requester_pays) headers_[header_count_++] = {"x-amz-request-payer", "requester"};
  }

  [[nodiscard]] task<ref<xml::list_page>> run() {
    const auto memory = make_ref<net::receive_buffer>();
    bool fresh = false;
    while (!co_await attempt(memory, fresh)) fresh = true;
    if (exchange_.status() != 200) {
      const error made = co_await exchange_.read_failure(std::string(body_.text()), ended_, broken_);
      throw made;
    }
    if (broken_)
      exchange_.abandon({});
    else
      exchange_.finish();
    ref<xml::list_page> page;
    if (const std::error_code failed = xml::parse_list_page(std::move(body_.bytes()), body_.size(), page)) {
      if (failed == xml::xml_errc::error_answer) throw answer_failure(200, body_.text(), details(), exchange_.sent_secrets());
      throw exchange_.failure(failed, "reading a page of the list: " + failed.message());
    }
    co_return page;
  }

 private:
  [[nodiscard]] task<bool> attempt(ref<net::receive_buffer> memory, bool fresh) {
    co_await exchange_.begin({.query = query_, .headers = {headers_.data(), header_count_}, .common = common_.get()}, fresh);
    for (;;) {
      const ring::io_result got =
          co_await exchange_.stream().receive(memory, exchange_.receive_deadline(), exchange_.request());
      net::plain_bytes came;
      if (!got.error) came = exchange_.stream().open(*memory, got.bytes);
      std::error_code failed = got.error;
      exchange_.received(came.bytes.size());
      std::span<const std::byte> input = came.bytes;
      while (!failed) {
        const http::step next =
            came.ended && !came.error && input.empty() ? exchange_.parser().on_eof() : exchange_.parser().feed(input);
        input = input.subspan(next.consumed);
        failed = next.error;
        if (next.kind == http::step_kind::head) {
          exchange_.answered();
          const auto length = exchange_.parser().content_length();
          if (exchange_.status() == 200 && length && !body_.expect(*length)) failed = make_error_code(xml::xml_errc::too_large);
        } else if (next.kind == http::step_kind::body) {
          exchange_.count_body(next.body.size());
          if (!body_.append(next.body)) failed = make_error_code(xml::xml_errc::too_large);
        } else if (next.kind == http::step_kind::end) {
          ended_ = true;
          broken_ = !input.empty() || came.error;
          co_return true;
        } else if (next.kind == http::step_kind::need_more) {
          failed = came.error;
          break;
        }
      }
      // The rest of a failure is read as far as failures are read; where it is broken, its status speaks.
      if (exchange_.status() != 0 && exchange_.status() != 200) {
        broken_ = static_cast<bool>(failed);
        co_return true;
      }
      if (failed) {
        if (exchange_.stale(failed)) {
          exchange_.retry(failed);
          co_return false;
        }
        const error made = exchange_.transport_failure(failed, "receiving a page of the list");
        exchange_.abandon(failed);
        throw made;
      }
    }
  }

  [[nodiscard]] error_details details() const {
    error_details known = exchange_.failure(errc::unavailable, {}).details();
    known.message.clear();
    return known;
  }

  std::string query_;
  ref<common_headers> common_;
  std::array<aws::signed_header, 2> headers_;
  std::size_t header_count_ = 0;
  exchange exchange_;
  list_body body_;
  bool ended_ = false;
  bool broken_ = false;  ///< what followed can't be read
};

/// A page that was read, and the room it takes until the consumer has it.
struct fetched_page {
  fetched_page(ref<xml::list_page> what, coro::permit where) noexcept : page(std::move(what)), room(std::move(where)) {}
  ref<xml::list_page> page;
  coro::permit room;
};

/// The next page, whatever number of attempts it takes.
[[nodiscard]] inline task<ref<xml::list_page>> fetch_page(service& with, const ref<bucket_target>& target,
                                                          const ref<request_tally>& tally, list_objects_request& what,
                                                          list_position& at) {
  ring::reactor& loop = with.loop();
  retry_state attempts(with.retries(), loop.now());
  for (;;) {
    std::optional<error> failure;
    try {
      list_call call(ref<service>(&with), target, tally, what, at);
      ref<xml::list_page> page = co_await call.run();
      attempts.succeeded(loop.now());
      co_return page;
    } catch (const error& failed) {
      failure.emplace(failed);
    }
    // A token that is refused is replaced by the last key: what was listed stays listed, and nothing comes twice. Behind a common
    // prefix there is no such key, nor in a directory bucket's list, which has no order; and from one key it is done once, or a service
    // could refuse for ever.
    if (!at.token().empty() && failure->http_status() == 400 && failure->code() == errc::invalid_argument &&
        what.delimiter.empty() && !aws::is_directory_bucket(target->name()) && at.last_key() > what.start_after) {
      at.forget_token();
      what.start_after = at.last_key();
      continue;
    }
    if (what.restore_status && failure->http_status() == 501) {
      what.restore_status = false;
      continue;
    }
    const std::optional<time_point> again = attempts.failed(*failure, loop.now());
    if (!again) throw attempts.exhausted(*failure, loop.now());
    if (observer* seen_by = with.observer()) {
      request_event event;
      event.kind = request_kind::list_objects;
      event.bucket = target->name();
      event.key = what.prefix;
      seen_by->request_retried(event, failure->code());
    }
    if (co_await ring::sleep_until(loop, *again)) throw error(errc::cancelled, "stopped between two attempts at a list");
  }
}

inline task<> fetch_pages(ref<service> with, ref<bucket_target> target, ref<request_tally> tally,
                          list_objects_request what, coro::semaphore& ahead, coro::channel<fetched_page>& pages) {
  struct closer {
    explicit closer(coro::channel<fetched_page>& what) noexcept : pages(what) {}
    ~closer() { pages.close(); }
    coro::channel<fetched_page>& pages;
  };
  const closer at_end(pages);
  list_position at;
  for (bool more = true; more;) {
    // Before the request: a channel alone would let one page wait in it, and the next one with who sends it.
    coro::permit room = co_await ahead.acquire();
    ref<xml::list_page> page = co_await fetch_page(*with, target, tally, what, at);
    at.follow(*page, what.start_after, target->name());
    more = page->is_truncated();
    fetched_page made(std::move(page), std::move(room));
    if (!co_await pages.send(std::move(made))) co_return;
  }
}

/// Ends a list for its caller: at his stop, or when he has waited for too long.
class caller_watch final : private coro::stop_callback, private ring::timer {
 public:
  caller_watch(service& with, request_tally& tally, coro::scope& fetcher, const std::optional<list_caller>& who) noexcept
      : loop_(with.loop()), tally_(tally), fetcher_(fetcher), who_(who) {
    if (!who_ || !who_->stop) return;
    if (who_->stop->requested())
      on_stop();
    else
      who_->stop->add(*this);
  }

  void waits() {
    if (!who_) return;
    const time_point now = loop_.now();
    tally_.waited.start(now);
    loop_.timers().arm(*this, tally_.waited.reaches(who_->run_limit, now));
  }
  void goes_on() noexcept {
    if (!who_) return;
    disarm();
    tally_.waited.stop(loop_.now());
  }
  [[nodiscard]] bool ended() const noexcept { return stopped_ || overrun_; }
  void throw_if_ended(const bucket_target& target) const {
    if (stopped_) throw error(errc::cancelled, error_details{.message = "the list was stopped", .bucket = target.name()});
    if (overrun_)
      throw error(errc::timed_out, error_details{.message = "deadlines.run or run_deadline of " + to_text(who_->run_limit) +
                                                            " passed: waiting for a page of the list",
                                                 .bucket = target.name()});
  }

 private:
  void on_stop() noexcept override {
    stopped_ = true;
    fetcher_.request_stop();
  }
  void expired() noexcept override {
    overrun_ = true;
    fetcher_.request_stop();
  }

  ring::reactor& loop_;
  request_tally& tally_;
  coro::scope& fetcher_;
  const std::optional<list_caller>& who_;
  bool stopped_ = false;
  bool overrun_ = false;
};

}  // namespace detail

/// The pages of a list, one read ahead. Throws error from next(); dropping it cancels the request in flight. With a caller, it is
/// ended by his stop, with errc::cancelled, and by his limit, with errc::timed_out.
[[nodiscard]] inline async_generator<ref<xml::list_page>> list_objects(ref<service> with, ref<bucket_target> target,
                                                                       ref<request_tally> tally, list_objects_request what,
                                                                       std::optional<list_caller> caller = {}) {
  coro::semaphore ahead(1);
  coro::channel<detail::fetched_page> pages(1);
  coro::scope fetcher(co_await coro::this_context());
  detail::caller_watch watch(*with, *tally, fetcher, caller);
  bool begins = what.first_max_keys != 0;
  fetcher.spawn(detail::fetch_pages(with, target, tally, std::move(what), ahead, pages));
  for (;;) {
    watch.waits();
    std::optional<detail::fetched_page> fetched = co_await pages.receive();
    watch.goes_on();
    if (!fetched || watch.ended()) break;
    ref<xml::list_page> page = std::move(fetched->page);
    // Who wants to begin soon is not to have the answer to his first GET wait behind that for the second page.
    if (!std::exchange(begins, false)) fetched.reset();
    co_yield std::move(page);
  }
  watch.throw_if_ended(*target);
  co_await fetcher.join();
}

}  // namespace s3pager::s3
