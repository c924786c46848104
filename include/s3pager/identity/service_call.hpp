// One call of a service that gives credentials: made again where that may help, and what came of it in words. Knows no such service.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credential_answers.hpp"
#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/xml/error_body.hpp"
#include "s3pager/xml/sts_answer.hpp"

namespace s3pager::identity {

/// How long a call of STS, SSO or CreateSession may take: three of them within deadlines.credentials, as it is by default.
inline constexpr duration service_limit = std::chrono::seconds(10);

/// Gives the answer, whatever its status. Of up to `attempts` calls, 100 ms after one another, then twice as long each time up to a
/// second: again after a lost connection, a limit that passed, a host that can't be reached or found, a status of 500 and above, or 429. Throws as
/// control_driver::call does, in words that begin with `who`.
[[nodiscard]] inline task<net::control_answer> call_service(ring::reactor& loop, ref<net::control_driver> driver, std::string who,
                                                            net::control_request what, std::uint32_t attempts) {
  const auto named = [&who](const error& why) { return error(why.code(), who + ": " + why.details().message); };
  duration pause = std::chrono::milliseconds(100);
  for (std::uint32_t attempt = 1;; ++attempt) {
    try {
      task<net::control_answer> calling = driver->call(what);
      net::control_answer got = co_await std::move(calling);
      if (attempt >= attempts || (got.status < 500 && got.status != 429)) co_return got;
    } catch (const net::unreachable_host& why) {
      if (attempt >= attempts) throw net::unreachable_host(named(why));
    } catch (const error& why) {
      if (attempt >= attempts || (why.code() != errc::connection_lost && why.code() != errc::timed_out && why.code() != errc::unavailable))
        throw named(why);
    }
    if (co_await ring::sleep_until(loop, after(loop.now(), pause))) throw error(errc::cancelled, who + ": stopped before another attempt");
    pause = std::min<duration>(2 * pause, std::chrono::seconds(1));
  }
}

/// That an answer has a status that was not expected; `asked` is what for, without a secret. Has what the service says of it, if that is
/// an error in JSON or XML; `secrets`, which were sent, are not shown, though it echoes them.
[[nodiscard]] inline error refusal(const std::string& who, std::string_view asked, const net::control_answer& answer,
                                   std::initializer_list<std::string_view> secrets = {}) {
  std::string text = who + " answered " + std::string(asked) + " with status " + std::to_string(answer.status) + ", where 200 was expected";
  if (answer.status >= 300 && answer.status < 400) text += " (redirections are not followed)";
  const int status = answer.status;
  error_details details{.http_status = status};
  std::string words = aws::service_error_words(answer.body.view());
  if (const auto body = xml::parse_error_body(answer.body.view())) {
    details.s3_code = body->code;
    details.request_id = body->request_id;
    words = body->code + (body->message.empty() ? "" : ": " + body->message);
  }
  for (const std::string_view each : secrets)
    for (std::size_t at = 0; !each.empty() && (at = words.find(each, at)) != std::string::npos;) words.replace(at, each.size(), "****");
  if (!words.empty()) text += ": " + words.substr(0, 300);
  details.message = std::move(text);
  if (status == 429) return error(errc::throttled, std::move(details));
  if (status >= 500) return error(errc::unavailable, std::move(details));
  if (status == 401 || status == 403 || status == 404 || (status == 400 && !words.empty()))
    return error(errc::access_denied, std::move(details));
  return error(errc::protocol_violation, std::move(details));
}

/// The credentials in an answer of status 200. Throws error: access_denied if the service says there why it gives none, else
/// protocol_violation.
[[nodiscard]] inline aws::credentials credentials_in(const std::string& who, std::string_view body) {
  auto parsed = aws::parse_metadata_credentials(body, who);
  if (parsed) return std::move(parsed).value();
  const std::string words = aws::service_error_words(body);
  if (words.empty()) throw error(errc::protocol_violation, parsed.message());
  throw error(errc::access_denied, who + " has no credentials: " + words);
}

/// What STS and CreateSession have given, as requests are signed with it.
[[nodiscard]] inline aws::credentials to_sign_with(xml::sts_credentials given) {
  return {.access_key_id = std::move(given.access_key_id),
          .secret_access_key = std::move(given.secret_access_key),
          .session_token = std::move(given.session_token),
          .expiration = given.expiration};
}

}  // namespace s3pager::identity
