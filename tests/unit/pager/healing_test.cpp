// What a user does not notice: credentials that run out, a bucket that is elsewhere, a clock that is wrong, each in the middle of a run.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/identity/instance_metadata.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/metadata_service.hpp"
#include "support/scripted_credentials.hpp"
#include "support/world.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::reader;
using test::scripted_credentials;
using test::world;

class refusal_count final : public observer {
 public:
  void request_ended(const request_event&, const request_outcome& how) noexcept override {
    if (how.http_status >= 300) ++refused[how.http_status];
  }
  void request_retried(const request_event&, std::error_code) noexcept override { ++retried; }
  std::map<int, int> refused;
  int retried = 0;
};

/// 500 objects of 64 lanes, of which something happens after the 100th GET was let in.
struct bench {
  bench() {
    options = in.small();
    options.concurrency = 64;
    options.window_bytes = 16 << 20;
    options.retry = {};
    options.jitter_seed = 1;
    options.hedge.enabled = false;
    options.observer = &seen;
  }
  void after_100_gets(std::function<void()> what) {
    in.server->set_hook([this, what = std::move(what)](const testing::request_info& request) {
      if (!request.key.empty() && ++gets == 100) what();
      return testing::behaviour{};
    });
  }
  [[nodiscard]] bool page_all(client& s3) {
    reader got(*in.objects);
    auto pages = s3.page_unordered({.bucket = "s"});
    in.run(test::read_all(pages, got));
    return got.all();
  }
  /// Lets the origin take it, and gives it to the client in its turn.
  void issue(scripted_credentials& from, const std::string& id, std::optional<duration> lifetime = {}) {
    testing::signing_key key{.access_key_id = id, .secret_access_key = "secret of " + id, .session_token = "token of " + id};
    aws::credentials given{.access_key_id = id, .secret_access_key = key.secret_access_key, .session_token = key.session_token};
    if (lifetime) given.expiration = key.expiration = in.time.wall() + *lifetime;
    in.server->add_key(std::move(key));
    from.will_give(std::move(given));
  }
  void use(scripted_credentials& from) {
    options.access_key_id = options.secret_access_key = {};
    options.credentials = &from;
  }

  world in{{.objects = {.count = 500}}};
  refusal_count seen;
  client_options options;
  int gets = 0;
};

}  // namespace

TEST_CASE("a token that is revoked in mid-run is renewed once, and nobody else notices", "[pager][healing]") {
  bench with;
  scripted_credentials from;
  with.issue(from, "FIRST");
  with.issue(from, "SECOND");
  with.use(from);
  with.after_100_gets([&] { with.in.server->remove_key("FIRST"); });
  {
    client s3(with.in.loop, with.options);
    CHECK(with.page_all(s3));
  }
  CHECK(from.fetches == 2);
  const int refused = with.seen.refused[403];
  CHECK(refused >= 1);
  CHECK(refused <= 64);
  CHECK(with.seen.retried == refused);
  with.in.settle();
}

TEST_CASE("a token that the service finds expired is renewed once", "[pager][healing]") {
  bench with;
  scripted_credentials from;
  // The client's is said to live longer than the service lets it.
  with.issue(from, "FIRST", 1h);
  with.issue(from, "SECOND");
  from.answers.front().given->expiration.reset();
  with.use(from);
  with.after_100_gets([&] { with.in.time.advance(2h); });
  client s3(with.in.loop, with.options);
  CHECK(with.page_all(s3));
  CHECK(from.fetches == 2);
  CHECK(with.seen.refused[400] >= 1);
  CHECK(with.seen.refused[400] <= 64);
}

TEST_CASE("credentials that run out three times in ten minutes are renewed before", "[pager][healing]") {
  bench with;
  scripted_credentials from;
  with.issue(from, "FIRST", 3min);
  with.issue(from, "SECOND", 6min);
  with.issue(from, "THIRD", 9min);
  with.issue(from, "FOURTH", 1h);
  with.use(from);
  with.options.concurrency = 1;
  with.in.server->set_hook([&](const testing::request_info& request) {
    if (!request.key.empty()) with.in.time.advance(1200ms);
    return testing::behaviour{};
  });
  client s3(with.in.loop, with.options);
  CHECK(with.page_all(s3));
  CHECK(with.seen.refused.empty());
  CHECK(from.fetches == 4);
}

namespace {

/// Counts what is asked of another one.
class watched_provider final : public credentials_provider {
 public:
  explicit watched_provider(credentials_provider& of) noexcept : of_(of) {}
  [[nodiscard]] std::string_view name() const noexcept override { return of_.name(); }
  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    struct counted_call {
      explicit counted_call(int& count) noexcept : under_way(count) { ++under_way; }
      ~counted_call() { --under_way; }
      int& under_way;
    };
    const counted_call here(under_way);
    task<std::optional<aws::credentials>> fetching = of_.fetch(loop);
    co_return co_await std::move(fetching);
  }
  int under_way = 0;

 private:
  credentials_provider& of_;
};

}  // namespace

