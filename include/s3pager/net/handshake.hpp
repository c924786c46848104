// What makes a connected socket one that requests can go over: TLS's handshakes, and a proxy's tunnel. Knows neither pools nor S3.
#pragma once

#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/semaphore.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/response_parser.hpp"
#include "s3pager/net/route.hpp"
#include "s3pager/net/stream.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/ring/turnstile.hpp"
#include "s3pager/tls/engine.hpp"
#include "s3pager/tls/error.hpp"
#include "s3pager/tls/session_cache.hpp"

namespace s3pager::net {

/// Lets few handshakes go on in a turn of the reactor: one takes some 0.4 ms of arithmetic (`unit_tls '[speed]'`).
[[nodiscard]] inline ref<ring::turnstile> make_handshake_turns(ring::reactor& loop) {
  return make_ref<ring::turnstile>(loop, 16U, std::chrono::milliseconds(2));
}

namespace detail {

[[nodiscard]] inline error handshake_failure(std::error_code why, const std::string& doing, const std::string& words) {
  return error(why, doing + ": " + words);
}

[[nodiscard]] inline error ended_early(tls::engine& in) {
  const std::error_code lost = in.on_eof().error;
  return error(lost, "TLS: " + in.failure_text());
}

/// Sends `bytes` whole.
[[nodiscard]] inline task<> send_all(stream& over, std::span<const std::byte> bytes, ref<counted> keep, time_point until,
                                     std::string doing) {
  constexpr std::size_t at_once = 8 * 1024;
  while (!bytes.empty()) {
    const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), at_once));
    ring::operation_owner sending = over.start_send(piece, keep);
    const std::size_t wanted = sending->wanted;
    const ring::io_result sent = co_await ring::socket::finish(std::move(sending), until);
    if (sent.error) throw handshake_failure(sent.error, doing, sent.error.message());
    if (sent.bytes < wanted) throw handshake_failure(errno_code(EPIPE), doing, errno_code(EPIPE).message());
    over.sent();
    bytes = bytes.subspan(piece.size());
  }
}

}  // namespace detail

