// What can be wrong with an XML answer: the codes of the xml layer and what a caller branches on instead.
// Knows no parser.
#pragma once

#include <string>
#include <system_error>

#include "s3pager/base/error.hpp"

namespace s3pager::xml {

/// Why an answer of the service could not be read. All of them mean s3pager::errc::protocol_violation, but for
/// out_of_memory, which means errc::unavailable.
enum class xml_errc {
  malformed = 1,       ///< not XML, or cut off before its end
  error_answer,        ///< an error body instead of a list; the bytes are untouched: see parse_error_body()
  wrong_root,          ///< XML, but not the answer that was asked for
  doctype_refused,     ///< a DOCTYPE, which no S3 service sends
  too_large,           ///< more bytes or more markup than any real answer has
  too_deep,            ///< nested deeper than any real answer is
  unexpected_markup,   ///< elements, comments or sections inside of a value
  repeated_element,    ///< an element that may occur once occurs again
  bad_is_truncated,    ///< IsTruncated is missing, or neither true nor false
  missing_token,       ///< truncated, but without a token to go on with
  missing_key,         ///< an object without a key, or common prefixes without a prefix
  bad_size,            ///< an object whose size is missing or no number
  bad_url_escape,      ///< encoding-type=url, but a '%' without two hexadecimal digits
  out_of_memory,
};

namespace detail {

class xml_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "s3pager.xml"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<xml_errc>(value)) {
      case xml_errc::malformed: return "the answer is not XML, or is cut off";
      case xml_errc::error_answer: return "the answer is an error body";
      case xml_errc::wrong_root: return "the answer's root element is not the one that was asked for";
      case xml_errc::doctype_refused: return "the answer has a DOCTYPE";
      case xml_errc::too_large: return "the answer is too large";
      case xml_errc::too_deep: return "the answer is nested too deep";
      case xml_errc::unexpected_markup: return "the answer has markup inside of a value";
      case xml_errc::repeated_element: return "the answer repeats an element that may occur once";
      case xml_errc::bad_is_truncated: return "the list does not say whether it is truncated";
      case xml_errc::missing_token: return "the list is truncated but has no continuation token";
      case xml_errc::missing_key: return "the list has an entry without a key";
      case xml_errc::bad_size: return "the list has an object without a valid size";
      case xml_errc::bad_url_escape: return "the list has a key that is not valid URL encoding";
      case xml_errc::out_of_memory: return "out of memory while reading the answer";
    }
    return "unknown XML error";
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    return make_error_condition(static_cast<xml_errc>(value) == xml_errc::out_of_memory ? errc::unavailable
                                                                                      : errc::protocol_violation);
  }
};

}  // namespace detail

[[nodiscard]] inline const std::error_category& xml_category() noexcept {
  static const detail::xml_category category;
  return category;
}

[[nodiscard]] inline std::error_code make_error_code(xml_errc value) noexcept {
  return {static_cast<int>(value), xml_category()};
}

}  // namespace s3pager::xml

template <>
struct std::is_error_code_enum<s3pager::xml::xml_errc> : std::true_type {};
