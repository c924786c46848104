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
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/inline_text.hpp"
#include "s3pager/base/stopwatch.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/date.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "s3pager/net/stream.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/s3/failure.hpp"
#include "s3pager/s3/observer.hpp"
#include "s3pager/s3/service.hpp"
#include "s3pager/s3/throughput_floor.hpp"

namespace s3pager::s3 {

/// On whose behalf requests are made.
struct request_tally final : counted {
  std::uint64_t requests = 0;  ///< attempts each
  std::uint64_t hedges = 0;    ///< of these, second ones
  stopwatch waited;            ///< runs while he waits for what they bring, and is not the slow side himself
  std::uint64_t answers = 0;   ///< to GETs of objects, other than refusals
  duration first_bytes{0};     ///< from sending those to their first bytes, together
  duration in_line{0};         ///< what requests have waited for their turns, together
};

/// Holds a connection from the request to the end of the answer. Dropping it in between closes the connection. Not movable.
class exchange {
 public:
  /// The views of `what` and of the event it makes must live as long as the exchange.
  exchange(ref<service> with, ref<bucket_target> target, ref<request_tally> tally, request_kind kind,
           std::string_view key, std::uint64_t offset)
      : service_(std::move(with)),
        target_(std::move(target)),
        tally_(std::move(tally)),
        floor_(limits().min_bytes_per_second, limits().throughput_window) {
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
  [[nodiscard]] net::stream& stream() const noexcept { return lease_->stream(); }
  [[nodiscard]] http::response_parser& parser() const noexcept { return lease_->parser(); }
  [[nodiscard]] ring::operation_owner* request() noexcept { return &sending_; }
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(lease_); }
  [[nodiscard]] hedge_budget& hedging() const noexcept { return service_->hedging(); }
  [[nodiscard]] const ring::socket_address& peer() const noexcept { return lease_->peer(); }
  /// Since the request was sent.
  [[nodiscard]] duration elapsed() const noexcept { return loop().now() - began_; }
  /// When it was sent; within begin(), where that does not wait, as good as now.
  [[nodiscard]] time_point began() const noexcept { return began_; }
  [[nodiscard]] duration to_first_byte() const noexcept { return to_first_byte_; }

  /// It is a second request for what one to `late` was sent for. The address must live until begin() has connected.
  void hedge_against(const ring::socket_address& late) noexcept {
    late_peer_ = &late;
    event_.hedge = true;
  }

  /// No wait lasts longer than this, whatever its own deadline.
  void end_by(time_point latest) noexcept { latest_ = latest; }
  /// For a receive that is made now: until when something has to come.
  [[nodiscard]] time_point receive_deadline() noexcept {
    if (!answering_) return std::min(after(began_, limits().first_byte), latest_);
    const time_point now = loop().now();
    idle_ends_ = after(now, limits().idle);
    return std::min({idle_ends_, floor_.deadline(now), latest_});
  }
  /// A receive of the answer has ended; what it brought is given to received() as it is opened.
  void came(const ring::receive_result& what) noexcept {
    if (what.drained && !what.error) lease_->was_drained(loop().turns());
  }
  /// It gave so many bytes of the answer.
  void received(std::size_t bytes) noexcept {
    answering_ = answering_ || bytes > 0;
    floor_.came(bytes);
  }
  /// Before the next receive there was no room for so long.
  void stood(duration span) noexcept { floor_.stood(span); }

  /// Takes a place in the pool, if there is one now; begin() waits for one otherwise.
  [[nodiscard]] bool try_place(bool fresh) {
    if (!target_->placed()) return false;
    if (place_ && host_ != target_->host()) place_.reset();  // the bucket turned out to be elsewhere
    host_ = target_->host();
    if (!place_) place_ = host_->try_place(fresh);
    return static_cast<bool>(place_);
  }
  /// Waits for a place, up to its deadline, which counts the time in which the tally's consumer waits.
  [[nodiscard]] task<> wait_for_place(bool fresh) {
    if (!target_->placed()) co_await service_->prepare(target_);
    host_ = target_->host();
    net::host& at = *host_;
    net::place_result found = co_await at.wait_for_place(fresh, limits().place, &tally_->waited);
    if (found.error == errc::timed_out)
      throw failure(found.error, "deadlines.place of " + to_text(limits().place) + " passed: none of " +
                                     std::to_string(at.most()) + " connections to " + at.where() + " became free (max_connections)");
    if (found.error) throw failure(found.error, "stopped while waiting for a place among the connections");
    place_ = std::move(found.given);
  }

