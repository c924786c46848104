// A URL of http or https, taken apart. Knows not what it is for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/visible_text.hpp"

namespace s3pager {

struct http_url {
  bool tls = false;
  authority where = {};
  std::string_view rest = {};  ///< of the text: empty, or a path, or a query, or both
};

/// Or what is wrong, as the end of a sentence that says of what: "must begin with ...". Never repeats the text, which may hold a password:
/// a user name is refused, and so is a fragment.
[[nodiscard]] inline checked_setting<http_url> parse_http_url(std::string_view text) {
  using result = checked_setting<http_url>;
  if (!all_visible(text)) return result::failure("holds a space, a line break or another character that can't be in it");
  http_url made;
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  made.tls = equals_ignoring_case(scheme, "https");
  if (!made.tls && !equals_ignoring_case(scheme, "http")) return result::failure("must begin with http:// or https://");
  text.remove_prefix(colon + 3);
  if (text.find('#') != std::string_view::npos) return result::failure("must have no fragment");
  const std::string_view host_and_port = text.substr(0, text.find_first_of("/?"));
  if (host_and_port.find('@') != std::string_view::npos) return result::failure("must have no user name or password");
  auto parsed = parse_authority(host_and_port);
  if (!parsed) return result::failure(std::string(parsed.message()));
  made.where = std::move(parsed).value();
  made.rest = text.substr(host_and_port.size());
  return made;
}

}  // namespace s3pager
