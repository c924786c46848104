// GetObject: one request, its answer checked against what was asked, its body handed on in the slots it was received into.
// Knows no window and no retries. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/signer.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/date.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/s3/byte_range.hpp"
#include "s3pager/s3/checksum_claims.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/exchange.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::s3 {

/// What is asked for. The views must live as long as the get_object that is made with it.
struct get_object_request {
  std::string_view key = {};
  std::string_view target = {};         ///< of a URL that somebody has signed: sent as it is, and nothing that would have to be signed
  std::optional<byte_range> range = {};
  std::string_view if_match = {};       ///< an ETag with its quotes, or `*`
  std::string_view if_none_match = {};
  std::optional<wall_time> if_modified_since = {};
  std::optional<wall_time> if_unmodified_since = {};
  std::string_view query = {};  ///< canonical (object_query()); that of the part comes to it
  std::optional<std::uint32_t> part_number = {};  ///< 1 to 10,000
  bool requester_pays = false;
  const common_headers* common = nullptr;  ///< that every request of the call has; null: none
  bool checksums = false;  ///< ask for those that the service keeps (x-amz-checksum-mode), and take those that are given
  bool or_whole = false;   ///< from a server that ignores a range from 0 on, take the whole object
  bool unranged = false;   ///< a range from 0 on is not asked for, but cut out of the whole, with which its checksum comes
};

/// ETags as different answers of one service write them: with or without quotes.
[[nodiscard]] constexpr bool same_etag(std::string_view a, std::string_view b) noexcept {
  const auto bare = [](std::string_view text) {
    return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
  };
  return bare(a) == bare(b);
}

/// One GET. Use: `begin()` until it gives true, then alternately `take()` until it gives nothing, and `receive()` until
/// `complete()`. All throw error and have closed the connection then. Dropping it before it is complete closes the
/// connection. Not movable; one thread's.
class get_object {
 public:
  get_object(ref<service> with, ref<bucket_target> target, const get_object_request& what, ref<request_tally> tally)
      : what_(what),
        exchange_(std::move(with), std::move(target), std::move(tally), request_kind::get_object, what.key,
                  what.range ? what.range->first : 0) {
    write_headers();
  }

  /// Takes a place among the connections now; false: there is none. begin() waits for one otherwise.
  [[nodiscard]] bool try_place(bool fresh) noexcept { return exchange_.open() || exchange_.try_place(fresh); }
  /// Waits for one, up to its deadline, which counts the time in which the tally's consumer waits.
  [[nodiscard]] task<> wait_for_place(bool fresh) { return exchange_.wait_for_place(fresh); }
  /// No wait lasts longer than this, whatever its own deadline.
  void end_by(time_point latest) noexcept { exchange_.end_by(latest); }
  /// The next receive had to wait for room for so long: the server was not the slow side.
  void stood(duration span) noexcept { exchange_.stood(span); }

  /// What came of begin().
  enum class progress : std::uint8_t {
    opened,   ///< the head is there and is as asked for
    starved,  ///< the head goes on: call begin() again with another grant
    stale,    ///< the kept connection that it was sent on had been closed: call begin() again with another grant and `fresh`
    late,     ///< nothing came while `patience` lasted, and may come yet: call begin() again, without a grant
  };

