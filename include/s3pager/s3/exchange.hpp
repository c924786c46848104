// One request on one connection, up to the head of its answer: what all operations have in common.
// Knows neither bodies nor operations.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/date.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/s3/failure.hpp"
#include "s3pager/s3/observer.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::s3 {

/// Requests made on somebody's behalf, attempts each.
struct request_tally final : counted {
  std::uint64_t requests = 0;
};

/// Memory that a receive outside the window goes into: list pages and error bodies. Counted, as an operation keeps it.
class control_buffer final : public counted {
 public:
  static constexpr std::size_t capacity = 64 * 1024;
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {bytes_.get(), capacity}; }

 private:
  std::unique_ptr<std::byte[]> bytes_ = std::make_unique_for_overwrite<std::byte[]>(capacity);
};

/// Holds a connection from the request to the end of the answer. Dropping it in between closes the connection. Not movable.
class exchange {
 public:
  /// The views of `what` and of the event it makes must live as long as the exchange.
  exchange(ref<service> with, ref<bucket_target> target, ref<request_tally> tally, request_kind kind,
           std::string_view key, std::uint64_t offset)
      : service_(std::move(with)), target_(std::move(target)), tally_(std::move(tally)) {
    event_.kind = kind;
    event_.bucket = target_->name();
    event_.key = key;
    event_.offset = offset;
  }
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;
  ~exchange() {
    if (lease_) end(make_error_code(errc::cancelled));
  }