  /// Does what begin() does, if nothing has to be waited for: neither the client's pace, nor a place, nor a new connection. False if
  /// something has; begin() goes on then.
  [[nodiscard]] bool try_begin(const request_spec& what, bool fresh) {
    began_ = loop().now();
    if (!service_->ready(*target_)) return false;
    if (!service_->retries().line().try_turn(began_, [&] { return try_place(fresh) && place_.connected(); })) return false;
    event_.reused_connection = true;
    lease_ = net::host::connected(std::move(place_));
    try {
      send(what);
    } catch (const error& failed) {
      fail_to_begin(failed);
    }
    return true;
  }

  /// Takes a connection, and a place for it if it has none yet, and starts sending, when the client's pace lets it; the
  /// answer is to be received next. An idle connection is used only if `fresh` is false. Throws what connecting and writing the
  /// head throw.
  [[nodiscard]] task<> begin(request_spec what, bool fresh) {
    began_ = loop().now();
    try {
      send_line& line = service_->retries().line();
      if (!line.try_turn(began_)) {
        place_.reset();  // meanwhile it is another's
        co_await line.wait_for_turn(loop(), latest_);
        tally_->in_line += loop().now() - began_;
      }
      do {
        lease_.reset();
        if (!service_->ready(*target_)) {
          place_.reset();  // meanwhile it is another's
          co_await service_->prepare(target_);
        }
        if (!try_place(fresh)) co_await wait_for_place(fresh);
        event_.reused_connection = place_.connected();
        const net::connect_deadlines limit = service_->connect_deadlines(latest_);
        task<net::lease> connecting = host_->connect(std::move(place_), limit, late_peer_);
        lease_ = co_await std::move(connecting);
        // Meanwhile the bucket may have turned out to be elsewhere, or the credentials to be no good any more.
      } while (host_ != target_->host() || !service_->ready(*target_));
      began_ = loop().now();
      send(what);
    } catch (const error& failed) {
      fail_to_begin(failed);
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
    request_id_.assign(parser().header("x-amz-request-id").value_or(std::string_view()));
    host_id_.assign(parser().header("x-amz-id-2").value_or(std::string_view()));
    if (status_ < 300) {
      if (event_.kind != request_kind::get_object) return;
      ++tally_->answers;
      tally_->first_bytes += to_first_byte_;
      return;
    }
    region_.assign(parser().header("x-amz-bucket-region").value_or(std::string_view()));
    const wall_time now = loop().clock().wall();
    date_ = http::parse_date(parser().header("date").value_or(std::string_view()), now);
    answered_ = now;
    retry_after_ = parse_retry_after(parser().header("retry-after").value_or(std::string_view()));
  }
  [[nodiscard]] int status() const noexcept { return status_; }
  void count_body(std::size_t bytes) noexcept { body_bytes_ += bytes; }

  /// The answer was read whole: the connection goes back.
  void finish() {
    const bool sent_whole = sending_ && sending_.completed() && sending_->result == static_cast<std::int32_t>(sending_->wanted);
    sending_.reset();
    end({});
    if (!sent_whole) return lease_.reset();
    lease_->out()->wipe();
    stream().sent();
    lease_.give_back();
  }
  /// The connection is of no use any more.
  void abandon(std::error_code why) {
    if (!lease_) return;
    if (why == errno_code(ETIMEDOUT) && !answering_ && loop().now() >= after(began_, limits().first_byte))
      host_->was_slow(lease_->peer());
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
    return failure(why, std::string(doing) + ": " + (why == errno_code(ETIMEDOUT) ? which_passed() : words_for(why) + where()));
  }

  /// Of what was sent, what is to be shown nowhere.
  [[nodiscard]] std::vector<std::string_view> sent_secrets() const {
    std::string_view proxys = target_->via() ? target_->via()->authorization.view() : std::string_view();
    if (const std::size_t scheme = proxys.find(' '); scheme != std::string_view::npos) proxys.remove_prefix(scheme + 1);
    std::vector<std::string_view> all{signed_with_ ? signed_with_->value.session_token.view() : std::string_view(), proxys};
    if (common_ != nullptr)
      for (const secret& each : common_->hidden()) all.push_back(each.view());
    return all;
  }

  /// Reads the rest of an answer that is a failure, `begun` being what of its body came already, and gives the exception for it.
  /// At most xml::max_error_bytes are read; a body that can't be read whole, as it is `broken`, leaves the status to speak.
  [[nodiscard]] task<error> read_failure(std::string body, bool complete, bool broken) {
    error_details known = details();
    const auto memory = make_ref<net::receive_buffer>();
    if (!complete && !broken && stream().ended()) {
      complete = parser().on_eof().kind == http::step_kind::end;
      broken = !complete;
    }
    while (!complete && !broken && body.size() <= xml::max_error_bytes) {
      const ring::io_result got = co_await stream().receive(memory, receive_deadline(), &sending_);
      if (got.error == errc::cancelled) {
        abandon(got.error);
        throw failure(errc::cancelled, "stopped while reading an error body");
      }
      if (got.error) break;
      const net::plain_bytes came = stream().open(*memory, got.bytes);
      received(came.bytes.size());
      std::span<const std::byte> input = came.bytes;
      for (http::step next; !complete && !broken;) {
        next = came.ended && !came.error && input.empty() ? parser().on_eof() : parser().feed(input);
        input = input.subspan(next.consumed);
        if (next.kind == http::step_kind::need_more) break;
        if (next.kind == http::step_kind::body) body += as_chars(next.body);
        complete = next.kind == http::step_kind::end;
        broken = next.kind == http::step_kind::error || (complete && !input.empty());
      }
      if (came.error) broken = true;
    }
    known.elapsed = loop().now() - began_;
    error made = answer_failure(status_, body, std::move(known), sent_secrets());
    if (signed_with_ && !signed_with_->value.session_token.empty()) made = of_session_token(made);
    made = with_remedy(made);
    if (made.code() == errc::throttled) hedging().throttled(loop().now());
    if (complete && !broken) {
      outcome_error_ = made.code();
      finish();
    } else {
      abandon(made.code());
    }
    co_return made;
  }

 private:
  /// The deadline that a receive ended at, in words.
  [[nodiscard]] std::string which_passed() const {
    const time_point now = loop().now();
    if (!answering_ && now >= after(began_, limits().first_byte))
      return "deadlines.first_byte of " + to_text(limits().first_byte) + " passed" + where();
    if (answering_ && now >= idle_ends_) return "deadlines.idle of " + to_text(limits().idle) + " passed" + where();
    if (answering_ && floor_.too_slow(now))
      return "only " + std::to_string(floor_.bytes()) + " bytes came in " + to_text(limits().throughput_window) +
             where() + " (deadlines.min_bytes_per_second is " + std::to_string(limits().min_bytes_per_second) + ")";
    return "timed out";
  }
  /// Writes the head for the connection there is, and starts sending it.
  void send(const request_spec& what) {
    lease_->request_began();
    signed_offset_ = service_->clock_offset();
    signed_region_.assign(target_->where().signing_region);
    if (identity::credentials_cache* const cache = target_->credentials()) signed_with_ = cache->latest();
    common_ = what.common;
    net::request_buffer& out = *lease_->out();
    const bool hidden = common_ != nullptr && !common_->hidden().empty();
    if (hidden) out.hold_secret(out.bytes().size());
    const auto head = service_->write_get(*target_, what, out.bytes());
    if (hidden) out.hold_secret(head.size());
    ++tally_->requests;
    if (event_.hedge)
      ++tally_->hedges;
    else if (event_.kind == request_kind::get_object)
      hedging().request_began();
    event_.id = service_->next_request_id();
    event_.peer = &lease_->peer();
    if (observer* seen_by = service_->observer()) seen_by->request_began(event_);
    sending_ = stream().start_send(head, lease_->out());
  }
  [[noreturn]] void fail_to_begin(const error& failed) {
    end(failed.code());
    lease_.reset();
    if (!failed.details().bucket.empty()) throw error(failed);
    throw failure(failed.code(), failed.details().message);
  }

  [[nodiscard]] std::string where() const { return host_ ? " at " + host_->where() : std::string(); }
  [[nodiscard]] std::string words_for(std::error_code why) const { return lease_ ? stream().words_for(why) : why.message(); }

  [[nodiscard]] error_details details() const {
    error_details known;
    known.bucket = target_->name();
    known.key = std::string(event_.key);
    known.http_status = status_;
    known.attempts = 1;
    known.elapsed = loop().now() - began_;
    known.request_id = request_id_.view();
    known.host_id = host_id_.view();
    known.retry_after = retry_after_;
    known.bucket_region = region_.view();
    return known;
  }

  /// Of a session token that it can't read, radosgw says that an argument is invalid, and nothing more; what else is wrong with one has words.
  [[nodiscard]] static error of_session_token(const error& refused) {
    if (refused.s3_code() != "InvalidArgument" || refused.details().message != no_words) return refused;
    error_details known = refused.details();
    known.message = "the service can't read the session token, or refuses an argument that it does not name";
    return error(errc::access_denied, std::move(known));
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

  /// A refusal with what the client makes of it: the same request may be answered when it is sent anew.
  [[nodiscard]] error with_remedy(const error& refusal) {
    error_details known = refusal.details();
    if (const duration ahead = refused_clock(refusal); ahead != duration::zero()) {
      service_->set_clock_offset(signed_offset_ + ahead);
      known.clock_ahead = std::chrono::floor<std::chrono::seconds>(ahead);
      known.remedy = remedy::clock;
    } else if (status_ != 404 && !known.bucket_region.empty() &&
               service_->moved(*target_, known.bucket_region, signed_region_.view())) {
      known.remedy = remedy::region;
    } else if (signed_with_ && credentials_refused(known.s3_code) && target_->credentials()->renounce(signed_with_->generation)) {
      known.remedy = remedy::credentials;
    } else {
      return refusal;
    }
    return error(refusal.code(), std::move(known));
  }

  /// How far the service's clock is ahead of the time that this request was signed with, if that is why it was refused.
  [[nodiscard]] duration refused_clock(const error& refusal) const noexcept {
    const std::optional<duration> least = skew_refused(refusal.s3_code());
    if (!least || !date_ || target_->fixed()) return {};
    const duration ahead = *date_ - (answered_ + signed_offset_);
    return ahead >= *least || ahead <= -*least ? ahead : duration::zero();
  }

  void end(std::error_code why) noexcept {
    observer* seen_by = service_->observer();
    if (seen_by == nullptr || event_.id == 0) return;
    request_outcome outcome;
    outcome.error = why ? why : outcome_error_;
    outcome.http_status = status_;
    outcome.request_id = request_id_.view();
    outcome.body_bytes = body_bytes_;
    outcome.to_first_byte = to_first_byte_;
    outcome.total = loop().now() - began_;
    seen_by->request_ended(event_, outcome);
    event_.id = 0;
  }

  ref<service> service_;
  ref<bucket_target> target_;
  ref<request_tally> tally_;
  throughput_floor floor_;
  ref<net::host> host_;  // where place_ or lease_ are
  net::place place_;
  net::lease lease_;
  ring::operation_owner sending_;
  request_event event_;
  const ring::socket_address* late_peer_ = nullptr;
  std::error_code outcome_error_;
  const common_headers* common_ = nullptr;  // that went with it
  inline_text<64> request_id_;  // 16 characters of Amazon S3's, some 50 of others'
  inline_text<128> host_id_;    // 76 of Amazon S3's
  inline_text<64> region_;      // of an answer that is a failure
  inline_text<64> signed_region_;
  ref<identity::held_credentials> signed_with_;
  std::chrono::seconds retry_after_{0};
  std::optional<wall_time> date_;  // of an answer that is a failure, and when it came by our clock
  wall_time answered_{};
  duration signed_offset_{0};
  time_point began_{};
  time_point idle_ends_{};
  time_point latest_ = no_deadline;
  bool answering_ = false;  // something of the answer has come
  duration to_first_byte_{0};
  std::uint64_t body_bytes_ = 0;
  int status_ = 0;
};

}  // namespace s3pager::s3
