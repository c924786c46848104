// Whole runs of a client, with its origin on the same reactor: dropped after every resumption, and with every
// operation failing once.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/coro/event.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/s3/observer.hpp"
#include "s3pager/pager/client.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_names.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

/// What a run leaves for those who look at it from outside.
struct probe {
  explicit probe(const world& of) : got(*of.objects) {}
  reader got;
  ref<ring::buffer_pool> pool;
  coro::event second_connect;  // it was begun
};

/// A client's whole work, and the origin it is made for.
struct scene {
  const char* name;
  task<> (*client)(world&, probe&);
  world_options options = {};
  void (*prepare)(world&) = nullptr;
  std::uint32_t most_receive_bytes = ~0U;  // of every receive of a body
  bool all = true;                         // the objects are all read
};

// Fifty objects: four of three slices, one empty, the others of up to 8 KiB.
std::uint64_t mixed(std::uint64_t index) { return index % 13 == 7 ? 1'200'000 : index * 181 % 8192; }
std::uint64_t few(std::uint64_t index) { return index * 333; }

client_options tight(const world& in) {
  client_options how = in.small();
  how.window_bytes = 1 << 20;
  how.concurrency = 6;
  return how;
}

/// Reads to the end, with pauses in which the lanes run into the window's bound.
task<> read_slowly(page_stream& pages, reader& into) {
  for (int count = 0;; ++count) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
    for (int turns = 0; count % 8 == 0 && turns < 40; ++turns) co_await turn();
  }
}

task<> page_by_key(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s", .max_keys = 9});
  co_await read_slowly(pages, seen.got);
}

task<> page_by_arrival(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  auto pages = s3.page_unordered({.bucket = "s", .max_keys = 9});
  co_await read_slowly(pages, seen.got);
}

std::vector<std::string> all_keys(const world& in) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < in.objects->count(); ++i) keys.push_back(in.objects->key(i));
  return keys;
}

task<> page_given_keys(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  auto pages = s3.page_ordered("s", all_keys(in));
  co_await read_slowly(pages, seen.got);
}

task<> page_with_failures(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s", .max_keys = 5, .on_error = on_error::report});
  co_await read_slowly(pages, seen.got);
}

// A listing that fails, then an object that stops its run.
task<> page_until_refused(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  bool listing_failed = false;
  try {
    auto pages = s3.page_ordered({.bucket = "none"});
    co_await read_all(pages, seen.got);
  } catch (const error& failed) {
    listing_failed = failed.code() == errc::not_found;
  }
  bool object_failed = false;
  try {
    auto pages = s3.page_unordered({.bucket = "s"});
    co_await read_all(pages, seen.got);
  } catch (const error& failed) {
    object_failed = failed.code() == errc::access_denied;
  }
  if (!listing_failed || !object_failed) throw std::logic_error("no failure came");
}

// Connections that the origin has closed while they were idle, or closes without an answer.
task<> page_over_stale_connections(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  for (int round = 0; round < 2; ++round) {
    reader got(*in.objects);
    auto pages = s3.page_ordered({.bucket = "s"});
    co_await read_all(pages, got);
    if (!got.all()) throw std::logic_error("not everything came: " + got.complaint());
    in.time.advance(std::chrono::seconds(11));
    while (in.server->counters().connections_open > 0) co_await turn();
  }
}

task<> page_and_close(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  auto pages = s3.page_unordered({.bucket = "s"});
  for (int count = 0; count < 10; ++count) {
    const std::optional<page> got = co_await pages.next();
    if (got) seen.got.take(*got);
  }
  co_await pages.close();
  const std::optional<page> after = co_await pages.next();
  if (after) throw std::logic_error("a page came after close()");
}

// One connection for the list and the lanes of two streams.
task<> page_over_one_connection(world& in, probe& seen) {
  client_options how = tight(in);
  how.max_connections = 1;
  client s3(in.loop, how);
  seen.pool = s3.window();
  auto other = s3.page_ordered({.bucket = "s", .max_keys = 5});
  const std::optional<page> first = co_await other.next();
  auto pages = s3.page_ordered({.bucket = "s", .max_keys = 5});
  co_await read_slowly(pages, seen.got);
}

// `127.1` is no literal to the library, so that getaddrinfo is asked, and needs no name server.
task<> page_from_a_name(world& in, probe& seen) {
  client_options how = tight(in);
  how.connect_host = "127.1";
  client s3(in.loop, how);
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s"});
  co_await read_all(pages, seen.got);
}