  [[nodiscard]] ring::reactor& loop() const noexcept { return service_->loop(); }
  [[nodiscard]] const bucket_target& target() const noexcept { return *target_; }
  [[nodiscard]] const deadlines& limits() const noexcept { return service_->settings().deadlines; }
  [[nodiscard]] const ring::socket& socket() const noexcept { return lease_->socket(); }
  [[nodiscard]] http::response_parser& parser() const noexcept { return lease_->parser(); }
  [[nodiscard]] ring::operation_owner* request() noexcept { return &sending_; }
  [[nodiscard]] time_point first_byte_deadline() const noexcept { return after(began_, limits().first_byte); }
  [[nodiscard]] time_point idle_deadline() const noexcept { return after(loop().now(), limits().idle); }
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(lease_); }

  /// Takes a connection and starts sending, when the client's pace lets it; the answer is to be received next. An idle
  /// connection is used only if `fresh` is false. Throws what connecting and writing the head throw.
  [[nodiscard]] task<> begin(request_spec what, bool fresh) {
    began_ = loop().now();
    try {
      send_pace& pace = service_->retries().pace();
      for (bool turn = false; !turn;) {
        const send_pace::turn mine = pace.take(loop().now());
        if (mine.at > loop().now() && co_await ring::sleep_until(loop(), mine.at))
          throw error(errc::cancelled, "stopped while the service asked for fewer requests");
        turn = pace.holds(mine);
      }
      began_ = loop().now();
      if (!fresh) lease_ = target_->host()->take_idle();
      event_.reused_connection = static_cast<bool>(lease_);
      if (!lease_) lease_ = co_await target_->host()->connect(service_->connect_deadlines());
      lease_->request_began();
      signed_offset_ = service_->clock_offset();
      const auto head = service_->write_get(*target_, what, lease_->out()->bytes());
      began_ = loop().now();
      ++tally_->requests;
      event_.id = service_->next_request_id();
      event_.peer = &lease_->peer();
      if (observer* seen_by = service_->observer()) seen_by->request_began(event_);
      sending_ = socket().start_send(head, lease_->out());
    } catch (const error& failed) {
      lease_.reset();
      if (!failed.details().bucket.empty()) throw;
      throw failure(failed.code(), failed.details().message);
    }
  }

  /// Whether a failure of this kind before the first byte only means that the peer had closed an idle connection.
  [[nodiscard]] bool stale(std::error_code failed) const noexcept {
    // Told of the end, the parser has failed, and no longer knows that nothing had come.
    const bool nothing_came = failed == http::protocol_error::closed_before_message || !parser().started();
    return event_.reused_connection && nothing_came && failed == errc::connection_lost;
  }

  /// The answer's head was parsed. The parser's views of it may be gone after the next receive.
  void answered() {
    status_ = parser().status();
    to_first_byte_ = loop().now() - began_;
    request_id_ = parser().header("x-amz-request-id").value_or(std::string_view());
    host_id_ = parser().header("x-amz-id-2").value_or(std::string_view());
    if (status_ < 300) return;
    const wall_time now = loop().clock().wall();
    date_ = http::parse_date(parser().header("date").value_or(std::string_view()), now);
    answered_ = now;
    retry_after_ = parse_retry_after(parser().header("retry-after").value_or(std::string_view()));
  }
  [[nodiscard]] int status() const noexcept { return status_; }
  void count_body(std::size_t bytes) noexcept { body_bytes_ += bytes; }

  /// The answer was read whole: the connection goes back.
  void finish() {
    const bool done_sending = sending_ && sending_.completed();
    sending_.reset();
    end({});
    if (done_sending)
      lease_.give_back();
    else
      lease_.reset();
  }
  /// The connection is of no use any more.
  void abandon(std::error_code why) {
    if (!lease_) return;
    sending_.reset();
    end(why);
    lease_.reset();
  }

  /// The connection turned out to be closed: nothing was answered, and the request may be made again.
  void retry(std::error_code why) {
    const request_event retried = event_;
    end(why);
    if (observer* seen_by = service_->observer()) seen_by->request_retried(retried, why);
    sending_.reset();
    lease_.reset();
  }

  [[nodiscard]] error failure(std::error_code why, std::string message) const {
    error_details known = details();
    known.message = std::move(message);
    return error(why, std::move(known));
  }
  [[nodiscard]] error failure(errc why, std::string message) const {
    return failure(make_error_code(why), std::move(message));
  }
  /// The exception for the end of the connection, or a deadline, while `doing`.
  [[nodiscard]] error transport_failure(std::error_code why, const char* doing) const {
    return failure(why, std::string(doing) + ": " + why.message());
  }

  /// Reads the rest of an answer that is a failure, `begun` being what of its body came already, and gives the exception for it.
  /// At most xml::max_error_bytes are read; a body that can't be read whole leaves the status to speak.
  [[nodiscard]] task<error> read_failure(std::string body, bool complete) {
    error_details known = details();
    auto memory = make_ref<control_buffer>();
    bool broken = false;
    while (!complete && !broken && body.size() <= xml::max_error_bytes) {
      const ring::io_result got = co_await socket().receive(memory->bytes(), memory, idle_deadline(), &sending_);
      if (got.error == errc::cancelled) {
        abandon(got.error);
        throw failure(errc::cancelled, "stopped while reading an error body");
      }
      if (got.error) break;
      std::span<const std::byte> input = memory->bytes().first(got.bytes);
      for (http::step next; !complete && !broken;) {
        next = got.bytes == 0 ? parser().on_eof() : parser().feed(input);
        input = input.subspan(next.consumed);
        if (next.kind == http::step_kind::need_more) break;
        if (next.kind == http::step_kind::body) body += as_chars(next.body);
        complete = next.kind == http::step_kind::end;
        broken = next.kind == http::step_kind::error || (complete && !input.empty());
      }
    }
    known.elapsed = loop().now() - began_;
    error made = answer_failure(status_, body, std::move(known));
    if (const duration ahead = refused_clock(made); ahead != duration::zero()) {
      service_->set_clock_offset(signed_offset_ + ahead);
      error_details with_clock = made.details();
      with_clock.clock_ahead = std::chrono::floor<std::chrono::seconds>(ahead);
      made = error(made.code(), std::move(with_clock));
    }
    if (complete && !broken) {
      outcome_error_ = made.code();
      finish();
    } else {
      abandon(made.code());
    }
    co_return made;
  }

 private:
  [[nodiscard]] error_details details() const {
    error_details known;
    known.bucket = target_->name();
    known.key = std::string(event_.key);
    known.http_status = status_;
    known.attempts = 1;
    known.elapsed = loop().now() - began_;
    known.request_id = request_id_;
    known.host_id = host_id_;
    known.retry_after = retry_after_;
    return known;
  }

  /// Seconds, or a date (RFC 9110 10.2.3), which is held against the service's own clock.
  [[nodiscard]] std::chrono::seconds parse_retry_after(std::string_view text) const noexcept {
    constexpr std::chrono::seconds most = std::chrono::hours(24);
    unsigned seconds = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed == std::errc() && end == text.data() + text.size()) return std::min(std::chrono::seconds(seconds), most);
    const wall_time now = date_.value_or(service_->service_time());
    const auto when = http::parse_date(text, now);
    if (!when || *when <= now) return {};
    return std::min(std::chrono::ceil<std::chrono::seconds>(*when - now), most);
  }

  /// How far the service's clock is ahead of the time that this request was signed with, if that is why it was refused.
  [[nodiscard]] duration refused_clock(const error& refusal) const noexcept {
    const std::optional<duration> least = skew_refused(refusal.s3_code());
    if (!least || !date_) return {};
    const duration ahead = *date_ - (answered_ + signed_offset_);
    return ahead >= *least || ahead <= -*least ? ahead : duration::zero();
  }

  void end(std::error_code why) noexcept {
    observer* seen_by = service_->observer();
    if (seen_by == nullptr || event_.id == 0) return;
    request_outcome outcome;
    outcome.error = why ? why : outcome_error_;
    outcome.http_status = status_;
    outcome.request_id = request_id_;
    outcome.body_bytes = body_bytes_;
    outcome.to_first_byte = to_first_byte_;
    outcome.total = loop().now() - began_;
    seen_by->request_ended(event_, outcome);
    event_.id = 0;
  }

  ref<service> service_;
  ref<bucket_target> target_;
  ref<request_tally> tally_;
  net::lease lease_;
  ring::operation_owner sending_;
  request_event event_;
  std::error_code outcome_error_;
  std::string request_id_;
  std::string host_id_;
  std::chrono::seconds retry_after_{0};
  std::optional<wall_time> date_;  // of an answer that is a failure, and when it came by our clock
  wall_time answered_{};
  duration signed_offset_{0};
  time_point began_{};
  duration to_first_byte_{0};
  std::uint64_t body_bytes_ = 0;
  int status_ = 0;
};

}  // namespace s3pager::s3
