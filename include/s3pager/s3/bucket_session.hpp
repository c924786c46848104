// The credentials of a session at a directory bucket (S3 Express One Zone): had for the client's own, good for one bucket and some
// minutes. Knows how a session is made, and nothing of what it is used for.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/endpoint.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/date.hpp"
#include "s3pager/identity/credentials_cache.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/service_call.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/s3/failure.hpp"
#include "s3pager/xml/sts_answer.hpp"

namespace s3pager::s3 {

/// Asks at each fetch, for reading alone. Credentials of the client's that are refused are given up, and others asked for, once; a clock
/// that is wrong is set right by the service's.
class bucket_session final : public credentials_provider {
 public:
  /// `where` is the bucket's place. `owns` are the client's credentials, which the session is had for.
  bucket_session(ref<net::control_driver> http, aws::endpoint where, ref<identity::credentials_cache> owns)
      : http_(std::move(http)), where_(std::move(where)), owns_(std::move(owns)), name_("a session at " + where_.host) {}

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    for (int attempt = 1;; ++attempt) {
      task<> waiting = owns_->wait([this, &loop] { return loop.clock().wall() + clock_offset_; });
      co_await std::move(waiting);
      const ref<identity::held_credentials> by = owns_->latest();
      task<net::control_answer> asking =
          identity::call_service(loop, http_, who, request(by->value, loop.clock().wall() + clock_offset_), attempts);
      const net::control_answer answer = co_await std::move(asking);
      if (answer.status == 200) {
        auto parsed = xml::parse_create_session_answer(answer.body.view());
        if (!parsed) throw error(errc::protocol_violation, parsed.message());
        co_return identity::to_sign_with(std::move(parsed).value());
      }
      const error refused = identity::refusal(who, "CreateSession", answer, {by->value.session_token.view()});
      if (attempt == most_attempts || !mended(loop, answer, refused, *by)) throw error(refused);
    }
  }

 private:
  static constexpr const char* who = "the bucket";
  static constexpr std::uint32_t attempts = 3;  // of a call, at what is no refusal
  static constexpr int most_attempts = 3;       // with other credentials, and another time

  /// Whether another attempt may go better.
  [[nodiscard]] bool mended(ring::reactor& loop, const net::control_answer& answer, const error& refused,
                            const identity::held_credentials& by) {
    if (credentials_refused(refused.s3_code())) return owns_->renounce(by.generation);
    const auto theirs = http::parse_date(answer.header("date"), loop.clock().wall());
    const auto least = skew_refused(refused.s3_code());
    if (!theirs || !least) return false;
    const duration ahead = *theirs - loop.clock().wall();
    const duration off = ahead - clock_offset_;
    if (off < *least && off > -*least) return false;
    clock_offset_ = ahead;
    return true;
  }

  [[nodiscard]] net::control_request request(const aws::credentials& by, wall_time now) const {
    net::control_request made;
    made.limit = identity::service_limit;
    made.url = (where_.tls ? "https://" : "http://") + where_.host_header + where_.path_prefix + "/?session=";
    aws::signer signer(by, where_.signing_region, where_.signing_name);
    const std::string date(signer.amz_date(now));
    std::vector<aws::signed_header> headers{{"host", where_.host_header},
                                            {"x-amz-content-sha256", aws::empty_payload_hash},
                                            {"x-amz-create-session-mode", "ReadOnly"},
                                            {"x-amz-date", date}};
    if (!by.session_token.empty()) headers.push_back({"x-amz-security-token", by.session_token.view()});
    aws::signature signature;
    const std::string path = where_.path_prefix + "/";
    if (const auto failed = signer.sign(
            {.method = "GET", .path = path, .query = "session=", .headers = headers, .payload_hash = aws::empty_payload_hash}, now, signature))
      throw error(errc::invalid_argument, "CreateSession can't be signed: " + failed.message());
    for (const aws::signed_header& each : headers)
      if (each.name != "host") made.headers.push_back({std::string(each.name), each.value});
    made.headers.push_back({"authorization", signature.authorization()});
    return made;
  }

  ref<net::control_driver> http_;
  aws::endpoint where_;
  ref<identity::credentials_cache> owns_;
  std::string name_;
  duration clock_offset_{0};
};

}  // namespace s3pager::s3