task<> let_time_pass(world& in, coro::event& second_connect) {
  co_await second_connect.wait();
  for (int turns = 0; turns < 4; ++turns) co_await turn();
  in.time.advance(net::connection_attempt_delay);
}

// Of a name's addresses the first refuses and the second does not answer, so that three are connected to side by side.
task<> page_from_many_addresses(world& in, probe& seen) {
  // Lookups that were dropped go on until the reactor ends.
  static scripted_names names{{}};
  static const refusing_address refuses(loopback(2, 0));
  static const hanging_listener hangs(loopback(3, 0));
  names.answer({refuses.address(), hangs.address(), ring::socket_address::loopback(in.server->port())});
  coro::scope clock(co_await coro::this_context());
  clock.spawn(let_time_pass(in, seen.second_connect));
  client_options how = tight(in);
  how.connect_host = "origin.example";
  how.names = &names;
  how.concurrency = 1;
  client s3(in.loop, how);
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s"});
  co_await read_all(pages, seen.got);
}

/// Sees that a request is to be made again, which waits for its delay, or was sent, so that others wait for their turn.
class retry_watcher final : public observer {
 public:
  void request_began(const request_event&) noexcept override { wait(std::chrono::milliseconds(20)); }
  void request_retried(const request_event&, std::error_code) noexcept override { wait(std::chrono::seconds(1)); }
  coro::event waits;
  duration owed{0};

 private:
  void wait(duration how_long) noexcept {
    owed = std::max(owed, how_long);
    waits.set();
  }
};
task<> pass_delays(world& in, retry_watcher& watcher) {
  for (;;) {
    co_await watcher.waits.wait();
    watcher.waits.reset();
    in.time.advance(std::exchange(watcher.owed, duration(0)));
  }
}

// Answers that break off or fail once, of lists and of objects, and the pauses before the next attempt.
task<> page_with_retries(world& in, probe& seen, client_options how) {
  retry_watcher watcher;
  coro::scope clock(co_await coro::this_context());
  clock.spawn(pass_delays(in, watcher));
  how.retry = {.base_delay = std::chrono::milliseconds(10)};
  how.jitter_seed = 1;
  how.observer = &watcher;
  client s3(in.loop, how);
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s", .max_keys = 5});
  co_await read_slowly(pages, seen.got);
}
task<> page_with_retries(world& in, probe& seen) { return page_with_retries(in, seen, tight(in)); }
// Sixteen lanes, of which throttling leaves twelve.
task<> page_with_too_many_lanes(world& in, probe& seen) {
  client_options how = tight(in);
  how.window_bytes = 2 << 20;
  how.concurrency = 0;
  return page_with_retries(in, seen, how);
}
void throttle_once(world& in) {
  in.server->set_hook([gets = 0](const testing::request_info& asked) mutable {
    return testing::behaviour{.status = !asked.key.empty() && ++gets == 2 ? 503 : 0};
  });
}
void fail_once(world& in) {
  in.server->set_hook([lists = 0, failed = std::set<std::string>()](const testing::request_info& asked) mutable {
    testing::behaviour made;
    if (asked.key.empty()) {
      if (++lists == 2) made.cut_head = true;
      if (lists == 3) made.status = 503;
      return made;
    }
    if (!failed.emplace(asked.key).second) return made;
    if (asked.key.back() == '3') made.cut_at = 400;
    if (asked.key.back() == '7') made.status = 500;
    return made;
  });
}

/// Answers that come only when their gates are opened, and who opens them.
struct late_answers {
  coro::event never;   // until the client is gone
  coro::event eighth;  // when it is asked for again
  coro::event tenth;
  coro::event eleventh;  // when that request has failed
  coro::event time_passes;
  std::map<std::string, int, std::less<>> asked;

