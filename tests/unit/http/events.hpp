// Drives a parser over an input cut in any way and writes down what it said, so that two runs can be compared. Each
// piece lies alone in memory of its exact size and is gone before the next one comes: ASan sees whoever looks past it.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/http/chunked_decoder.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/http/response_parser.hpp"
#include "s3pager/http/step.hpp"

namespace s3pager::test {

/// Ends the program where Catch2 isn't at hand (fuzzers) as well as where it is.
inline void must(bool condition) {
  if (!condition) std::abort();
}

inline std::string describe(const http::header_fields& fields) {
  std::string text;
  for (const http::field f : fields) text += std::string(f.name) + "=" + std::string(f.value) + ";";
  return text;
}

inline std::string describe_head(const http::response_parser& p) {
  return std::to_string(p.status()) + " " + std::string(p.reason()) + " 1." + std::to_string(p.minor_version()) +
         (p.keep_alive() ? " keep " : " close ") + describe(p.headers());
}

inline std::string describe_head(const http::request_parser& p) {
  return std::string(p.method()) + " " + std::string(p.target()) + " 1." + std::to_string(p.minor_version()) +
         (p.keep_alive() ? " keep " : " close ") + (p.expects_continue() ? "expects " : "") + describe(p.headers());
}

inline std::string describe_head(const http::chunked_decoder&) { std::abort(); }

inline std::string describe_end(const http::response_parser& p) { return describe(p.trailers()); }
inline std::string describe_end(const http::request_parser&) { return {}; }
inline std::string describe_end(const http::chunked_decoder& p) { return describe(p.trailers()); }

struct transcript {
  std::string head = {};
  std::string body = {};
  std::string end = {};  ///< trailers
  std::error_code error = {};
  bool ended = false;
  std::size_t consumed = 0;

  bool operator==(const transcript&) const = default;
};

/// One message out of `pieces`, then the end of the connection.
template <class Parser>
transcript run(Parser& parser, std::span<const std::string_view> pieces) {
  transcript log;
  const auto take = [&](const http::step& step, std::span<const std::byte> input) {
    must(step.consumed <= input.size());
    must((step.kind == http::step_kind::body) == !step.body.empty());
    must(static_cast<bool>(step.error) == (step.kind == http::step_kind::error));
    log.consumed += step.consumed;
    switch (step.kind) {
      case http::step_kind::need_more: must(step.consumed == input.size()); break;
      case http::step_kind::head:
        must(log.head.empty());
        log.head = describe_head(parser);
        break;
      case http::step_kind::body:
        must(step.body.data() >= input.data());
        must(step.body.data() + step.body.size() == input.data() + step.consumed);
        log.body += as_chars(step.body);
        break;
      case http::step_kind::end:
        log.ended = true;
        log.end = describe_end(parser);
        break;
      case http::step_kind::error: log.error = step.error; break;
    }
  };
  for (const std::string_view piece : pieces) {
    const std::unique_ptr<std::byte[]> memory(new std::byte[piece.size()]);
    if (!piece.empty()) std::memcpy(memory.get(), piece.data(), piece.size());
    std::span<const std::byte> input(memory.get(), piece.size());
    for (;;) {
      const http::step step = parser.feed(input);
      take(step, input);
      input = input.subspan(step.consumed);
      if (log.ended || log.error) {
        const http::step again = parser.feed(input);
        must(again.kind == step.kind && again.consumed == 0 && again.error == step.error);
        return log;
      }
      if (step.kind == http::step_kind::need_more) break;
    }
  }
  take(parser.on_eof(), {});
  return log;
}

template <class Parser>
transcript run(Parser& parser, std::string_view whole) {
  return run(parser, std::span(&whole, 1));
}

}  // namespace s3pager::test
