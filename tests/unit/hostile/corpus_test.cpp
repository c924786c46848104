// Plays every scene of the corpus to a client, and holds what comes of it: an error or exactly the right bytes, in bounded time,
// memory and traffic, with nothing left over.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <optional>
#include <pugixml.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/unique_fd.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"
#include "support/counted_heap.hpp"
#include "support/counted_operators.hpp"
#include "support/drive.hpp"
#include "unit/hostile/scene.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace s3pager::test::hostile;

namespace {

constexpr std::size_t window_bytes = 16 * 4096;

/// The peer of every connection: pairs of local sockets, on which what is sent is there at once, so that a turn without progress
/// means that everybody waits.
class server final : public ring::submit_hook {
 public:
  void begin(const scene& what, std::string list = good_answer(question::list)) {
    scene_ = &what;
    list_ = std::move(list);
    peers_.clear();
    accepted_ = 0;
  }
  void end() { peers_.clear(); }
  /// Bytes of the scene's answer that the client has taken off its connection, or lie in front of it.
  [[nodiscard]] std::size_t accepted() const noexcept { return accepted_; }

  [[nodiscard]] bool step() {
    bool moved = false;
    for (peer& each : peers_) moved = serve(each) || moved;
    return moved;
  }

 private:
  struct peer {
    unique_fd socket;
    std::string read;
    std::string_view out;  // what is left to send
    std::string kept;      // which lies here, or in the scene
    bool hostile = false;  // `out` is the scene's answer, which ends as the scene does
    bool shut = false;
  };

  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind != ring::operation_kind::connect) return {};
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    ::dup3(ends[1], what.target->fd(), O_CLOEXEC);
    ::close(ends[1]);
    peer& made = peers_.emplace_back();
    made.socket = unique_fd(ends[0]);
    if (scene_->unasked) play(made);
    return {.what = ring::submit_verdict::action::answer, .result = 0};
  }

  void play(peer& on) {
    on.out = scene_->answer;  // not copied: the client's memory is counted, not the server's
    on.hostile = true;
  }

  [[nodiscard]] bool serve(peer& with) {
    if (!with.socket) return false;
    bool moved = read(with);
    if (with.socket && (!with.out.empty() || with.hostile)) moved = write(with) || moved;
    for (std::size_t end; with.out.empty() && !with.hostile && (end = with.read.find("\r\n\r\n")) != std::string::npos; moved = true) {
      answer(with, with.read.substr(0, end + 4));
      with.read.erase(0, end + 4);
    }
    return moved;
  }
  [[nodiscard]] static bool read(peer& from) {
    char bytes[4096];
    bool moved = false;
    for (;;) {
      const ssize_t got = ::recv(from.socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got > 0) {
        from.read.append(bytes, static_cast<std::size_t>(got));
      } else if (got < 0 && errno == EAGAIN) {
        return moved;
      } else {
        from.socket.reset();
        return true;
      }
      moved = true;
    }
  }
  [[nodiscard]] bool write(peer& to) {
    bool moved = false;
    for (;;) {
      if (to.out.empty()) {
        if (!to.hostile || scene_->forever.empty()) break;
        to.out = scene_->forever;
      }
      const ssize_t sent = ::send(to.socket.get(), to.out.data(), to.out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno != EAGAIN) to.socket.reset();
        return moved;
      }
      moved = true;
      to.out.remove_prefix(static_cast<std::size_t>(sent));
      if (to.hostile) accepted_ += static_cast<std::size_t>(sent);
      // A client that never hangs up must fail its test, not hang it.
      if (accepted_ > scene_->answer.size() + scene_->accepted) {
        to.socket.reset();
        return true;
      }
    }
    if (std::exchange(to.hostile, false)) finish(to);
    return moved;
  }
  void finish(peer& with) {
    switch (scene_->then) {
      case ending::stay_silent: break;
      case ending::close:
        // Reading first: what lies unread would make it a reset.
        static_cast<void>(read(with));
        with.socket.reset();
        break;
      case ending::half_close: ::shutdown(with.socket.get(), SHUT_WR); break;
      case ending::reset: with.socket.reset(); break;  // with a request unread it is one
    }
  }

  void answer(peer& on, std::string_view request) {
    const bool list = request.substr(0, 7) == "GET /b?" || request.substr(0, 8) == "GET /b/?";
    const bool known = request.substr(0, 9) == "GET /b/k ";
    if (list == (scene_->what == question::list) && (list || known)) {
      if (scene_->unasked) return;  // it has its answer
      return play(on);
    }
    on.kept = list ? list_ : known ? good_answer(question::object) : good_error();
    on.out = on.kept;
  }

  const scene* scene_ = nullptr;
  std::string list_;
  std::deque<peer> peers_;
  std::size_t accepted_ = 0;
};

