// Temporary credentials of a role by AWS's Security Token Service: for credentials that may assume it, or for a token of a web
// identity. Knows no profile.
// https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
#pragma once

#include <string.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/sha256.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/date.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/service_call.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/xml/sts_answer.hpp"

namespace s3pager::identity {

/// Where STS is asked.
struct sts_place {
  std::string url = "https://sts.amazonaws.com";  ///< without a path
  std::string path = "/";                         ///< encoded
  std::string region = "us-east-1";               ///< that requests are signed for
};

/// What role is asked for, and as whom.
struct role_wanted {
  std::string role_arn = {};
  std::string session_name = {};  ///< empty: `s3pager-` and the time
  std::string external_id = {};
  std::string duration_seconds = {};  ///< 900 to 43200; empty: an hour
};

/// The calls of a client's. It must outlive them.
class sts_client {
 public:
  /// With a place that is wrong all calls fail, with invalid_argument.
  sts_client(ref<net::control_driver> http, checked_setting<sts_place> place) : http_(std::move(http)), place_(std::move(place)) {}

  /// AssumeRole, signed by `source`. Throws error. A clock that is wrong is set right by the service's once.
  [[nodiscard]] task<aws::credentials> assume_role(ring::reactor& loop, role_wanted role, aws::credentials source) {
    const secret body = form(loop, "AssumeRole", role, {});
    net::control_request what = signed_request(loop.clock().wall(), body, source);
    task<net::control_answer> calling = call_service(loop, http_, who, std::move(what), attempts);
    net::control_answer answer = co_await std::move(calling);
    const auto theirs = http::parse_date(answer.header("date"), loop.clock().wall());
    const duration ahead = theirs ? *theirs - loop.clock().wall() : duration::zero();
    // Signatures are good for five minutes around the service's time.
    if (answer.status != 200 && (ahead > std::chrono::minutes(4) || ahead < -std::chrono::minutes(4))) {
      what = signed_request(*theirs, body, source);
      task<net::control_answer> again = call_service(loop, http_, who, std::move(what), attempts);
      answer = co_await std::move(again);
    }
    co_return parsed(answer, "AssumeRole", source.session_token);
  }

  /// AssumeRoleWithWebIdentity, by a token that somebody else has signed. Throws error. STS asks who has signed it, and is asked again
  /// where they don't answer.
  [[nodiscard]] task<aws::credentials> assume_role_with_web_identity(ring::reactor& loop, role_wanted role, secret token) {
    const net::control_request what = request(form(loop, "AssumeRoleWithWebIdentity", role, token.view()));
    for (std::uint32_t attempt = 1;; ++attempt) {
      task<net::control_answer> calling = call_service(loop, http_, who, what, attempts);
      const net::control_answer answer = co_await std::move(calling);
      const bool again = answer.status == 400 && refusal(who, {}, answer).s3_code() == "IDPCommunicationError";
      if (!again || attempt == attempts) co_return parsed(answer, "AssumeRoleWithWebIdentity", token);
      if (co_await ring::sleep_until(loop, after(loop.now(), std::chrono::milliseconds(200) * attempt)))
        throw error(errc::cancelled, std::string(who) + ": stopped before another attempt");
    }
  }

 private:
  static constexpr const char* who = "STS";
  static constexpr std::uint32_t attempts = 3;

  [[nodiscard]] static secret form(ring::reactor& loop, std::string_view action, const role_wanted& role, std::string_view token) {
    std::string made;
    const auto put = [&](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      if (!made.empty()) made += '&';
      (made += name) += '=';
      append_uri_encoded(made, value, slash::encode);
    };
    // Longer than all that may be in it: no copy of the token is left where the text grew.
    made.reserve(1024 + 3 * (role.role_arn.size() + role.session_name.size() + role.external_id.size() + token.size()));
    put("Action", action);
    put("Version", "2011-06-15");
    put("RoleArn", role.role_arn);
    put("RoleSessionName", role.session_name.empty() ? default_session_name(loop) : role.session_name);
    put("ExternalId", role.external_id);
    put("DurationSeconds", role.duration_seconds);
    put("WebIdentityToken", token);
    secret whole(made);
    ::explicit_bzero(made.data(), made.size());
    return whole;
  }
  [[nodiscard]] static std::string default_session_name(ring::reactor& loop) {
    const auto now = std::chrono::floor<std::chrono::seconds>(loop.clock().wall());
    return "s3pager-" + std::to_string(now.time_since_epoch().count());
  }