  testing::behaviour answer(std::string_view key) {
    testing::behaviour made;
    if (key.size() < 2) return made;
    const std::string_view number = key.substr(key.size() - 2);
    const int n = asked[std::string(number)]++;
    const auto head = [&](coro::event& gate) {
      made.stall_head = true;
      made.gate = &gate;
      time_passes.set();
    };
    const auto body = [&](coro::event& gate) {
      made.stall_at = 400;
      made.gate = &gate;
    };
    if (number == "07" && n == 0) head(never);
    if (number == "08" && n == 0) head(eighth);
    if (number == "09" && n == 0) body(never);
    if (number == "10" && n == 0) body(tenth);
    if (number == "11" && n == 0) head(eleventh);
    if (number == "11" && n <= 1) made.status = 500;
    if ((number == "08" || number == "10") && n == 1) {
      (number == "08" ? eighth : tenth).set();
      made.stall_head = true;
      made.gate = &never;
    }
    return made;
  }
};
class late_watcher final : public observer {
 public:
  explicit late_watcher(std::shared_ptr<late_answers> of) noexcept : of_(std::move(of)) {}
  late_watcher(const late_watcher&) = delete;
  late_watcher& operator=(const late_watcher&) = delete;
  ~late_watcher() override {
    for (coro::event* each : {&of_->never, &of_->eighth, &of_->tenth, &of_->eleventh}) each->set();
  }
  void request_ended(const request_event& what, const request_outcome& how) noexcept override {
    if (what.hedge && how.http_status == 500) of_->eleventh.set();
  }

 private:
  std::shared_ptr<late_answers> of_;
};
task<> pass_waits(world& in, coro::event& time_passes) {
  for (;;) {
    co_await time_passes.wait();
    time_passes.reset();
    in.time.advance(std::chrono::milliseconds(200));
  }
}

// Answers that are late and bodies that stall, overtaken by second requests or not, or both failing.
task<> page_late_answers(world& in, probe& seen) {
  const auto late = std::make_shared<late_answers>();
  in.server->set_hook([late](const testing::request_info& asked) { return late->answer(asked.key); });
  late_watcher watcher(late);
  coro::scope clock(co_await coro::this_context());
  clock.spawn(pass_waits(in, late->time_passes));
  client_options how = in.small();
  how.retry = {.max_attempts = 2, .base_delay = duration::zero()};
  how.hedge = {.max_share = 1, .least_samples = 1};
  how.observer = &watcher;
  client s3(in.loop, how);
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s", .on_error = on_error::report});
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    seen.got.take(*got);
    if (!got->last() && got->offset() == 0) late->time_passes.set();
  }
}

void refuse_some(world& in) {
  in.server->set_hook([](const testing::request_info& asked) -> testing::behaviour {
    if (asked.key.empty()) return {};
    switch (asked.key.back()) {
      case '2': return {.status = 404};
      case '4': return {.cut_head = true};
      case '6': return {.cut_at = 100};
      default: return {};
    }
  });
}
void refuse_one(world& in) {
  in.server->set_hook([](const testing::request_info& asked) -> testing::behaviour {
    // The refusal of the list breaks off within its body.
    if (asked.bucket == "none") return {.cut_answer_at = 400};
    if (asked.key.empty() || asked.key.back() != '5') return {};
    return {.status = 403};
  });
}

/// Gives a key of its own each time, after a while, and has the one before revoked.
class changing_credentials final : public credentials_provider {
 public:
  explicit changing_credentials(world& in) noexcept : in_(in) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "the test"; }
  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor&) override {
    for (int turns = 0; turns < 4; ++turns) co_await turn();
    std::string id = "KEY" + std::to_string(++count_);
    in_.server->add_key({.access_key_id = id, .secret_access_key = "secret"});
    co_return aws::credentials{.access_key_id = std::move(id), .secret_access_key = "secret"};
  }
  void revoke() {
    in_.server->remove_key("KEY" + std::to_string(count_));
    in_.time.advance(std::chrono::seconds(6));  // sooner, and the client would not ask again
  }

 private:
  world& in_;
  int count_ = 0;
};

// Credentials that are waited for at the beginning, and again within a list and among the objects.
task<> page_with_credentials(world& in, probe& seen) {
  const auto from = std::make_shared<changing_credentials>(in);
  in.server->set_hook([from, gets = 0](const testing::request_info& asked) mutable {
    if (!asked.key.empty() && (++gets == 3 || gets == 15)) from->revoke();
    return testing::behaviour{};
  });
  client_options how = tight(in);
  how.access_key_id = how.secret_access_key = {};
  how.credentials = from.get();
  how.retry = {.base_delay = duration::zero()};
  client s3(in.loop, how);
  seen.pool = s3.window();
  auto pages = s3.page_ordered({.bucket = "s", .max_keys = 5});
  co_await read_slowly(pages, seen.got);
}

