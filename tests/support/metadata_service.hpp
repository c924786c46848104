// The metadata service of an instance (IMDSv2), or the credentials endpoint of a container, on a test's own reactor and clock: as strict
// as the real ones with methods, headers and tokens, and as wrong as a test wants it. Knows nothing of who asks.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "support/drive.hpp"

namespace s3pager::test {

struct metadata_answer {
  int status = 200;
  std::string body = {};
  std::string fields = {};  ///< further header lines, each with its CR LF
  bool cut = false;         ///< the connection ends in the middle of the body
  bool stall = false;       ///< the connection stays as it is in the middle of the body
  std::string raw = {};     ///< instead of all of it: sent as it is, and the connection closed
};

/// A request as it came.
struct metadata_request {
  std::string method = {};
  std::string target = {};
  std::vector<std::pair<std::string, std::string>> headers = {};

  /// Of all headers of this name, in any case; "none" if there is none.
  [[nodiscard]] std::string header(std::string_view name) const {
    std::string made;
    for (const auto& [each, value] : headers)
      if (equals_ignoring_case(each, name)) made += (made.empty() ? "" : ", ") + value;
    return made.empty() ? "none" : made;
  }
  /// `GET /latest/...`
  [[nodiscard]] std::string line() const { return method + ' ' + target; }
};

/// The JSON of both services.
[[nodiscard]] inline std::string metadata_json(const aws::credentials& what) {
  std::string made = R"({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": ")" + what.access_key_id + R"(", "SecretAccessKey": ")" +
                     std::string(what.secret_access_key.view()) + R"(", "Token": ")" + std::string(what.session_token.view()) + '"';
  if (what.expiration) {
    const auto second = std::chrono::floor<std::chrono::seconds>(*what.expiration);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(second - day);
    const auto two = [](auto number) {
      const auto value = static_cast<unsigned>(number);
      return std::string{static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
    };
    made += R"(, "Expiration": ")" + std::to_string(static_cast<int>(date.year())) + '-' + two(static_cast<unsigned>(date.month())) + '-' +
            two(static_cast<unsigned>(date.day())) + 'T' + two(clock.hours().count()) + ':' + two(clock.minutes().count()) + ':' +
            two(clock.seconds().count()) + "Z\"";
  }
  return made + '}';
}

/// Answers while it lives.
class metadata_service {
 public:
  explicit metadata_service(ring::reactor& loop) : loop_(loop) {
    if (const auto failed = ring::socket::listen(loop, ring::socket_address::loopback(0), 64, listener_))
      throw error(failed, "listening");
    port_ = listener_.local_address().port();
    serving_ = std::make_unique<root<>>(loop.ready(), serve());
  }
  metadata_service(const metadata_service&) = delete;
  metadata_service& operator=(const metadata_service&) = delete;

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// The next requests of this target, `GET /...`, are answered so, each with one of these; then as they should be.
  void next(const std::string& line, metadata_answer how) { scripted_[line].push_back(std::move(how)); }
  /// All tokens that it has given are refused from now on.
  void forget_tokens() { tokens_.clear(); }
  [[nodiscard]] const std::vector<metadata_request>& requests() const noexcept { return requests_; }
  /// Answers that have come to a halt.
  [[nodiscard]] std::size_t stalled() const noexcept { return stalled_; }
  /// Of this method and target.
  [[nodiscard]] std::size_t count(std::string_view line) const {
    std::size_t made = 0;
    for (const metadata_request& each : requests_) made += each.line() == line ? 1 : 0;
    return made;
  }

  static constexpr const char* token_line = "PUT /latest/api/token";
  static constexpr const char* role_line = "GET /latest/meta-data/iam/security-credentials/";
  static constexpr const char* region_line = "GET /latest/meta-data/placement/region";
  static constexpr const char* container_path = "/v2/credentials/ab12?x=y";

