// An S3 error and its body. Knows no request.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace s3pager::testing {

/// Appends `text` so that an XML parser gives it back: markup as entities, control characters as references.
inline void append_xml(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) out += "&#" + std::to_string(static_cast<int>(c)) + ";";
        else out += c;
    }
  }
}

inline void append_element(std::string& out, std::string_view name, std::string_view text) {
  out.append("<").append(name).append(">");
  append_xml(out, text);
  out.append("</").append(name).append(">");
}

/// Status 0: no error.
struct s3_error {
  int status = 0;
  std::string_view code = {};  ///< of static storage
  std::string message = {};
  std::vector<std::pair<std::string_view, std::string>> details = {};  ///< further elements of the body

  [[nodiscard]] explicit operator bool() const noexcept { return status != 0; }
};

[[nodiscard]] inline std::string error_body(const s3_error& error, std::string_view request_id,
                                            std::string_view host_id) {
  std::string body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>";
  append_element(body, "Code", error.code);
  append_element(body, "Message", error.message);
  for (const auto& [name, text] : error.details) append_element(body, name, text);
  append_element(body, "RequestId", request_id);
  append_element(body, "HostId", host_id);
  body += "</Error>";
  return body;
}

}  // namespace s3pager::testing