// URLs that wait for credentials, and objects by them.
task<> get_by_urls(world& in, probe& seen) {
  const auto from = std::make_shared<changing_credentials>(in);
  client_options how = tight(in);
  how.access_key_id = how.secret_access_key = {};
  how.credentials = from.get();
  client s3(in.loop, how);
  seen.pool = s3.window();
  for (std::uint64_t i = 0; i < in.objects->count(); ++i) {
    const std::string key = in.objects->key(i);
    task<std::string> making = s3.presign_get({.bucket = "s", .key = key});
    const std::string url = co_await std::move(making);
    auto pages = s3.get_presigned(url);
    std::uint64_t bytes = 0;
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      bytes += got->bytes().size();
    }
    if (bytes != few(i)) throw std::logic_error("not everything came");
  }
}

std::vector<scene> scenes() {
  const world_options fifty{.objects = {.count = 50, .size_of = mixed}};
  const world_options twelve{.objects = {.count = 12, .size_of = few}};
  return {
      {.name = "fifty objects by key", .client = page_by_key, .options = fifty},
      {.name = "a head start of the first of few objects",
       .client = page_by_key,
       .options = {.objects = {.count = 6, .size_of = few}, .clock_runs = true}},
      {.name = "objects by arrival",
       .client = page_by_arrival,
       .options = {.objects = {.count = 32, .size_of = mixed}}},
      {.name = "fallbacks of an old kernel",
       .client = page_by_key,
       .options = {.objects = {.count = 14, .size_of = mixed}, .masked = ring::feature::all}},
      {.name = "given keys", .client = page_given_keys, .options = {.objects = {.count = 26, .size_of = mixed}}},
      {.name = "objects that fail, in small pieces",
       .client = page_with_failures,
       .options = twelve,
       .prepare = refuse_some,
       .most_receive_bytes = 200,
       .all = false},
      {.name = "refusals that end a run",
       .client = page_until_refused,
       .options = twelve,
       .prepare = refuse_one,
       .most_receive_bytes = 200,
       .all = false},
      {.name = "stale connections",
       .client = page_over_stale_connections,
       .options = {.origin = {.idle_timeout = std::chrono::seconds(10)},
                   .objects = {.count = 12, .size_of = few}},
       .all = false},
      {.name = "a stream that is closed", .client = page_and_close, .options = fifty, .all = false},
      {.name = "few connections", .client = page_over_one_connection, .options = twelve},
      {.name = "a host by its name", .client = page_from_a_name, .options = twelve},
      {.name = "a host of many addresses", .client = page_from_many_addresses, .options = twelve},
      {.name = "requests that fail once", .client = page_with_retries, .options = twelve, .prepare = fail_once},
      {.name = "more lanes than are of use",
       .client = page_with_too_many_lanes,
       .options = {.objects = {.count = 20, .size_of = few}},
       .prepare = throttle_once},
      {.name = "late answers", .client = page_late_answers, .options = twelve},
      {.name = "credentials that change", .client = page_with_credentials, .options = twelve},
      {.name = "objects by their URLs", .client = get_by_urls, .options = {.objects = {.count = 4, .size_of = few}}, .all = false},
      {.name = "objects by key, over TLS",
       .client = page_by_key,
       .options = {.objects = {.count = 16, .size_of = mixed}, .tls = TLS1_3_VERSION}},
      {.name = "objects that fail, over TLS, in small pieces",
       .client = page_with_failures,
       .options = {.objects = {.count = 12, .size_of = few}, .tls = TLS1_2_VERSION},
       .prepare = refuse_some,
       .most_receive_bytes = 200,
       .all = false},
      {.name = "stale connections, over TLS",
       .client = page_over_stale_connections,
       .options = {.origin = {.idle_timeout = std::chrono::seconds(10)},
                   .objects = {.count = 6, .size_of = few},
                   .tls = TLS1_3_VERSION},
       .all = false},
      {.name = "requests that fail once, over TLS",
       .client = page_with_retries,
       .options = {.objects = {.count = 6, .size_of = few}, .tls = TLS1_3_VERSION},
       .prepare = fail_once},
      {.name = "late answers, over TLS",
       .client = page_late_answers,
       .options = {.objects = {.count = 6, .size_of = few}, .tls = TLS1_3_VERSION}},
      {.name = "objects through a tunnel, over TLS in TLS",
       .client = page_by_key,
       .options = {.objects = {.count = 12, .size_of = few}, .tls = TLS1_3_VERSION, .proxy = true}},
  };
}

scene scene_of(std::string_view name) {
  for (scene& each : scenes())
    if (each.name == name) return each;
  throw std::logic_error("no such scene");
}