  /// Sends the request and receives under `slots` until the head of the answer is there, and checks it: status 200 or 206 as
  /// asked, else throws the typed error.
  [[nodiscard]] task<progress> begin(ring::grant slots, bool fresh, duration patience = hedge_budget::never) {
    const bool sends = !exchange_.open();
    const request_spec request{
        .key = what_.key, .target = what_.target, .query = query(), .headers = {headers_.data(), header_count_}, .common = what_.common};
    if (sends && !exchange_.try_begin(request, fresh)) co_await exchange_.begin(request, fresh);
    const time_point late = after(sends ? exchange_.began() : exchange_.loop().now(), patience);
    std::error_code failed;
    broken_ = {};
    bool headed = false;
    do {
      if (!waiting_) receive_into(std::move(slots));
      ring::receive_result got = co_await ring::socket::finish_receive(std::move(waiting_), waiting_until_, exchange_.request(), late);
      if (got.pending) {
        waiting_ = std::move(got.pending);
        co_return progress::late;
      }
      exchange_.came(got);
      failed = got.error;
      if (!failed && got.bytes.size() == 0) failed = end_of_stream();
      received_ = std::move(got.bytes);
      if (!failed) failed = read_head(headed);
      // What came was all TLS's own: who waited for a grant now might wait for his consumer, with the answer on its way.
      slots = std::move(vain_);
    } while (!failed && !headed && slots);
    slots.reset();
    if (failed) {
      if (exchange_.stale(failed)) {
        exchange_.retry(failed);
        co_return progress::stale;
      }
      const error made = exchange_.transport_failure(failed, "waiting for the answer");
      exchange_.abandon(failed);
      throw made;
    }
    if (!headed) co_return progress::starved;
    exchange_.answered();
    if (exchange_.status() != 200 && exchange_.status() != 206) {
      if (const auto text = exchange_.parser().header("content-range"); text && exchange_.status() == 416)
        if (const auto answered = parse_content_range(*text)) total_ = answered->total;
      std::string body;
      const bool broken = take_failure(body);
      const error made = co_await exchange_.read_failure(std::move(body), ended_, broken);
      throw made;
    }
    check_head();
    exchange_.hedging().took(exchange_.to_first_byte());
    co_return progress::opened;
  }

  /// The next received bytes of the body, in order; none: receive() more, unless complete().
  [[nodiscard]] ring::slot_span take() {
    while (!ended_) {
      if (piece_.size() == 0) next_piece();
      const http::step next = exchange_.parser().feed(piece_.bytes());
      switch (next.kind) {
        case http::step_kind::body: {
          ring::slot_span body = take_body(next);
          if (wanted_) body = cut_out(std::move(body));
          if (body.size() > 0) return body;
          break;
        }
        case http::step_kind::need_more:
          piece_.reset();
          if (!received_.empty()) break;
          if (broken_) refuse(broken_);
          if (exchange_.stream().ended()) {
            take_end();
            break;
          }
          // Whoever waits for a grant now must not keep the slot that the head came in.
          head_.reset();
          vain_.reset();
          return {};
        case http::step_kind::end:
          piece_.skip(next.consumed);
          end_of_answer();
          break;
        case http::step_kind::head: break;
        case http::step_kind::error: refuse(next.error);
      }
    }
    return {};
  }

  /// Receives more of the body, up to the grant. It ends too if nothing comes for `idle`, or too little; and if nothing came while
  /// `patience` lasted: then it is waiting(), and to be called again, without a grant.
  [[nodiscard]] task<> receive(ring::grant slots, duration patience = hedge_budget::never) {
    if (!waiting_) receive_into(std::move(slots));
    ring::receive_result got = co_await ring::socket::finish_receive(
        std::move(waiting_), waiting_until_, exchange_.request(), after(exchange_.loop().now(), patience));
    if (got.pending) {
      waiting_ = std::move(got.pending);
      co_return;
    }
    exchange_.came(got);
    if (got.error) {
      const error made = exchange_.transport_failure(got.error, "receiving the body");
      exchange_.abandon(got.error);
      throw made;
    }
    if (got.bytes.size() == 0) take_end();
    received_ = std::move(got.bytes);
  }

  /// Whether all of the body was taken, and it was as long as the answer said.
  [[nodiscard]] bool complete() const noexcept { return ended_; }

  /// A receive goes on, under the grant that it was given.
  [[nodiscard]] bool waiting() const noexcept { return static_cast<bool>(waiting_); }

  /// Closes the connection: the rest of the answer is of no use.
  void abandon(std::error_code why) {
    waiting_.reset();
    exchange_.abandon(why);
  }

  /// Before begin(): it is a second request for what another, to `late`, is late with. It counts as such, and goes to another
  /// address if there is one. `late` must live until begin() has ended once.
  void hedge_against(const ring::socket_address& late) noexcept { exchange_.hedge_against(late); }
  /// Whom it was sent to; while its connection is open.
  [[nodiscard]] const ring::socket_address& peer() const noexcept { return exchange_.peer(); }
  /// Another request was answered before this one was: closes the connection.
  void overtaken() {
    if (exchange_.open() && exchange_.status() == 0) exchange_.hedging().took(exchange_.elapsed());
    abandon(make_error_code(errc::cancelled));
  }

