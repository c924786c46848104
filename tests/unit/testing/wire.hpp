// A client for tests of an origin: sends text as it is and reads whole answers. Knows nothing of S3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/response_parser.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::test {

struct wire_answer {
  int status = 0;  ///< 0: none came
  std::map<std::string, std::string> headers = {};  ///< by name in lower case
  std::string body = {};
  bool complete = false;
  bool keep_alive = false;
};

class wire {
 public:
  explicit wire(ring::reactor& loop) noexcept : loop_(loop) {}

  [[nodiscard]] task<> connect(std::uint16_t port) {
    if (const auto failure = ring::socket::open(loop_, AF_INET, socket_)) throw error(failure, "a socket");
    const ring::io_result done = co_await socket_.connect(ring::socket_address::loopback(port), no_deadline);
    if (done.error) throw error(done.error, "connecting");
  }

  [[nodiscard]] task<> send(std::string text) {
    const auto block = make_ref<text_block>(std::move(text));
    const ring::io_result done = co_await socket_.send(as_byte_span(block->text), block, no_deadline);
    if (done.error) throw error(done.error, "sending");
  }

  /// Reads one answer, up to its end, the end of the connection, or `most` bytes of its body.
  [[nodiscard]] task<wire_answer> receive(bool head = false, std::size_t most = ~std::size_t{0}) {
    wire_answer out;
    http::response_parser parser;
    parser.reset(head ? http::request_method::head : http::request_method::ordinary);
    for (;;) {
      http::step next = parser.feed(unread_);
      unread_ = unread_.subspan(next.consumed);
      if (next.kind == http::step_kind::need_more) {
        if (out.body.size() >= most) co_return out;
        const ring::io_result got = co_await socket_.receive(buffer_->bytes, buffer_, no_deadline);
        if (got.bytes > 0) {
          unread_ = std::span<const std::byte>(buffer_->bytes).first(got.bytes);
          continue;
        }
        end_ = got;
        next = parser.on_eof();
      }
      if (next.kind == http::step_kind::head) {
        out.status = parser.status();
        for (const http::field each : parser.headers()) {
          std::string name(each.name);
          for (char& c : name) c = ascii_lower(c);
          out.headers[name] = each.value;
        }
      }
      if (next.kind == http::step_kind::body) out.body += as_chars(next.body);
      if (next.kind == http::step_kind::error) co_return out;
      if (next.kind == http::step_kind::end) {
        out.complete = true;
        out.keep_alive = parser.keep_alive();
        co_return out;
      }
    }
  }

  /// One request without a body, and its answer.
  [[nodiscard]] task<wire_answer> ask(std::string method, std::string target, std::string more_headers = {}) {
    std::string text = method + ' ' + target + " HTTP/1.1\r\nHost: s3.localhost\r\n" + more_headers + "\r\n";
    co_await send(std::move(text));
    co_return co_await receive(method == "HEAD");
  }

  /// As ask(), but a request that can't be sent has no answer.
  [[nodiscard]] task<wire_answer> try_ask(std::string target) {
    wire_answer none;
    try {
      co_return co_await ask("GET", std::move(target));
    } catch (const error&) {
    }
    co_return none;
  }

  /// All bytes up to the end of the connection, or `most` of them or a few more.
  [[nodiscard]] task<std::string> rest(std::size_t most = ~std::size_t{0}) {
    std::string text(as_chars(unread_));
    unread_ = {};
    while (text.size() < most) {
      const ring::io_result got = co_await socket_.receive(buffer_->bytes, buffer_, no_deadline);
      if (got.bytes == 0) break;
      text += as_chars(std::span<const std::byte>(buffer_->bytes).first(got.bytes));
    }
    co_return text;
  }

  /// How the connection ends, waiting for it to.
  [[nodiscard]] task<std::error_code> end() {
    while (!end_.error && end_.bytes != 0) end_ = co_await socket_.receive(buffer_->bytes, buffer_, no_deadline);
    co_return end_.error;
  }

  /// Whether the peer has ended the connection, waiting for it to.
  [[nodiscard]] task<bool> closed() {
    const ring::io_result got = co_await socket_.receive(buffer_->bytes, buffer_, no_deadline);
    co_return got.bytes == 0;
  }

  void drop() noexcept { socket_.reset(); }

 private:
  struct text_block final : counted {
    explicit text_block(std::string from) noexcept : text(std::move(from)) {}
    std::string text;
  };
  struct buffer final : counted {
    std::byte bytes[64 * 1024];
  };

  ring::reactor& loop_;
  ring::socket socket_;
  ring::io_result end_{.error = {}, .bytes = 1};  ///< the last receive that gave nothing
  ref<buffer> buffer_ = make_ref<buffer>();
  std::span<const std::byte> unread_;
};

}  // namespace s3pager::test