/// What came of a scene.
struct record {
  std::string bytes;
  std::size_t ends = 0;
  std::optional<error> failed;
};

task<> consume(client& s3, question what, record& into) {
  try {
    page_stream pages;
    if (what == question::range)
      pages = s3.get({.bucket = "b", .key = "k", .range = byte_range{2, 5}});
    else if (what == question::key)
      pages = s3.get({.bucket = "b", .key = "k"});
    else
      pages = s3.page_ordered({.bucket = "b"});
    for (;;) {
      const std::optional<page> next = co_await pages.next();
      if (!next) break;
      into.bytes += next->text();
      into.ends += next->last() ? 1 : 0;
    }
  } catch (const error& failed) {
    into.failed.emplace(failed);
  }
}

bool is_known(std::error_code code) {
  for (const errc each : {errc::not_found, errc::access_denied, errc::throttled, errc::timed_out, errc::changed, errc::corrupted, errc::not_modified,
                          errc::precondition_failed, errc::invalid_argument, errc::protocol_violation, errc::connection_lost, errc::unavailable})
    if (code == each) return true;
  return false;
}

class stage {
 public:
  /// Empty: all is as it should be.
  [[nodiscard]] std::string play(const scene& what) {
    peer_.begin(what);
    const std::size_t frames = coro::frame_pool::local().live();
    const std::size_t descriptors = ring::descriptor::live();
    const std::size_t operations = loop_.live_operations();
    const time_point began = time_.now();
    heap::forget_peak();
    const std::size_t before = heap::now();
    std::string wrong;
    const auto hold = [&wrong](bool holds, const std::string& otherwise) {
      if (!holds && wrong.empty()) wrong = otherwise;
    };
    record came;
    ref<ring::buffer_pool> window;
    {
      client s3(loop_, {.anonymous = true,
                        .region = "us-east-1",
                        .endpoint_url = "http://127.0.0.1:9",
                        .addressing = addressing::path,
                        .window_bytes = window_bytes,
                        .slot_bytes = 4096,
                        .concurrency = 2,
                        // A key is asked for by a range then.
                        .verify = what.what == question::key ? verify::off : verify::as_it_arrives,
                        .retry = {.max_attempts = 1}});
      window = s3.window();
      root<> run(loop_.ready(), consume(s3, what.what, came));
      for (std::size_t turns = 0; !run.done(); ++turns) {
        hold(turns < 1'000'000, "it does not end");
        if (turns >= 1'000'000) break;
        hold(s3.window_used() <= window_bytes, "the window is exceeded");
        if (loop_.run_once(ring::reactor::wait::no) || run.done() || peer_.step()) continue;
        const time_point next = loop_.timers().next();
        hold(next != no_deadline, "somebody waits without a deadline");
        if (next == no_deadline) break;
        time_.advance(std::max(next - time_.now(), duration::zero()));
      }
    }
    const std::size_t peak = heap::most() - before;
    peer_.end();
    for (int turns = 0; turns < 100 && loop_.live_operations() != operations; ++turns) loop_.run_once(ring::reactor::wait::no);
    hold(loop_.live_operations() == operations, "an operation is left");
    hold(ring::descriptor::live() == descriptors, "a descriptor is left");
    hold(coro::frame_pool::local().live() == frames, "a frame is left");
    hold(window->held() == 0 && window->granted() == 0, "a slot is left");
    hold(time_.now() - began <= std::chrono::seconds(70), "it takes longer than its deadlines");
    hold(peak <= what.memory, "it takes " + std::to_string(peak) + " bytes of memory");
    hold(peer_.accepted() <= what.answer.size() + what.accepted, "it takes " + std::to_string(peer_.accepted()) + " bytes off the connection");
    judge(what, came, hold);
    return wrong;
  }