  // From begin() until take() is called:
  [[nodiscard]] int status() const noexcept { return exchange_.status(); }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
    return exchange_.parser().header(name);
  }
  /// The object's size, if the answer says it; of an answer 416 too, when begin() has thrown.
  [[nodiscard]] std::optional<std::uint64_t> total() const noexcept { return total_; }
  /// Where in the object the body begins.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  /// How long the body is, if the answer says it.
  [[nodiscard]] std::optional<std::uint64_t> body_size() const noexcept { return body_size_; }
  /// Bytes of the body that are still to be received, where the answer said how many.
  [[nodiscard]] std::uint64_t remaining() const noexcept {
    if (wanted_) return skipped_ + *wanted_;
    return exchange_.open() ? exchange_.parser().content_remaining() : 0;
  }
  [[nodiscard]] const checksum_claims& checksums() const noexcept { return checksums_; }
  /// Whether the body is all of the object, and nothing but it.
  [[nodiscard]] bool all_of_object() const noexcept {
    if (wanted_) return false;
    return exchange_.status() == 200 || (offset_ == 0 && total_ && body_size_ == total_);
  }

  [[nodiscard]] error failure(errc why, std::string message) const { return exchange_.failure(why, std::move(message)); }

 private:
  void write_headers() {
    const auto add = [this](std::string_view name, std::string_view value) {
      if (!value.empty()) headers_[header_count_++] = {name, value};
    };
    add("if-match", what_.if_match);
    if (what_.if_modified_since) modified_since_ = http::format_date(*what_.if_modified_since);
    add("if-modified-since", modified_since_);
    add("if-none-match", what_.if_none_match);
    if (what_.if_unmodified_since) unmodified_since_ = http::format_date(*what_.if_unmodified_since);
    add("if-unmodified-since", unmodified_since_);
    if (what_.range && !what_.unranged) {
      char* end = range_.data();
      const auto text = [&end](std::string_view piece) { end = std::copy(piece.begin(), piece.end(), end); };
      text("bytes=");
      end = std::to_chars(end, range_.data() + range_.size(), what_.range->first).ptr;
      text("-");
      end = std::to_chars(end, range_.data() + range_.size(), what_.range->last).ptr;
      add("range", {range_.data(), static_cast<std::size_t>(end - range_.data())});
    }
    if (what_.checksums && what_.target.empty()) add("x-amz-checksum-mode", "ENABLED");
    if (what_.requester_pays) add("x-amz-request-payer", "requester");
    if (!what_.part_number) return;
    part_query_ = "partNumber=" + std::to_string(*what_.part_number);
    if (!what_.query.empty()) (part_query_ += '&') += what_.query;
  }
  [[nodiscard]] std::string_view query() const noexcept { return part_query_.empty() ? what_.query : std::string_view(part_query_); }

  void receive_into(ring::grant slots) {
    std::size_t most = slots.bytes();
    if (const std::uint64_t left = exchange_.parser().content_remaining(); left > 0)
      most = static_cast<std::size_t>(std::min<std::uint64_t>(most, exchange_.stream().wire_size(left)));
    pool_ = slots.pool();
    waiting_ = exchange_.stream().socket().prepare_receive(std::move(slots), most);
    waiting_until_ = exchange_.receive_deadline();
  }
  /// The next bytes that came, in plaintext; none if there are no more. What breaks the stream behind them is kept, and nothing behind it.
  void next_piece() noexcept {
    piece_.reset();
    while (!received_.empty()) {
      piece_ = received_.next_span();
      broken_ = exchange_.stream().open(piece_);
      if (broken_) received_.reset();
      if (piece_.size() > 0) return exchange_.received(piece_.size());
      vain_.merge(pool_->regrant(std::move(piece_)));
    }
  }
  /// The connection ended before the head: why that is a failure.
  [[nodiscard]] std::error_code end_of_stream() noexcept {
    const std::error_code cut = exchange_.stream().on_eof();
    return cut ? cut : exchange_.parser().on_eof().error;
  }
  /// The connection ended in the body: so does the answer, or it is cut short.
  void take_end() {
    if (const std::error_code cut = exchange_.stream().on_eof()) refuse(cut);
    const http::step last = exchange_.parser().on_eof();
    if (last.kind != http::step_kind::end) refuse(last.error);
    end_of_answer();
  }

  /// Feeds the parser what was received, up to the head; not so far if that goes on.
  [[nodiscard]] std::error_code read_head(bool& headed) {
    for (;;) {
      next_piece();
      if (piece_.size() == 0) return broken_ || !exchange_.stream().ended() ? broken_ : end_of_stream();
      const http::step next = exchange_.parser().feed(piece_.bytes());
      if (next.kind == http::step_kind::error) refuse(next.error);
      headed = next.kind == http::step_kind::head;
      if (!headed) continue;
      // The head's views point into the slot: it stays until the first take().
      head_ = piece_.share(0, next.consumed);
      piece_.skip(next.consumed);
      return {};
    }
  }

  /// Of a refusal's body what has come with its head. True: no more of it can be read, or of what follows it.
  [[nodiscard]] bool take_failure(std::string& body) {
    http::step next;
    do {
      if (piece_.size() == 0) next_piece();
      next = exchange_.parser().feed(piece_.bytes());
      exchange_.count_body(next.body.size());
      body += as_chars(next.body);
      piece_.skip(next.kind == http::step_kind::need_more ? piece_.size() : next.consumed);
    } while (next.kind == http::step_kind::body || (next.kind == http::step_kind::need_more && !received_.empty()));
    ended_ = next.kind == http::step_kind::end;
    const bool broken = next.kind == http::step_kind::error || more_came();
    head_.reset();
    piece_.reset();
    received_.reset();
    return broken;
  }

  void check_head() {
    const http::response_parser& parser = exchange_.parser();
    const std::optional<std::uint64_t> length = parser.content_length();
    body_size_ = length;
    if (what_.checksums) checksums_ = read_checksum_claims(parser.headers(), exchange_.status());
    if (exchange_.status() == 200) {
      total_ = length;
      if (!what_.range) return;
      const bool all = what_.range->first == 0 && (what_.or_whole || (length && *length <= what_.range->size()) ||
                                                   (what_.unranged && !rest_can_be_asked_for()));
      if (!all) cut_from_whole();
      return;
    }
    const auto text = parser.header("content-range");
    const auto answered = text ? parse_content_range(*text) : std::nullopt;
    if (!answered || !answered->range) reject("status 206 without a valid Content-Range");
    total_ = answered->total;
    offset_ = answered->range->first;
    body_size_ = answered->range->size();
    if (length && *length != answered->range->size()) reject("Content-Length and Content-Range contradict each other");
    if (!what_.range || what_.unranged) {
      if (!what_.part_number) reject("status 206, but no Range was asked for");
      return;
    }
    const std::uint64_t last = total_ ? std::min(what_.range->last, *total_ - 1) : what_.range->last;
    if (answered->range->first != what_.range->first || answered->range->last > what_.range->last ||
        (total_ && answered->range->last != last))
      reject("the server answered another range than was asked for");
  }

  /// From a server that knows ranges, of this version.
  [[nodiscard]] bool rest_can_be_asked_for() const noexcept {
    const http::response_parser& parser = exchange_.parser();
    return parser.content_length() && equals_ignoring_case(parser.header("accept-ranges").value_or(std::string_view()), "bytes") &&
           !parser.header("etag").value_or(std::string_view()).empty();
  }
  /// The server ignored the Range, or was not asked for it, and sends all of the object: what is wanted is cut out of it.
  void cut_from_whole() {
    if (exchange_.parser().header("content-range")) reject("status 200 with a Content-Range: either may be wrong");
    if (what_.range->first > most_skipped)
      reject("the server ignored the Range of the request, and what was asked for begins too late to read up to it");
    // Who ignores a range may ignore a condition as well.
    if (!what_.if_match.empty() && what_.if_match != "*" &&
        !same_etag(exchange_.parser().header("etag").value_or(std::string_view()), what_.if_match)) {
      const error made = exchange_.failure(errc::changed, "the answer is not surely of the version that was asked for");
      exchange_.abandon(made.code());
      throw made;
    }
    if (total_ && *total_ <= what_.range->first) reject("the object ends before the range that was asked for");
    offset_ = skipped_ = what_.range->first;
    wanted_ = total_ ? std::min(what_.range->size(), *total_ - what_.range->first) : what_.range->size();
    body_size_ = total_ ? wanted_ : std::nullopt;
  }
  /// Of a body's piece what is wanted of it. With the last of it the answer has ended, whatever the server still sends.
  [[nodiscard]] ring::slot_span cut_out(ring::slot_span body) {
    const auto before = static_cast<std::size_t>(std::min<std::uint64_t>(skipped_, body.size()));
    body.skip(before);
    skipped_ -= before;
    if (body.size() > *wanted_) body = body.share(0, static_cast<std::size_t>(*wanted_));
    *wanted_ -= body.size();
    if (*wanted_ == 0) {
      exchange_.abandon({});
      head_.reset();
      piece_.reset();
      received_.reset();
      ended_ = true;
    }
    return body;
  }

  [[nodiscard]] ring::slot_span take_body(const http::step& next) {
    head_.reset();
    exchange_.count_body(next.body.size());
    const auto at = static_cast<std::size_t>(next.body.data() - piece_.bytes().data());
    if (at + next.body.size() == piece_.size()) {
      ring::slot_span whole = std::exchange(piece_, ring::slot_span());
      whole.skip(at);
      return whole;
    }
    ring::slot_span part = piece_.share(at, next.body.size());
    piece_.skip(next.consumed);
    gather(part);
    return part;
  }

  /// Each page has a record besides its bytes: chunks of a few bytes that lie in one slot become one page.
  void gather(ring::slot_span& into) {
    while (!ended_ && into.size() < small_page && piece_.size() > 0) {
      const std::span<const std::byte> behind = piece_.bytes();
      const std::size_t room = into.room_from(behind.data());
      if (room == 0) return;
      const http::step next = exchange_.parser().feed(behind.first(std::min(room, behind.size())));
      if (next.kind == http::step_kind::error) refuse(next.error);
      if (next.kind == http::step_kind::body) {
        exchange_.count_body(next.body.size());
        into.move_up(next.body);
      }
      piece_.skip(next.consumed);
      if (next.kind == http::step_kind::end) end_of_answer();
    }
  }
  static constexpr std::size_t small_page = 2048;

  void end_of_answer() {
    head_.reset();
    ended_ = true;
    const bool extra = more_came();
    piece_.reset();
    received_.reset();
    // The answer is whole; what comes after it makes the connection useless, not the answer wrong.
    if (extra)
      exchange_.abandon({});
    else if (exchange_.status() < 300)
      exchange_.finish();
  }

  /// Behind the answer: what is TLS's own is not meant.
  [[nodiscard]] bool more_came() noexcept {
    if (piece_.size() == 0) next_piece();
    vain_.reset();
    return piece_.size() > 0 || broken_;
  }

  [[noreturn]] void refuse(std::error_code why) {
    const error made = exchange_.transport_failure(why, "reading the answer");
    exchange_.abandon(why);
    throw made;
  }
  [[noreturn]] void reject(const char* message) {
    const error made = exchange_.failure(errc::protocol_violation, message);
    exchange_.abandon(made.code());
    throw made;
  }

  /// Of a body before what is wanted of it: more is not worth its time.
  static constexpr std::uint64_t most_skipped = std::uint64_t{64} << 20;

  get_object_request what_;
  exchange exchange_;
  std::array<aws::signed_header, 9> headers_;
  std::size_t header_count_ = 0;
  std::array<char, 64> range_;
  std::string modified_since_;
  std::string unmodified_since_;
  std::string part_query_;
  ring::operation_owner waiting_;  // the receive that nothing has come of yet
  time_point waiting_until_{};
  ring::received received_;
  ring::slot_span piece_;
  ring::slot_span head_;
  ref<ring::buffer_pool> pool_;
  ring::grant vain_;          // slots of it that nothing of the answer came into
  std::error_code broken_;    // behind what piece_ holds
  std::optional<std::uint64_t> total_;
  std::optional<std::uint64_t> body_size_;
  std::uint64_t offset_ = 0;
  std::uint64_t skipped_ = 0;             ///< bytes of the body that come before what is wanted
  std::optional<std::uint64_t> wanted_;   ///< bytes that are left of a part that is cut out of the whole
  checksum_claims checksums_;
  bool ended_ = false;
};

}  // namespace s3pager::s3
