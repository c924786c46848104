// An S3 server on a reactor, for demonstrations and tests: ListObjectsV2 and GetObject from buckets of memory, of files or
// of nothing at all. Listens on loopback only; knows nothing of the client.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/testing/answer.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/bucket_owner.hpp"
#include "s3pager/testing/checksums.hpp"
#include "s3pager/testing/connection.hpp"
#include "s3pager/testing/pattern.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/signature_verifier.hpp"
#include "s3pager/testing/times.hpp"
#include "s3pager/testing/traffic.hpp"

namespace s3pager::testing {

struct origin_options {
  std::uint16_t port = 0;  ///< 0: any that is free
  std::string_view domain = "s3.localhost";  ///< `bucket.s3.localhost` is virtual-hosted addressing

  std::string_view region = "us-east-1";
  std::string_view owner = "111122223333";  ///< the account that all buckets are of
  std::string_view access_key_id = {};  ///< empty: nobody needs to sign (and nobody can)
  std::string_view secret_access_key = {};
  std::string_view session_token = {};
  bool anonymous = false;  ///< let unsigned requests in even if there is a key
  duration allowed_skew = std::chrono::minutes(15);

  std::size_t most_entries = 1000;     ///< of one page of a list, if fewer are not asked for
  std::size_t list_chunk_bytes = 0;    ///< not 0: lists are sent chunked, in chunks of this size
  duration first_byte_delay{0};
  std::uint64_t bytes_per_second = 0;  ///< of each connection's bodies; 0: no limit
  traffic_limits traffic = {};         ///< of all connections
  std::uint64_t requests_per_connection = 0;  ///< the last one is answered with `Connection: close`; 0: no limit
  duration idle_timeout{0};            ///< for the next request on a connection; 0: none
  std::size_t send_bytes = 256 << 10;  ///< of one send, at most
  int backlog = 1024;
  checksum_options checksums = {};     ///< said where a request has `x-amz-checksum-mode: ENABLED`
};

/// Listens from its construction on, answers while serve() is awaited. On its reactor's thread, but for the counters.
class origin final : private request_handler {
 public:
  /// Throws if it can't listen.
  explicit origin(ring::reactor& loop, const origin_options& options = {})
      : loop_(loop),
        domain_(options.domain),
        owner_(options.owner),
        most_entries_(options.most_entries),
        verifier_(options.region, options.anonymous, options.allowed_skew),
        checksum_options_(options.checksums),
        checksums_(options.checksums),
        traffic_(options.traffic),
        connections_{.first_byte_delay = options.first_byte_delay,
                     .idle_timeout = options.idle_timeout,
                     .bytes_per_second = options.bytes_per_second,
                     .requests_per_connection = options.requests_per_connection,
                     .send_bytes = options.send_bytes,
                     .list_chunk_bytes = options.list_chunk_bytes,
                     .shared = &traffic_} {
    if (!options.access_key_id.empty())
      verifier_.add_key({std::string(options.access_key_id), std::string(options.secret_access_key),
                         std::string(options.session_token)});
    if (const auto failure = ring::socket::listen(loop, ring::socket_address::loopback(options.port), options.backlog,
                                                  listener_))
      throw error(failure, "listening on 127.0.0.1 port " + std::to_string(options.port));
    port_ = listener_.local_address().port();
  }
  origin(const origin&) = delete;
  origin& operator=(const origin&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const origin_counters& counters() const noexcept { return counters_; }

  /// Adds the bucket, or replaces it for requests from now on.
  void add_bucket(std::string name, std::shared_ptr<const bucket> what) {
    buckets_.insert_or_assign(std::move(name), std::move(what));
  }
  void add_key(signing_key key) { verifier_.add_key(std::move(key)); }
  void remove_key(std::string_view access_key_id) { verifier_.remove_key(access_key_id); }
  /// That requests must be signed for from now on: others are told so, as by a service that has moved.
  void set_region(std::string_view region) { verifier_.set_region(region); }
  /// Asked about every request; null: nobody is.
  void set_hook(request_hook hook) { hook_ = std::move(hook); }

  /// For requests and pieces of bodies from now on.
  void limit(const traffic_limits& limits) noexcept { traffic_.set(limits); }

  /// Serves until stop(), or until its context is stopped or it is dropped: then every connection ends where it is.
  /// Await one at a time. Throws what keeps it from accepting connections for good.
  [[nodiscard]] task<> serve() {
    coro::scope tasks(co_await coro::this_context());
    const serving here(*this, tasks);
    if (stopped_) co_return;
    tasks.spawn(accept_all(tasks));
    co_await tasks.join();
  }

  /// Ends serve(), now or as soon as it is called.
  void stop() noexcept {
    stopped_ = true;
    if (tasks_ != nullptr) tasks_->request_stop();
  }

 private:
  class serving {
   public:
    serving(origin& owner, coro::scope& tasks) noexcept : owner_(owner) { owner_.tasks_ = &tasks; }
    serving(const serving&) = delete;
    serving& operator=(const serving&) = delete;
    ~serving() { owner_.tasks_ = nullptr; }

   private:
    origin& owner_;
  };

  [[nodiscard]] task<> accept_all(coro::scope& tasks) {
    for (;;) {
      ring::accept_result accepted = co_await listener_.accept(no_deadline);
      switch (accepted.error.value()) {
        case 0:
          counters_.connections_accepted.fetch_add(1, std::memory_order_relaxed);
          if (refused_next_ > 0) {
            --refused_next_;
            reset_on_close(accepted.peer);
            break;
          }
          tasks.spawn(serve_connection(std::move(accepted.peer)));
          break;
        case ECANCELED: co_return;
        case EBADF:
        case EINVAL:
        case ENOTSOCK: throw error(accepted.error, "accepting connections");
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
          // The client waits in the backlog meanwhile.
          if (co_await ring::sleep_until(loop_, after(loop_.now(), std::chrono::milliseconds(10)))) co_return;
          break;
        default: break;  // that client's misfortune
      }
    }
  }

  /// What goes wrong on one connection ends that connection only.
  [[nodiscard]] task<> serve_connection(ring::socket peer) {
    connection served(std::move(peer), connections_, *this, counters_);
    try {
      co_await served.serve();
    } catch (const std::exception&) {
    }
  }

  [[nodiscard]] decision decide(const http::request_parser& parser) override {
    const std::uint64_t index = counters_.requests.fetch_add(1, std::memory_order_relaxed);
    const wall_time now = loop_.clock().wall();
    decision made;
    made.request_id = id_of(index);
    made.host_id = detail::base64("origin-" + made.request_id);
    made.date = format_http_date(now);

    s3_request request;
    s3_error refused = read_request(parser, domain_, request);
    if (hook_) made.how = hook_(info(index, request, parser));
    if (!traffic_.admits(loop_.now())) made.how.status = 503;
    refused_next_ += made.how.refuse_next;
    if (made.how.status != 0)
      refused = {made.how.status, made.how.code.empty() ? usual_code(made.how.status) : made.how.code,
                 "As the test has it.", {}};
    if (!refused) refused = verifier_.verify(request, now);
    if (!refused) refused = check_expected_owner(request, owner_);
    made.what = refused ? refuse(std::move(refused)) : answer_request(loop_, buckets_, request, most_entries_, made.how);
    return made;
  }

  [[nodiscard]] checksum_source& checksums() noexcept override { return checksums_; }

  [[nodiscard]] request_info info(std::uint64_t index, const s3_request& request,
                                  const http::request_parser& parser) const {
    request_info made{.index = index,
                      .method = request.method,
                      .bucket = request.bucket,
                      .key = request.key,
                      .range = parser.header("Range").value_or(std::string_view()),
                      .query = request.query,
                      .headers = request.headers};
    // Of an object that comes in ranges nobody can say more than that the CRCs of all of them make its own.
    const bool covers = made.range.empty()
                            ? checksum_options_.composite_parts == 0
                            : checksum_options_.of_ranges == range_checksum::of_range ||
                                  (checksum_options_.of_ranges == range_checksum::of_object &&
                                   checksum_options_.composite_parts == 0 && combines(checksum_options_.algorithm));
    made.checksum = covers && checksums_.offers() && !made.key.empty() &&
                    equals_ignoring_case(parser.header("x-amz-checksum-mode").value_or(std::string_view()), "ENABLED");
    return made;
  }

  [[nodiscard]] static std::string id_of(std::uint64_t index) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string id(16, '0');
    for (std::uint64_t bits = detail::mix(index), at = 0; at < id.size(); bits >>= 4, ++at) id[at] = digits[bits & 15];
    return id;
  }

  ring::reactor& loop_;
  std::string domain_;
  std::string owner_;
  std::size_t most_entries_;
  signature_verifier verifier_;
  checksum_options checksum_options_;
  checksum_source checksums_;
  testing::traffic traffic_;
  connection_options connections_;
  ring::socket listener_;
  std::uint16_t port_ = 0;
  bucket_map buckets_;
  request_hook hook_;
  origin_counters counters_;
  std::uint32_t refused_next_ = 0;
  coro::scope* tasks_ = nullptr;
  bool stopped_ = false;
};

}  // namespace s3pager::testing