class capping_hook final : public ring::submit_hook {
 public:
  explicit capping_hook(std::uint32_t most) noexcept : most_(most) {}
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind == ring::operation_kind::connect && ++connects_ == 2 && second_connect_ != nullptr) second_connect_->set();
    if (what.kind != ring::operation_kind::receive_slots) return {};
    return {.most_bytes = most_};
  }
  void tell(coro::event* second_connect) noexcept { second_connect_ = second_connect; }

 private:
  std::uint32_t most_;
  std::uint64_t connects_ = 0;
  coro::event* second_connect_ = nullptr;
};

void check_pool(const probe& seen) {
  if (!seen.pool) return;
  if (seen.pool->granted() != 0 || seen.pool->held() != 0)
    throw std::logic_error(std::to_string(seen.pool->granted()) + " slots are granted and " +
                           std::to_string(seen.pool->held()) + " held by nobody");
}

/// Runs the scene for at most `limit` resumptions, the origin's among them, and drops the client there. Gives how many
/// there were; throws if anything is left or wrong.
std::uint64_t run_scene(const scene& what, std::uint64_t limit, bool* ended = nullptr) {
  const leftovers before;
  std::uint64_t steps = 0;
  {
    capping_hook cap(what.most_receive_bytes);
    world_options options = what.options;
    options.hook = &cap;
    world in(options);
    if (what.prepare != nullptr) what.prepare(in);
    probe seen(in);
    cap.tell(&seen.second_connect);
    {
      root<> client(in.loop.ready(), what.client(in, seen));
      const std::uint64_t first = in.loop.ready().resumptions();
      while (steps < limit && !client.done()) {
        in.loop.run_once(ring::reactor::wait::yes, 1);
        steps = in.loop.ready().resumptions() - first;
      }
      if (ended != nullptr) *ended = client.done();
      if (client.done()) client.result();
      if (client.done() && what.all && !seen.got.all()) throw std::logic_error("not every object came");
    }
    in.settle();
    check_pool(seen);
    if (!seen.got.complaint().empty()) throw std::logic_error(seen.got.complaint());
    seen.pool = {};
    cap.tell(nullptr);
    in.end();
  }
  if (!(leftovers() == before)) throw std::logic_error("frames or descriptors are left");
  return steps;
}

constexpr std::uint64_t to_the_end = ~std::uint64_t{0};

/// The library's own places, of the folders named.
std::set<site> ours(const std::set<site>& from, const std::vector<std::string>& folders) {
  std::set<site> rest;
  for (const site& each : from)
    for (const std::string& folder : folders)
      if (each.file.find("include/s3pager/" + folder + '/') != std::string::npos) rest.insert(each);
  return rest;
}
std::string in_words(const std::set<site>& places) {
  std::string text;
  for (const site& each : places) text += each.file + ':' + std::to_string(each.line) + '\n';
  return text;
}

/// Where coroutines are suspended in the course of a whole run.
std::set<site> places_of(const scene& what) {
  sweep_report report;
  const site_collector collector(report);
  run_scene(what, to_the_end);
  return report.suspended;
}

/// Drops after 0, 1, 2, ... resumptions, until a run ends first. What is suspended in `at_once`, a file, goes on in the same one.
void sweep_drops(const char* name, const char* at_once = nullptr) {
  const scene what = scene_of(name);
  const std::set<site> before = places_of(what);
  sweep_report report;
  {
    const site_collector collector(report);
    bool ended = false;
    for (std::uint64_t limit = 0; !ended; ++limit) {
      INFO(name << " dropped after " << limit << " resumptions");
      REQUIRE_NOTHROW(run_scene(what, limit, &ended));
    }
  }
  // Two runs are not quite alike: what only one of them waited for may have been there at once in all others.
  std::set<site> missed;
  for (const site& each : places_of(what))
    if (before.count(each) != 0 && report.dropped.count(each) == 0) missed.insert(each);
  missed = ours(missed, {"pager", "s3", "net", "ring", "identity"});
  if (at_once != nullptr) std::erase_if(missed, [at_once](const site& each) { return each.file.ends_with(at_once); });
  INFO(in_words(missed));
  CHECK(missed.empty());
}

/// What is done to one operation of a run.
struct fault {
  ring::submit_verdict verdict = {};
  bool origin_too = false;  ///< its operations count as well
};

