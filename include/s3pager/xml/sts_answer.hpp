// The credentials in an answer of AWS's Security Token Service. No I/O; knows not how they are used.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
#pragma once

#include <string.h>

#include <cstddef>
#include <initializer_list>
#include <pugixml.hpp>
#include <span>
#include <string>
#include <string_view>

#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/timestamp.hpp"
#include "s3pager/base/visible_text.hpp"
#include "s3pager/xml/detail/markup.hpp"

namespace s3pager::xml {

/// Longer answers are not read.
inline constexpr std::size_t max_sts_answer_bytes = 256 * 1024;

struct sts_credentials {
  std::string access_key_id = {};
  secret secret_access_key = {};
  secret session_token = {};
  wall_time expiration = {};
};

namespace detail {

/// `way`: the names of the elements from the root on, to the one that holds the credentials.
[[nodiscard]] inline checked_setting<sts_credentials> read_sts_credentials(std::string_view bytes, std::string_view where,
                                                                           std::initializer_list<std::string_view> way) {
  using result = checked_setting<sts_credentials>;
  const auto wrong = [&](std::string_view what) { return result::failure(std::string(where) + " " + std::string(what)); };
  std::string_view root_name;
  if (bytes.size() > max_sts_answer_bytes) return wrong("is longer than 256 KiB");
  if (find_root(bytes, root_name) || check_bytes(bytes)) return wrong("is not XML, or is cut off");
  struct wiped_text {
    std::string text;
    ~wiped_text() { ::explicit_bzero(text.data(), text.size()); }
  } copy{std::string(bytes)};
  pugi::xml_document document;  // its texts lie in the copy
  if (!document.load_buffer_inplace(copy.text.data(), copy.text.size(), parse_flags, pugi::encoding_utf8))
    return wrong("is not XML, or is cut off");
  const auto child = [](pugi::xml_node of, std::string_view name) {
    for (pugi::xml_node node = of.first_child(); node; node = node.next_sibling())
      if (local_name(node.name()) == name) return node;
    return pugi::xml_node();
  };
  if (root_name != *way.begin()) return wrong("has another root than " + std::string(*way.begin()));
  pugi::xml_node found = root_of(document);
  for (const std::string_view name : std::span(way.begin(), way.size()).subspan(1)) found = child(found, name);
  if (!found) return wrong("has no Credentials");

  std::string message;
  const auto text_of = [&](const char* name) -> std::string_view {
    std::string_view text;
    const pugi::xml_node node = child(found, name);
    if (!node || read_text(node, text) || text.empty()) {
      if (message.empty()) message = std::string("has no ") + name;
    } else if (!all_visible(text)) {
      if (message.empty()) message = "is wrong: " + not_visible_message(name);
    }
    return text;
  };
  sts_credentials made{.access_key_id = std::string(text_of("AccessKeyId")),
                       .secret_access_key = text_of("SecretAccessKey"),
                       .session_token = text_of("SessionToken")};
  const auto expiration = parse_timestamp(text_of("Expiration"));
  if (message.empty() && !expiration) message = "has an Expiration that is no time as in RFC 3339";
  if (!message.empty()) return wrong(message);
  made.expiration = *expiration;
  return made;
}

}  // namespace detail

/// Reads the answer of `action` (AssumeRole, AssumeRoleWithWebIdentity, GetSessionToken): `<ActionResponse><ActionResult><Credentials>`.
/// A failure repeats nothing of it.
[[nodiscard]] inline checked_setting<sts_credentials> parse_sts_answer(std::string_view bytes, std::string_view action) {
  const std::string response = std::string(action) + "Response";
  const std::string result = std::string(action) + "Result";
  return detail::read_sts_credentials(bytes, "the answer of STS", {response, result, "Credentials"});
}

/// Reads the answer of S3's CreateSession: `<CreateSessionResult><Credentials>`.
[[nodiscard]] inline checked_setting<sts_credentials> parse_create_session_answer(std::string_view bytes) {
  return detail::read_sts_credentials(bytes, "the answer of CreateSession", {"CreateSessionResult", "Credentials"});
}

}  // namespace s3pager::xml