/// Adds a layer of TLS with `host`, once it has shown who it is. What is left to be sent then is small, and goes with the first request.
/// Throws error: timed_out at `until`, what the transport failed of, or tls_error in the engine's words. `over` must outlive it.
[[nodiscard]] inline task<> shake_hands(stream& over, ref<tls::context> trust, std::string host, ref<tls::session> resume,
                                        ref<ring::turnstile> turns, time_point until) {
  const std::string doing = "the TLS handshake with " + host;
  auto engine = std::make_unique<tls::engine>(std::move(trust), host, resume);
  const auto memory = make_ref<receive_buffer>();
  std::span<const std::byte> input;
  for (;;) {
    task<coro::permit> my_turn = turns->take();
    coro::permit turn = co_await std::move(my_turn);
    const tls::step step = engine->handshake(input);
    turn.release();
    input = input.subspan(step.consumed);
    const std::span<const std::byte> answer = engine->outgoing();
    if (step.kind == tls::step_kind::error) {
      // The alert tells the server's log why; nobody waits for it to arrive.
      if (over.layers() == 0 && !answer.empty())
        static_cast<void>(::send(over.socket().fd(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
      throw error(step.error, "TLS: " + engine->failure_text());
    }
    constexpr std::size_t small = 512;
    const bool done = step.kind == tls::step_kind::done;
    if (!answer.empty() && !(done && over.layers() == 0 && answer.size() <= small)) {
      task<> sending = detail::send_all(over, answer, ref<counted>(engine->out()), until, doing);
      co_await std::move(sending);
      engine->sent(answer.size());
    }
    if (done) break;
    if (step.kind == tls::step_kind::need_output) continue;
    if (over.ended()) throw detail::ended_early(*engine);
    const ring::io_result got = co_await over.receive(memory, until);
    if (got.error) throw detail::handshake_failure(got.error, doing, got.error.message());
    const plain_bytes came = over.open(*memory, got.bytes);
    if (came.error) throw detail::handshake_failure(came.error, doing, over.words_for(came.error));
    if (came.ended && came.bytes.empty()) throw detail::ended_early(*engine);
    input = came.bytes;
  }
  // Tickets may have come already; what more there is would be the answer to no request.
  const tls::step rest = engine->read(input, {});
  if (rest.kind != tls::step_kind::need_input)
    throw error(rest.error ? rest.error : make_error_code(tls::tls_error::bad_message),
                "TLS: " + (rest.error ? engine->failure_text() : host + ": it speaks before it is asked"));
  over.add_layer(std::move(engine));
}

/// What a proxy's answer to CONNECT means, fed as it comes. Nothing of its body is shown: it may repeat what it was sent.
class tunnel_answer {
 public:
  tunnel_answer() noexcept { parser_.reset(http::request_method::connect); }

  /// True once the tunnel is there. Throws error: access_denied, unavailable or another by the status, or protocol_violation.
  [[nodiscard]] bool feed(std::span<const std::byte> input) {
    http::step next = parser_.feed(input);
    if (next.kind == http::step_kind::need_more) return false;
    if (next.kind == http::step_kind::error) throw error(next.error, "the proxy's answer to CONNECT: " + next.error.message());
    const int status = parser_.status();
    if (status < 300 && next.consumed == input.size()) return true;
    if (status < 300) throw error(errc::protocol_violation, "the proxy speaks in the tunnel's place");
    error_details known;
    known.http_status = status;
    known.message = status == 407 ? std::string("the proxy wants a user name and password, or others")
                                  : "the proxy refused CONNECT with status " + std::to_string(status);
    const errc meaning = status == 401 || status == 403 || status == 407 ? errc::access_denied
                         : status == 429                                 ? errc::throttled
                         : status >= 500                                 ? errc::unavailable
                                                                         : errc::invalid_argument;
    throw error(meaning, std::move(known));
  }
  /// The connection ended instead.
  [[nodiscard]] error on_eof() {
    const std::error_code why = parser_.on_eof().error;
    return error(why, "the proxy's answer to CONNECT: " + why.message());
  }

 private:
  http::response_parser parser_;
};

/// A request for a tunnel. Counted, as its send keeps it; wiped, as it may hold a password.
class connect_request final : public counted {
 public:
  connect_request(std::string_view to, std::string_view authorization) {
    constexpr std::string_view rest = "CONNECT  HTTP/1.1\r\nHost: \r\nProxy-Authorization: \r\nUser-Agent: s3pager\r\n\r\n";
    text_.reserve(rest.size() + 2 * to.size() + authorization.size());  // so that nothing is left where it moved from
    text_.append("CONNECT ").append(to).append(" HTTP/1.1\r\nHost: ").append(to);
    if (!authorization.empty()) text_.append("\r\nProxy-Authorization: ").append(authorization);
    text_.append("\r\nUser-Agent: s3pager\r\n\r\n");
  }
  ~connect_request() override { ::explicit_bzero(text_.data(), text_.size()); }
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// Has a proxy open the tunnel of `way` (RFC 9110 9.3.6). Both must outlive it.
[[nodiscard]] inline task<> open_tunnel(stream& over, const route& way, time_point until) {
  const std::string doing = "asking the proxy for a tunnel to " + way.tunnel_to;
  const auto asked = make_ref<connect_request>(way.tunnel_to, way.authorization.view());
  task<> sending = detail::send_all(over, as_byte_span(asked->text()), ref<counted>(asked), until, doing);
  co_await std::move(sending);
  const auto memory = make_ref<receive_buffer>();
  tunnel_answer answer;
  for (bool there = false; !there;) {
    const ring::io_result got = co_await over.receive(memory, until);
    if (got.error) throw detail::handshake_failure(got.error, doing, got.error.message());
    const plain_bytes came = over.open(*memory, got.bytes);
    if (came.error) throw detail::handshake_failure(came.error, doing, over.words_for(came.error));
    if (came.ended && came.bytes.empty()) throw answer.on_eof();
    there = answer.feed(came.bytes);
    if (!there && came.ended) throw answer.on_eof();
  }
}

/// All that `way` has above TCP. What it refers to must outlive it.
[[nodiscard]] inline task<> establish(stream& over, const route& way, tls::session_cache& sessions, ref<ring::turnstile> turns,
                                      time_point until) {
  if (way.tls_to_proxy) {
    task<> to_proxy = shake_hands(over, way.proxy_trust, way.host, sessions.take(way.proxy_trust, way.host), turns, until);
    co_await std::move(to_proxy);
  }
  if (!way.tunnel_to.empty()) {
    task<> tunnel = open_tunnel(over, way, until);
    co_await std::move(tunnel);
  }
  if (!way.tls_name.empty()) {
    task<> to_host = shake_hands(over, way.trust, way.tls_name, sessions.take(way.trust, way.tls_name), turns, until);
    co_await std::move(to_host);
  }
}

}  // namespace s3pager::net
