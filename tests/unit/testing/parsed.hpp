// Requests for tests, from their text. Knows no connection.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"

namespace s3pager::test {

using fields = std::vector<std::pair<std::string, std::string>>;

inline std::string request_text(std::string_view method, std::string_view target, const fields& headers) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
  return text + "\r\n";
}

/// A request as a server sees it, with the text that its views point into.
class parsed {
 public:
  parsed(std::string_view method, std::string_view target, fields headers = {{"Host", "s3.localhost"}})
      : text_(request_text(method, target, headers)) {
    complete_ = parser_.feed(as_byte_span(text_)).kind == http::step_kind::head;
    if (complete_) error = testing::read_request(parser_, "s3.localhost", request);
  }
  parsed(const parsed&) = delete;
  parsed& operator=(const parsed&) = delete;

  [[nodiscard]] bool complete() const noexcept { return complete_; }

  testing::s3_request request;
  testing::s3_error error;

 private:
  std::string text_;
  http::request_parser parser_;
  bool complete_ = false;
};

}  // namespace s3pager::test