TEST_CASE("ten minutes go on over three expiries of an instance's credentials", "[pager][healing]") {
  const bool troubled = GENERATE(false, true);
  bench with;
  test::metadata_service service(with.in.loop);
  std::vector<wall_time> ends;
  service.token_life = std::chrono::seconds(200);
  service.keys = [&] {
    const std::string id = "INSTANCE-" + std::to_string(ends.size());
    ends.push_back(with.in.time.wall() + 3min);
    testing::signing_key key{.access_key_id = id, .secret_access_key = "secret/of/" + id, .session_token = "token/of/" + id};
    aws::credentials given{
        .access_key_id = id, .secret_access_key = key.secret_access_key, .session_token = key.session_token, .expiration = ends.back()};
    key.expiration = ends.back();
    with.in.server->add_key(std::move(key));
    return given;
  };
  auto driver = make_ref<net::control_driver>(with.in.loop, net::control_options{});
  identity::instance_metadata from(driver, identity::instance_metadata_settings{.endpoint = service.endpoint()});
  watched_provider watched(from);
  with.options.access_key_id = with.options.secret_access_key = {};
  with.options.credentials = &watched;
  with.options.concurrency = 4;
  const wall_time begun = with.in.time.wall();
  with.in.server->set_hook([&](const testing::request_info& request) {
    // While the service is asked time stands still: its limit is a second.
    if (!request.key.empty() && watched.under_way == 0) with.in.time.advance(1500ms);
    // The second renewal fails twice.
    if (troubled && ends.size() == 2 && std::exchange(with.gets, 1) == 0) {
      service.forget_tokens();
      service.next(test::metadata_service::token_line, {.status = 503});
      service.next(test::metadata_service::token_line, {.body = "TOKEN", .cut = true});
    }
    return testing::behaviour{};
  });
  {
    client s3(with.in.loop, with.options);
    CHECK(with.page_all(s3));
  }
  const wall_time now = with.in.time.wall();
  CHECK(now - begun >= 10min);
  CHECK(std::count_if(ends.begin(), ends.end(), [now](wall_time end) { return end < now; }) >= 3);
  CHECK(with.seen.refused.empty());
  CHECK(with.seen.retried == 0);
  CHECK(ends.size() >= 4);
  CHECK(service.count(test::metadata_service::token_line) == (troubled ? 5 : 3));
}

TEST_CASE("credentials that can't be had any more end the run with the provider's words", "[pager][healing]") {
  bench with;
  scripted_credentials from;
  with.issue(from, "FIRST");
  from.will_fail(error(errc::access_denied, "the role was taken away"));
  with.use(from);
  with.after_100_gets([&] { with.in.server->remove_key("FIRST"); });
  client s3(with.in.loop, with.options);
  try {
    static_cast<void>(with.page_all(s3));
    FAIL("it has not failed");
  } catch (const error& why) {
    CHECK(why.code() == errc::access_denied);
    CHECK(why.details().message == "the role was taken away");
    CHECK(why.bucket() == "s");
  }
  CHECK(from.fetches == 2);
}

TEST_CASE("static credentials that are refused are not tried again", "[pager][healing]") {
  bench with;
  with.after_100_gets([&] { with.in.server->remove_key(world::access_key_id); });
  client s3(with.in.loop, with.options);
  CHECK_THROWS_WITH(with.page_all(s3), Catch::Contains("InvalidAccessKeyId"));
  CHECK(with.seen.retried == 0);
}

TEST_CASE("a region that turns out to be wrong in mid-run is followed, and remembered", "[pager][healing]") {
  bench with;
  with.after_100_gets([&] { with.in.server->set_region("eu-west-3"); });
  client s3(with.in.loop, with.options);
  CHECK(with.page_all(s3));
  const int refused = with.seen.refused[400];
  CHECK(refused >= 1);
  CHECK(refused <= 64);
  CHECK(with.seen.retried == refused);
  CHECK(with.page_all(s3));
  CHECK(with.seen.refused[400] == refused);
}

TEST_CASE("a redirection that names the region is followed", "[pager][healing]") {
  const int status = GENERATE(301, 307, 400, 403);
  bench with;
  bool told = false;
  with.in.server->set_hook([&](const testing::request_info&) {
    if (std::exchange(told, true)) return testing::behaviour{};
    with.in.server->set_region("eu-west-3");
    return testing::behaviour{.status = status, .region = "eu-west-3"};
  });
  client s3(with.in.loop, with.options);
  CHECK(with.page_all(s3));
  CHECK(with.seen.retried == 1);
}

TEST_CASE("a region that is none, or leads nowhere, is not followed for ever", "[pager][healing]") {
  bench with;
  const char* const region = GENERATE("eu-west-3", "us-east-1", "../x", "EU");
  with.in.server->set_hook([&](const testing::request_info&) { return testing::behaviour{.status = 301, .region = region}; });
  client s3(with.in.loop, with.options);
  CHECK_THROWS_AS(with.page_all(s3), error);
  CHECK(with.seen.retried == (std::string_view(region) == "eu-west-3" ? 1 : 0));  // it is there already
}