  std::string role = "reader";                   ///< empty: none
  std::string region = "eu-north-1";             ///< empty: none
  std::function<aws::credentials()> keys = [] {  ///< asked for each answer that has some
    return aws::credentials{.access_key_id = "AKSERVICE", .secret_access_key = "hidden/key", .session_token = "hidden/token"};
  };
  std::chrono::seconds token_life{21'600};       ///< at most, whatever is asked for
  std::string authorization = "none";            ///< that a container has to send
  coro::event open{true};                        ///< each answer waits for it

 private:
  struct text_block final : counted {
    explicit text_block(std::string from) noexcept : text(std::move(from)) {}
    std::string text;
  };
  struct buffer final : counted {
    std::byte bytes[16 * 1024];
  };

  task<> serve() {
    coro::scope peers(co_await coro::this_context());
    for (;;) {
      ring::accept_result accepted = co_await listener_.accept(no_deadline);
      if (accepted.error) co_return;
      peers.spawn(talk(std::move(accepted.peer)));
    }
  }

  task<> talk(ring::socket peer) {
    const auto memory = make_ref<buffer>();
    for (http::request_parser parser;; parser.reset()) {
      for (bool complete = false; !complete;) {
        const ring::io_result got = co_await peer.receive(memory->bytes, memory, no_deadline);
        if (got.error || got.bytes == 0) {
          peer.reset();  // the frame stays until the scope looks after it
          co_return;
        }
        complete = take(parser, std::span<const std::byte>(memory->bytes).first(got.bytes));
      }
      co_await open.wait();
      const metadata_answer how = answer(requests_.back());
      std::string text = how.raw;
      if (text.empty()) {
        text = "HTTP/1.1 " + std::to_string(how.status) + " Status\r\n" + how.fields;
        text += "Content-Length: " + std::to_string(how.body.size()) + "\r\n\r\n" + how.body;
        if (how.cut || how.stall) text.resize(text.size() - (how.body.size() + 1) / 2);
      }
      const auto block = make_ref<text_block>(std::move(text));
      const ring::io_result sent = co_await peer.send(as_byte_span(block->text), block, no_deadline);
      if (how.stall) ++stalled_;
      if (!sent.error && !how.cut && how.raw.empty()) continue;
      peer.reset();
      co_return;
    }
  }

  /// Whether the request is whole. There is none after it: who asks waits for the answer.
  bool take(http::request_parser& parser, std::span<const std::byte> input) {
    for (;;) {
      const http::step came = parser.feed(input);
      if (came.kind == http::step_kind::error) throw std::logic_error("the request is malformed");
      if (came.kind == http::step_kind::need_more) return false;
      if (came.kind == http::step_kind::end) return true;
      input = input.subspan(came.consumed);
      if (came.kind == http::step_kind::body) throw std::logic_error("the request has a body");
      metadata_request made{.method = std::string(parser.method()), .target = std::string(parser.target())};
      for (const http::field each : parser.headers()) made.headers.emplace_back(each.name, each.value);
      requests_.push_back(std::move(made));
    }
  }

  [[nodiscard]] metadata_answer answer(const metadata_request& request) {
    if (const auto at = scripted_.find(request.line()); at != scripted_.end() && !at->second.empty()) {
      metadata_answer made = std::move(at->second.front());
      at->second.pop_front();
      return made;
    }
    if (request.target == container_path) return container_answer(request);
    if (request.target == "/latest/api/token") return token_answer(request);
    const auto token = tokens_.find(request.header("X-aws-ec2-metadata-token"));
    if (token == tokens_.end() || token->second <= loop_.now()) return {.status = 401};
    if (request.method != "GET") return {.status = 405};
    if (request.line() == role_line) return text_or_none(role);
    if (request.line() == region_line) return text_or_none(region);
    if (!role.empty() && request.line() == role_line + role) return {.body = metadata_json(keys())};
    return {.status = 404};
  }
  [[nodiscard]] static metadata_answer text_or_none(const std::string& text) {
    return text.empty() ? metadata_answer{.status = 404} : metadata_answer{.body = text};
  }
  [[nodiscard]] metadata_answer token_answer(const metadata_request& request) {
    if (request.method != "PUT") return {.status = 405};
    if (request.header("X-Forwarded-For") != "none") return {.status = 403};
    const std::string asked = request.header("X-aws-ec2-metadata-token-ttl-seconds");
    if (asked != "21600") return {.status = 400};
    const std::string token = "TOKEN-" + std::to_string(++tokens_given_) + "==";
    tokens_[token] = after(loop_.now(), token_life);
    return {.body = token, .fields = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: " + std::to_string(token_life.count()) + "\r\n"};
  }
  [[nodiscard]] metadata_answer container_answer(const metadata_request& request) {
    if (request.method != "GET") return {.status = 405};
    if (request.header("Authorization") != authorization)
      return {.status = 401, .body = R"({"code": "Unauthorized", "message": "the token is not this container's"})"};
    return {.body = metadata_json(keys())};
  }

  ring::reactor& loop_;
  ring::socket listener_;
  std::uint16_t port_ = 0;
  std::map<std::string, std::deque<metadata_answer>> scripted_;
  std::map<std::string, time_point> tokens_;
  int tokens_given_ = 0;
  std::size_t stalled_ = 0;
  std::vector<metadata_request> requests_;
  std::unique_ptr<root<>> serving_;
};

}  // namespace s3pager::test