 private:
  template <class Hold>
  static void judge(const scene& what, const record& came, const Hold& hold) {
    const std::string wanted = what.what == question::range ? good_body(question::range) : object_bytes;
    if (!came.failed) {
      hold(what.wanted != outcome::fails, "no error comes");
      hold(came.bytes == wanted && came.ends == 1, "other bytes come: " + came.bytes.substr(0, 100));
      return;
    }
    const std::string words = came.failed->code().message() + ": " + came.failed->what();
    hold(what.wanted != outcome::exact, "an error comes: " + words.substr(0, 300));
    hold(is_known(came.failed->code()), "an unknown error comes: " + words.substr(0, 300));
    hold(!what.as || came.failed->code() == *what.as, "another error comes: " + words.substr(0, 300));
    hold(words.size() < 8192, "the error has " + std::to_string(words.size()) + " characters");
    hold(std::string_view(came.failed->what()).find_first_of(std::string_view("\0\r\n\x1b", 4)) == std::string_view::npos,
         "the error has control characters");
    hold(came.bytes.size() <= wanted.size() && came.ends <= (what.what == question::list ? 1U : 0U) &&
             (!what.forever.empty() || wanted.substr(0, came.bytes.size()) == came.bytes),
         "before the error, other bytes come: " + came.bytes.substr(0, 100));
  }

  manual_clock time_;
  server peer_;
  ring::reactor loop_{{.clock = &time_, .entries = 64, .hook = &peer_}};
};

/// Takes one page, and then nothing for a while.
task<> consume_nothing(client& s3, const bool& go_on, std::string& bytes, std::size_t& pages_taken) {
  auto pages = s3.page_ordered({.bucket = "b"});
  for (;;) {
    const std::optional<page> next = co_await pages.next();
    if (!next) break;
    bytes += next->text();
    ++pages_taken;
    while (!go_on) co_await turn();
  }
}

void play(const corpus& all) {
  // pugixml's nodes count as well.
  pugi::set_memory_management_functions(&heap::take, &heap::give);
  stage on;
  static_cast<void>(on.play({.name = "to warm up", .what = question::list, .answer = good_answer(question::list)}));
  for (const scene& each : all) {
    CHECK(each.name + ": " + on.play(each) == each.name + ": ");
  }
}

}  // namespace

TEST_CASE("answers that break HTTP give errors or the right bytes, within bounds") { play(messages()); }

TEST_CASE("answers with broken XML give errors or the right keys, within bounds") { play(documents()); }

TEST_CASE("answers with ranges and versions that contradict give errors or the right bytes, within bounds") { play(ranges()); }

TEST_CASE("chunks of a byte take no more memory than others while nobody takes them") {
  const std::size_t size = 40'000;
  std::string list = good_list_body();
  list.replace(list.find("<Size>10"), 8, "<Size>" + std::to_string(size));
  std::string body;
  std::string wire = good_head(question::object) + "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t i = 0; i < size; ++i) {
    body += static_cast<char>('a' + i % 26);
    (wire += "1\r\n") += body.back();
    wire += "\r\n";
  }
  wire += "0\r\n\r\n";
  const scene what{.name = "chunks of a byte", .what = question::object, .answer = wire};
  manual_clock time;
  server peer;
  peer.begin(what, with_length(good_head(question::list), list));
  ring::reactor loop({.clock = &time, .entries = 64, .hook = &peer});
  client s3(loop, {.anonymous = true,
                   .region = "us-east-1",
                   .endpoint_url = "http://127.0.0.1:9",
                   .addressing = addressing::path,
                   .window_bytes = 64 * 4096,
                   .slot_bytes = 4096,
                   .concurrency = 1});
  bool go_on = false;
  std::string bytes;
  std::size_t pages = 0;
  const std::size_t before = heap::now();
  heap::forget_peak();
  root<> run(loop.ready(), consume_nothing(s3, go_on, bytes, pages));
  // 4,096 bytes of the connection are 683 of the object: without being put together, 683 pages a slot.
  for (int turns = 0; turns < 20'000; ++turns) {
    loop.run_once(ring::reactor::wait::no);
    static_cast<void>(peer.step());
  }
  CHECK(s3.window_used() >= 44 * 4096);  // of 64 slots 16 are the caller's and 4 are left to heads
  CHECK(heap::most() - before < 256 * 1024);
  go_on = true;
  while (!run.done())
    if (!loop.run_once(ring::reactor::wait::no) && !run.done()) static_cast<void>(peer.step());
  run.result();
  CHECK(bytes == body);
  CHECK(pages < 200);
}

TEST_CASE("the corpus has more than five hundred scenes, each with its name") {
  std::set<std::string> names;
  std::size_t count = 0;
  for (const corpus& part : {messages(), documents(), ranges()}) {
    count += part.size();
    for (const scene& each : part) {
      const bool fresh = names.insert(each.name).second;
      INFO(each.name);
      CHECK(fresh);
    }
  }
  CHECK(count >= 500);
  WARN(std::to_string(count) + " scenes");
}