class failing_hook final : public ring::submit_hook {
 public:
  failing_hook(const fault& what, std::uint64_t number) noexcept : what_(what), number_(number) {}
  void watch(const world& in) noexcept { in_ = &in; }
  /// Whether the run had so many operations.
  [[nodiscard]] bool met() const noexcept { return count_ > number_; }

  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (!what_.origin_too && of_origin(what)) return {};
    if (count_++ == number_) return what_.verdict;
    return {};
  }

 private:
  [[nodiscard]] bool of_origin(const ring::operation& what) const noexcept {
    if (in_->between(what)) return true;
    sockaddr_in local{};
    socklen_t size = sizeof local;
    return ::getsockname(what.target->fd(), reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
           ntohs(local.sin_port) == in_->server->port();
  }

  fault what_;
  std::uint64_t number_;
  std::uint64_t count_ = 0;
  const world* in_ = nullptr;
};

/// One turn. If the kernel has nothing more to tell, the clock goes to the next deadline. On a busy machine that may be
/// too early, and the run may end of it: an end as good as any that a fault brings.
void turn_or_wait(world& in, const root<>& client) {
  if (in.loop.run_once(ring::reactor::wait::no) || client.done()) return;
  pollfd ready{.fd = in.loop.poll_descriptor(), .events = POLLIN, .revents = 0};
  const bool timed = !in.loop.timers().empty();
  if (::poll(&ready, 1, timed ? 5 : 10'000) != 0) return;
  if (!timed) throw std::logic_error("the run hangs, and no deadline would end it");
  in.time.advance(in.loop.timers().next() - in.time.now());
}

struct faulty_end {
  bool met = false;
  bool failed = false;
};

/// Runs the scene with the fault at operation `number`. It must end, with all bytes or an error, and leave nothing.
faulty_end run_faulty(const scene& what, const fault& how, std::uint64_t number) {
  const leftovers before;
  faulty_end end;
  {
    failing_hook hook(how, number);
    world_options options = what.options;
    options.hook = &hook;
    world in(options);
    hook.watch(in);
    probe seen(in);
    {
      root<> client(in.loop.ready(), what.client(in, seen));
      while (!client.done()) turn_or_wait(in, client);
      try {
        client.result();
      } catch (const error&) {
        end.failed = true;
      }
      const std::size_t known = seen.got.whole() + seen.got.failures().size();
      if (!end.failed && known != in.objects->count()) throw std::logic_error("some objects neither came nor failed");
      end.failed = end.failed || !seen.got.failures().empty();
    }
    if (!seen.got.complaint().empty()) throw std::logic_error(seen.got.complaint());
    in.end();
    check_pool(seen);
    seen.pool = {};
    end.met = hook.met();
  }
  if (!(leftovers() == before)) throw std::logic_error("frames or descriptors are left");
  return end;
}

/// The fault at operation 0, 1, 2, ... until a run has fewer, but has `least`. Gives how many runs failed of it.
std::uint64_t sweep_faults(const scene& what, const fault& how, std::uint64_t least = 100) {
  std::uint64_t failed = 0;
  std::uint64_t number = 0;
  for (faulty_end end{.met = true}; end.met; ++number) {
    INFO("operation " << number);
    // A clock that went on too early ends a run before it comes to its fault: that says nothing.
    for (int tries = 0; tries < 5; ++tries) {
      REQUIRE_NOTHROW(end = run_faulty(what, how, number));
      if (end.met || !end.failed) break;
    }
    if (end.failed && end.met) ++failed;
    if (!end.met) CHECK_FALSE(end.failed);
  }
  CHECK(number > least);
  return failed;
}

constexpr std::array errnos_of_client{ECONNRESET, EIO, ENOBUFS, EPIPE, ECANCELED};
constexpr std::array errnos_of_any{ECONNRESET, ENOBUFS, ECANCELED};

void sweep_errnos(const scene& what, ring::submit_verdict::action action, std::span<const int> errnos, bool origin_too) {
  for (const int each : errnos) {
    INFO("errno " << each);
    const std::uint64_t failed =
        sweep_faults(what, {.verdict = {.what = action, .result = -each}, .origin_too = origin_too});
    CHECK(failed > 50);
  }
}

const world_options faulty{.objects = {.count = 50, .size_of = mixed}};

task<> page_reporting(world& in, probe& seen) {
  client s3(in.loop, tight(in));
  seen.pool = s3.window();
  auto pages = s3.page_unordered({.bucket = "s", .max_keys = 9, .on_error = on_error::report});
  co_await read_all(pages, seen.got);
}

}  // namespace

TEST_CASE("fifty objects by key can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("fifty objects by key");
}
TEST_CASE("objects by arrival can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("objects by arrival");
}
TEST_CASE("a run without newer features can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("fallbacks of an old kernel");
}
TEST_CASE("given keys of unknown size can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("given keys");
}
TEST_CASE("failing objects can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("objects that fail, in small pieces");
}
TEST_CASE("a run that ends with a refusal can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("refusals that end a run");
}
TEST_CASE("a retry on a fresh connection can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("stale connections");
}
TEST_CASE("a stream that is being closed can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("a stream that is closed");
}
TEST_CASE("a wait for a place among the connections can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("few connections");
}
TEST_CASE("a lookup of a name can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("a host by its name");
}
TEST_CASE("a race of several addresses can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("a host of many addresses");
}

TEST_CASE("objects over TLS can be dropped after every resumption", "[pager][sweep][tls]") {
  sweep_drops("objects by key, over TLS");
}
TEST_CASE("failing objects over TLS can be dropped after every resumption", "[pager][sweep][tls]") {
  sweep_drops("objects that fail, over TLS, in small pieces");
}

TEST_CASE("retries, stale connections and second requests over TLS can be dropped after every resumption", "[pager][sweep][tls]") {
  sweep_drops("stale connections, over TLS");
  sweep_drops("requests that fail once, over TLS");
  sweep_drops("late answers, over TLS");
}
TEST_CASE("objects through a tunnel can be dropped after every resumption", "[pager][sweep][tls]") {
  sweep_drops("objects through a tunnel, over TLS in TLS");
}

TEST_CASE("pauses between attempts can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("requests that fail once");
}

TEST_CASE("lanes that are too many can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("more lanes than are of use");
}

TEST_CASE("waits for credentials can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("credentials that change");
}

TEST_CASE("URLs that are made and fetched can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("objects by their URLs", "pager/source.hpp");  // it has a single key, which is taken at once
}

TEST_CASE("a head start can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("a head start of the first of few objects");
}

TEST_CASE("requests that are made twice can be dropped after every resumption", "[pager][sweep]") {
  sweep_drops("late answers");
}

TEST_CASE("every co_await of the pager and of what is below it is a place of a sweep", "[pager][sweep]") {
  // Or only once in 128 awaits that have nothing to wait for.
  const std::vector<std::string> never_suspend{
      "this_context()",                                   // by its nature
      "co_await workers.join()",                          // lanes end before the last page is taken
      "co_await fetcher.join()",                          // the channel closes as its sender ends
      "pages.send(std::move(made))",                      // a permit has made sure that there is room
      // Several handshakes or lanes that begin in one turn, of which a run that is stopped after each resumption has none:
      // handshake_test.cpp.
      "co_await std::move(my_turn)",
      // Where nobody names a region, which no service on this machine's loopback is asked for: region_test.cpp.
      "co_await region_->wait()",
      "if (!target_->placed()) co_await service_->prepare(target_)",
      // Rare calls, by libcurl: control_driver_test.cpp, and session_test.cpp.
      "= co_await looking",
      "co_await end;",
      "co_await std::move(waiting)",
      "= co_await std::move(asking)",
  };
  const auto include = std::filesystem::path(__FILE__).parent_path() / "../../../include/s3pager";
  if (!std::filesystem::is_directory(include)) {
    WARN("SKIP: the sources are not on this machine");
    return;
  }
  sweep_report report;
  {
    const site_collector collector(report);
    for (const scene& each : scenes()) REQUIRE_NOTHROW(run_scene(each, to_the_end));
  }
  std::set<std::pair<std::string, std::uint_least32_t>> met;
  for (const site& each : report.suspended)
    met.emplace(std::filesystem::path(each.file).filename().string(), each.line);

  std::size_t places = 0;
  std::string missing;
  for (const char* folder : {"pager", "s3", "net"}) {
    for (const auto& file : std::filesystem::directory_iterator(include / folder)) {
      const std::string name = file.path().filename().string();
      std::ifstream in(file.path());
      std::uint_least32_t number = 0;
      std::uint_least32_t began = 0;  // where the statement with the await did; it may have several lines
      std::string statement;
      for (std::string line; std::getline(in, line);) {
        ++number;
        line.erase(std::min(line.find("//"), line.size()));
        if (began == 0 && line.find("co_await") == std::string::npos && line.find("co_yield") == std::string::npos)
          continue;
        if (began == 0) began = number;
        statement += line;
        if (line.find_first_of(";{}") == std::string::npos) continue;
        const bool excused = std::any_of(never_suspend.begin(), never_suspend.end(), [&](const std::string& each) {
          return statement.find(each) != std::string::npos;
        });
        bool was_met = false;
        for (std::uint_least32_t at = began; at <= number; ++at) was_met = was_met || met.count({name, at}) != 0;
        ++places;
        if (!was_met && !excused) missing += name + ':' + std::to_string(began) + ": " + statement + '\n';
        began = 0;
        statement.clear();
      }
    }
  }
  INFO("missed:\n" << missing);
  CHECK(places > 20);
  CHECK(missing.empty());
}

TEST_CASE("a client's operation that fails before it is carried out ends in an error or in the right bytes",
          "[pager][sweep]") {
  sweep_errnos({.name = "", .client = page_by_key, .options = faulty}, ring::submit_verdict::action::answer,
               errnos_of_client, false);
}
TEST_CASE("a client's operation that fails after it was carried out ends in an error or in the right bytes",
          "[pager][sweep]") {
  sweep_errnos({.name = "", .client = page_by_key, .options = faulty}, ring::submit_verdict::action::replace,
               errnos_of_client, false);
}
TEST_CASE("any operation that fails before it is carried out ends in an error or in the right bytes",
          "[pager][sweep]") {
  sweep_errnos({.name = "", .client = page_reporting, .options = faulty}, ring::submit_verdict::action::answer,
               errnos_of_any, true);
}
TEST_CASE("any operation that fails after it was carried out ends in an error or in the right bytes",
          "[pager][sweep]") {
  sweep_errnos({.name = "", .client = page_reporting, .options = faulty}, ring::submit_verdict::action::replace,
               errnos_of_any, true);
}
TEST_CASE("any operation that fails ends in an error or in the right bytes with the fallbacks of an old kernel too",
          "[pager][sweep]") {
  const world_options old{.objects = {.count = 50, .size_of = mixed}, .masked = ring::feature::all};
  constexpr std::array once{ECONNRESET};
  for (const auto action : {ring::submit_verdict::action::answer, ring::submit_verdict::action::replace})
    sweep_errnos({.name = "", .client = page_reporting, .options = old}, action, once, true);
}
TEST_CASE("any operation that fails among requests that are made twice ends in an error or in the right bytes",
          "[pager][sweep]") {
  const scene late = scene_of("late answers");
  for (const auto action : {ring::submit_verdict::action::answer, ring::submit_verdict::action::replace})
    for (const bool origin_too : {false, true})
      sweep_faults(late, {.verdict = {.what = action, .result = -ECONNRESET}, .origin_too = origin_too}, 40);
}
TEST_CASE("a client's operation over TLS that fails ends in an error or in the right bytes", "[pager][sweep][tls]") {
  const scene secure{.name = "", .client = page_reporting, .options = {.objects = {.count = 9, .size_of = mixed}, .tls = TLS1_3_VERSION}};
  scene old = secure;
  old.options.masked = ring::feature::all;
  for (const auto action : {ring::submit_verdict::action::answer, ring::submit_verdict::action::replace}) {
    for (const int each : {ECONNRESET, ECANCELED}) sweep_faults(secure, {.verdict = {.what = action, .result = -each}}, 40);
    sweep_faults(old, {.verdict = {.what = action, .result = -ENOBUFS}}, 40);
    sweep_faults(secure, {.verdict = {.what = action, .result = -ECONNRESET}, .origin_too = true}, 100);
    sweep_faults(scene_of("late answers, over TLS"), {.verdict = {.what = action, .result = -ECONNRESET}}, 20);
  }
  for (const bool origin_too : {false, true}) sweep_faults(secure, {.verdict = {.most_bytes = 1}, .origin_too = origin_too}, 40);
}
TEST_CASE("a client's operation in a tunnel that fails ends in an error or in the right bytes", "[pager][sweep][tls]") {
  scene secure = scene_of("objects through a tunnel, over TLS in TLS");
  secure.client = page_reporting;
  for (const auto action : {ring::submit_verdict::action::answer, ring::submit_verdict::action::replace})
    sweep_faults(secure, {.verdict = {.what = action, .result = -ECONNRESET}}, 30);
  sweep_faults(secure, {.verdict = {.most_bytes = 1}}, 30);
}
TEST_CASE("any operation may move a single byte", "[pager][sweep]") {
  for (const bool origin_too : {false, true})
    sweep_faults({.name = "", .client = page_by_key, .options = faulty},
                 {.verdict = {.most_bytes = 1}, .origin_too = origin_too});
}
