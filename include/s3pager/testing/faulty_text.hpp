// The texts of answers that are not as they should be: lists that are spoiled, and what never ends. Sends nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "s3pager/testing/behaviour.hpp"
#include "s3pager/testing/s3_error.hpp"

namespace s3pager::testing {

/// Makes of the body of a list what the fault has it be.
inline void spoil_list(std::string& body, list_fault how) {
  switch (how) {
    case list_fault::nothing: break;
    case list_fault::error:
      body = error_body({500, "InternalError", "We encountered an internal error. Please try again.", {}}, "0", "0");
      break;
    case list_fault::broken:
      if (const std::size_t at = body.rfind("</"); at != std::string::npos) body.insert(at + 2, "not");
      break;
    case list_fault::truncated: body.resize(body.size() / 2); break;
  }
}

/// An answer that begins and then repeats itself.
struct endless_text {
  std::string begin = {};
  std::string again = {};
};

namespace detail {

[[nodiscard]] inline std::string repeated(std::string_view text, std::size_t at_least) {
  std::string made;
  while (made.size() < at_least) made += text;
  return made;
}

[[nodiscard]] inline std::string as_chunk(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string size;
  for (std::size_t rest = text.size(); rest > 0; rest /= 16) size.insert(size.begin(), digits[rest % 16]);
  return size.append("\r\n").append(text).append("\r\n");
}

}  // namespace detail

/// `list`: what was asked for is a list.
[[nodiscard]] inline endless_text text_without_end(endless what, bool list) {
  constexpr std::size_t piece = 16 * 1024;
  constexpr std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  switch (what) {
    case endless::nothing: break;
    case endless::informational: return {{}, detail::repeated("HTTP/1.1 100 Continue\r\n\r\n", piece)};
    case endless::headers:
      return {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
              detail::repeated("x-amz-meta-filler: " + std::string(100, '0') + "\r\n", piece)};
    case endless::chunks:
      if (!list) return {std::string(chunked), detail::as_chunk(std::string(piece, '\0'))};
      return {std::string(chunked) + detail::as_chunk("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>"
                                                      "<Name>b</Name><IsTruncated>false</IsTruncated>"),
              detail::as_chunk(detail::repeated("<Contents><Key>endless</Key><Size>1</Size></Contents>", piece))};
  }
  return {};
}

}  // namespace s3pager::testing