  [[nodiscard]] net::control_request request(secret body) const {
    net::control_request made;
    made.method = "POST";
    made.limit = service_limit;
    if (!place_) throw error(errc::invalid_argument, place_.message());
    made.url = place_.value().url + place_.value().path;
    made.headers.push_back({"content-type", "application/x-www-form-urlencoded; charset=utf-8"});
    made.body = std::move(body);
    return made;
  }
  [[nodiscard]] net::control_request signed_request(wall_time now, const secret& body, const aws::credentials& source) const {
    net::control_request made = request(body);
    aws::sha256 hash;
    hash.update(body.view());
    char digest[64];
    write_hex(hash.finish(), digest);
    const std::string payload_hash(digest, sizeof digest);
    const sts_place& place = place_.value();
    const std::string host = place.url.substr(place.url.find("://") + 3);
    aws::signer signer(source, place.region, "sts");
    const std::string date(signer.amz_date(now));
    std::vector<aws::signed_header> headers{{"content-type", made.headers.front().value.view()},
                                            {"host", host},
                                            {"x-amz-content-sha256", payload_hash},
                                            {"x-amz-date", date}};
    if (!source.session_token.empty()) headers.push_back({"x-amz-security-token", source.session_token.view()});
    aws::signature signature;
    if (const auto failed =
            signer.sign({.method = "POST", .path = place.path, .headers = headers, .payload_hash = payload_hash}, now, signature))
      throw error(errc::invalid_argument, "the request to STS can't be signed: " + failed.message());
    for (const aws::signed_header& each : headers)
      if (each.name != "content-type" && each.name != "host") made.headers.push_back({std::string(each.name), each.value});
    made.headers.push_back({"authorization", signature.authorization()});
    return made;
  }
  [[nodiscard]] static aws::credentials parsed(const net::control_answer& answer, std::string_view action, const secret& token) {
    if (answer.status != 200) throw refusal(who, action, answer, {token.view()});
    auto found = xml::parse_sts_answer(answer.body.view(), action);
    if (!found) throw error(errc::protocol_violation, found.message());
    return to_sign_with(std::move(found).value());
  }

  ref<net::control_driver> http_;
  checked_setting<sts_place> place_;
};

/// A role by a token that lies in a file, which is read at each fetch, as whoever wrote it renews it: EKS's service accounts, and
/// others by OpenID Connect. https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html
class web_identity_credentials final : public credentials_provider {
 public:
  web_identity_credentials(ref<net::control_driver> http, checked_setting<sts_place> place, role_wanted role, std::string token_file)
      : sts_(std::move(http), std::move(place)), role_(std::move(role)), token_file_(std::move(token_file)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "web identity"; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    if (role_.role_arn.empty()) throw error(errc::invalid_argument, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but no AWS_ROLE_ARN");
    const std::string which = "the web identity token file, " + token_file_ + ',';
    task<std::optional<secret>> reading = read_small_file(loop, "the web identity token file", token_file_, max_token_bytes, no_deadline);
    const std::optional<secret> text = co_await std::move(reading);
    if (!text) throw error(errc::invalid_argument, which + " is not there");
    std::string_view token = text->view();
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.remove_suffix(1);
    if (token.empty()) throw error(errc::invalid_argument, which + " is empty");
    task<aws::credentials> asking = sts_.assume_role_with_web_identity(loop, role_, secret(token));
    aws::credentials given = co_await std::move(asking);
    co_return given;
  }

 private:
  static constexpr std::size_t max_token_bytes = 64 * 1024;

  sts_client sts_;
  role_wanted role_;
  std::string token_file_;
};

}  // namespace s3pager::identity
