// The public face: a client of one S3 endpoint on one reactor, and what can be asked of it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/bucket_name.hpp"
#include "s3pager/aws/presign.hpp"
#include "s3pager/aws/presigned_url.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/generator.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/stream.hpp"
#include "s3pager/pager/client_settings.hpp"
#include "s3pager/pager/options.hpp"
#include "s3pager/pager/page.hpp"
#include "s3pager/pager/run.hpp"
#include "s3pager/pager/shard.hpp"
#include "s3pager/pager/source.hpp"
#include "s3pager/pager/stream.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/list_objects.hpp"
#include "s3pager/s3/object.hpp"
#include "s3pager/s3/object_query.hpp"
#include "s3pager/s3/presign_get.hpp"
#include "s3pager/s3/service.hpp"
#include "s3pager/tls/in_place.hpp"

namespace s3pager {

/// Keys as they can be given: any range of what is a string_view.
template <class Range>
concept key_range = std::ranges::input_range<Range> &&
                    std::convertible_to<std::ranges::range_reference_t<Range>, std::string_view>;

/// A client of one endpoint, on the thread of its reactor, which must outlive it and its streams. It has one window for all of
/// its streams and one pool of connections; nothing is sent before the first await. Streams may outlive the client. Every
/// call copies what it is given before it returns.
class client {
 public:
  /// Throws error(invalid_argument) that names the option, the variable or the profile, and says what is needed.
  explicit client(ring::reactor& loop, const client_options& options = {})
      : concurrency_(checked_concurrency(options.concurrency)),
        most_lanes_(std::max(checked_connections(options.max_connections) - 1, std::uint32_t{1})),
        window_wait_(checked_wait(options.window_wait)),
        verify_(options.verify),
        common_(with_own({}, options.headers)),
        service_(make_ref<s3::service>(loop, pager::service_settings_of(loop, options))),
        pool_(loop.make_buffer_pool({.window_bytes = options.window_bytes,
                                     .slot_bytes = options.slot_bytes,
                                     .lead_bytes = service_->lead_bytes(),
                                     .hot_bytes = service_->lead_bytes() > 0 ? hot_bytes : 0})) {}
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// The bytes of every object under a prefix, in the order of the keys; of a directory bucket, in that of its list, which has none.
  [[nodiscard]] page_stream page_ordered(const page_options& what) { return page(what, page_order::by_key); }
  /// The bytes of every object under a prefix, as they arrive.
  [[nodiscard]] page_stream page_unordered(const page_options& what) { return page(what, page_order::by_arrival); }

  /// The bytes of the objects with these keys, in the order given.
  template <key_range Keys>
  [[nodiscard]] page_stream page_ordered(std::string_view bucket, Keys&& keys, const keys_options& how = {}) {
    return page(bucket, pager::given_objects(copied(keys)), how, page_order::by_key);
  }
  template <key_range Keys>
  [[nodiscard]] page_stream page_unordered(std::string_view bucket, Keys&& keys, const keys_options& how = {}) {
    return page(bucket, pager::given_objects(copied(keys)), how, page_order::by_arrival);
  }
  [[nodiscard]] page_stream page_ordered(std::string_view bucket, std::initializer_list<std::string_view> keys,
                                         const keys_options& how = {}) {
    return page(bucket, pager::given_objects(copied(keys)), how, page_order::by_key);
  }
  [[nodiscard]] page_stream page_unordered(std::string_view bucket, std::initializer_list<std::string_view> keys,
                                           const keys_options& how = {}) {
    return page(bucket, pager::given_objects(copied(keys)), how, page_order::by_arrival);
  }
  /// The same of objects that come one by one: of list() with some left out, of a database, of a file of keys. Those with a
  /// size and an ETag are fetched as listed ones are.
  [[nodiscard]] page_stream page_ordered(std::string_view bucket, async_generator<object> objects,
                                         const keys_options& how = {}) {
    return page(bucket, std::move(objects), how, page_order::by_key);
  }
  [[nodiscard]] page_stream page_unordered(std::string_view bucket, async_generator<object> objects,
                                           const keys_options& how = {}) {
    return page(bucket, std::move(objects), how, page_order::by_arrival);
  }

  /// The objects under a prefix, without their bytes, in the order of the service: those that pass the filter. Common prefixes are
  /// passed over.
  [[nodiscard]] async_generator<object> list(const list_options& what) {
    pager::object_filter which(what.filter);
    return pager::listed_objects(list_pages(what), {}, std::move(which), {}, what.stop.state());
  }
  /// The pages of a list, with their common prefixes.
  [[nodiscard]] async_generator<ref<xml::list_page>> list_pages(const list_options& what) {
    check_max_keys(what.max_keys);
    check_start_after(what.bucket, what.start_after);
    return s3::list_objects(service_, service_->bucket(what.bucket, what.region), make_ref<s3::request_tally>(),
                            {.prefix = std::string(what.prefix),
                             .delimiter = std::string(what.delimiter),
                             .start_after = std::string(what.start_after),
                             .max_keys = what.max_keys,
                             .fetch_owner = what.fetch_owner,
                             .restore_status = what.restore_status,
                             .requester_pays = what.requester_pays,
                             .common = common(what.expected_bucket_owner, what.headers)},
                            s3::list_caller{.stop = what.stop.state(), .run_limit = run_limit(what.run_deadline)});
  }

  /// The bytes of one object. A large one is fetched in slices at a time, unless a range, a part or a condition makes it one GET.
  [[nodiscard]] page_stream get(const get_options& what) {
    check_range(what.range);
    if (what.part_number && (*what.part_number < 1 || *what.part_number > 10'000))
      throw error(errc::invalid_argument, "part_number is " + std::to_string(*what.part_number) + ", 1 to 10000 is needed");
    pager::run_settings how = defaults();
    how.run_limit = run_limit(what.run_deadline);
    how.if_match = what.if_match;
    how.if_none_match = what.if_none_match;
    if (!what.response.empty() && service_->anonymous())
      throw error(errc::invalid_argument, "response is given, and the client has no credentials: only signed requests may ask for headers of the answer");
    how.verify = what.verify.value_or(verify_);
    how.query = s3::object_query(what.version_id, what.response);
    how.common = with_key(common(what.expected_bucket_owner, what.headers), what.customer_key);
    how.request = {.key = {},
                   .range = what.range,
                   .if_modified_since = what.if_modified_since,
                   .if_unmodified_since = what.if_unmodified_since,
                   .part_number = what.part_number,
                   .requester_pays = what.requester_pays};
    how.one_request = what.range || what.part_number || !what.if_match.empty() || !what.if_none_match.empty() ||
                      what.if_modified_since || what.if_unmodified_since;
    if (how.one_request) set_lanes(how, 1);
    pager::key_list keys;
    keys.add(checked_key(what.key));
    return start(service_->bucket(what.bucket, what.region), pager::given_objects(std::move(keys)), make_ref<s3::request_tally>(), std::move(how),
                 what.stop);
  }

  /// The bytes of the object that a presigned URL is of, whoever made it, of any host; by http or https. It is sent as it is, with Range and
  /// If-Match at most, so that a large object is fetched in slices and a body that breaks off goes on as with get(). An expired one is
  /// access_denied, in the service's words. The URL has at most 16 KiB, and is in no error: there and in events the bucket is its host, and
  /// the key, as object().key, its path without the first slash. Proxies and trust are the client's, its client certificate and
  /// connect_host are not for it. Where the way there has more layers of TLS than that to the client's endpoint, streams have a window
  /// of their own, as large as the client's and shared by all such.
  [[nodiscard]] page_stream get_presigned(std::string_view url, const presigned_options& what = {}) {
    check_range(what.range);
    aws::presigned_url parsed = pager::detail::checked(aws::parse_presigned_url(url));
    pager::run_settings how = defaults();
    how.run_limit = run_limit(what.run_deadline);
    how.verify = what.verify.value_or(verify_);
    how.common = make_ref<s3::common_headers>();
    how.common->add_own(what.headers);
    for (const secret& each : parsed.secrets) how.common->hide(each.view());
    how.request.range = what.range;
    how.one_request = what.range.has_value();
    if (how.one_request) set_lanes(how, 1);
    ref<s3::bucket_target> target = service_->target_of(parsed);
    how.target = std::move(parsed.target);
    pager::key_list keys;
    keys.add(parsed.key);
    const ref<ring::buffer_pool> pool = window_for(target->host()->layers());
    return page_stream(std::make_unique<pager::run>(service_, std::move(target), pool, pager::given_objects(std::move(keys)),
                                                    make_ref<s3::request_tally>(), std::move(how), what.stop));
  }

  /// A URL by which whoever has it gets the object, until it expires, or until the credentials do that it was signed with: a secret as
  /// much as these, which is in no error and no log of the library's. Nothing is sent; the task waits for credentials and region, where they
  /// are not there yet. It throws invalid_argument if the client has no credentials, and what their provider throws. Of the client's own
  /// headers none has to be sent with it. Amazon S3 takes no URL of SSE-C objects without their headers: those can't be had by it.
  [[nodiscard]] task<std::string> presign_get(const presign_options& what) {
    if (service_->anonymous()) throw error(errc::invalid_argument, "presign_get: the client has no credentials to sign with");
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(what.expires_in);
    if (seconds != what.expires_in || seconds < std::chrono::seconds(1) || seconds > aws::most_presigned)
      throw error(errc::invalid_argument, "expires_in is " + to_text(what.expires_in) + ", whole seconds from 1 to 604800 (7 days) are needed");
    s3::presign_request asked{.key = std::string(checked_key(what.key)),
                              .query = s3::object_query(what.version_id, what.response),
                              .expires_in = seconds,
                              .headers = with_own({}, what.headers)};
    // In lower case, as of others S3 takes no notice: https://github.com/aws/aws-sdk-go-v2/issues/2508
    const auto add = [&asked](std::string_view parameter) { asked.query.append(asked.query.empty() ? "" : "&").append(parameter); };
    if (!what.expected_bucket_owner.empty())
      add("x-amz-expected-bucket-owner=" + std::string(s3::checked_bucket_owner(what.expected_bucket_owner)));
    if (what.requester_pays) add("x-amz-request-payer=requester");
    return s3::presign_get(service_, service_->bucket(what.bucket, what.region), std::move(asked));
  }

  /// Bytes of slots under grants or in pages. What a stream that ended was receiving counts until the kernel has let go of it, some
  /// turns of the reactor later.
  [[nodiscard]] std::size_t window_used() const noexcept {
    std::size_t slots = pool_->granted() + pool_->held();
    for (const ref<ring::buffer_pool>& each : further_)
      if (each) slots += each->granted() + each->held();
    return slots * pool_->slot_bytes();
  }
  /// Connections now, and what became of them so far, to all hosts.
  [[nodiscard]] connection_statistics connections() const noexcept { return service_->connections(); }
  [[nodiscard]] const ref<ring::buffer_pool>& window() const noexcept { return pool_; }
  [[nodiscard]] s3::service& service() const noexcept { return *service_; }

 private:
  /// What is received over TLS is read at once, to be decrypted: out of the cache of a core, if no more than that comes in a turn.
  static constexpr std::size_t hot_bytes = std::size_t{512} << 10;
  static constexpr std::uint32_t first_lanes = 64;  ///< of a governor

  [[nodiscard]] static std::uint32_t checked_concurrency(std::uint32_t value) {
    if (value > 4096)
      throw error(errc::invalid_argument, "concurrency is " + std::to_string(value) + ", 1 to 4096 is needed, or 0: as many as are of use");
    return value;
  }
  [[nodiscard]] static std::uint32_t checked_connections(std::uint32_t value) {
    if (value < 1 || value > 65'535)
      throw error(errc::invalid_argument, "max_connections is " + std::to_string(value) + ", 1 to 65535 is needed");
    return value;
  }
  [[nodiscard]] static duration checked_wait(duration value) {
    if (value <= duration::zero()) throw error(errc::invalid_argument, "window_wait is not positive");
    return value;
  }
  /// Of one call: zero stands for the client's.
  [[nodiscard]] duration run_limit(duration given) const {
    if (given < duration::zero()) throw error(errc::invalid_argument, "run_deadline is negative");
    return given == duration::zero() ? service_->settings().deadlines.run : given;
  }
  static void check_max_keys(std::uint32_t value) {
    if (value > 1000)
      throw error(errc::invalid_argument, "max_keys is " + std::to_string(value) + ", 1 to 1000 is needed (0: default)");
  }
  static void check_start_after(std::string_view bucket, std::string_view key) {
    if (!key.empty() && aws::is_directory_bucket(bucket))
      throw error(errc::invalid_argument, "start_after is given, and the list of a directory bucket has no order");
  }
  static void check_range(const std::optional<byte_range>& range) {
    if (range && range->last < range->first) throw error(errc::invalid_argument, "range: last is before first");
  }
  /// Slots with room for so many layers of TLS.
  [[nodiscard]] ref<ring::buffer_pool> window_for(std::size_t layers) {
    const std::size_t lead = layers * tls::record_lead;
    if (lead <= pool_->lead_bytes()) return pool_;
    ref<ring::buffer_pool>& made = further_[layers - 1];
    if (!made)
      made = service_->loop().make_buffer_pool({.window_bytes = pool_->capacity() * pool_->slot_bytes(),
                                                .slot_bytes = pool_->slot_bytes(),
                                                .lead_bytes = lead,
                                                .hot_bytes = hot_bytes});
    return made;
  }
  /// An empty key would ask for the bucket itself, and its list come as the object's bytes.
  [[nodiscard]] static std::string_view checked_key(std::string_view key) {
    if (key.empty()) throw error(errc::invalid_argument, "a key is empty");
    return key;
  }
  template <key_range Keys>
  [[nodiscard]] static pager::key_list copied(Keys&& keys) {
    pager::key_list made;
    for (auto&& each : keys) made.add(checked_key(std::string_view(each)));
    return made;
  }

  /// Those of `before`, if there are any, and a caller's own; null: there are none.
  [[nodiscard]] static ref<s3::common_headers> with_own(const ref<s3::common_headers>& before, std::span<const request_header> own) {
    if (own.empty()) return before;
    auto made = before ? make_ref<s3::common_headers>(*before) : make_ref<s3::common_headers>();
    made->add_own(own);
    return made;
  }
  /// What every request of one call has.
  [[nodiscard]] ref<s3::common_headers> common(std::string_view expected_owner, std::span<const request_header> own) const {
    ref<s3::common_headers> made = with_own(common_, own);
    if (expected_owner.empty()) return made;
    made = made ? make_ref<s3::common_headers>(*made) : make_ref<s3::common_headers>();
    made->add("x-amz-expected-bucket-owner", s3::checked_bucket_owner(expected_owner));
    return made;
  }

  /// What every GET of the call has, besides.
  [[nodiscard]] ref<s3::common_headers> with_key(const ref<s3::common_headers>& before, const customer_key& key) const {
    if (key.empty()) return before;
    if (!aws::uses_tls(service_->settings().endpoint_url))
      throw error(errc::invalid_argument, "customer_key is given, and the endpoint is not https: the key would go over the network as it is");
    auto made = before ? make_ref<s3::common_headers>(*before) : make_ref<s3::common_headers>();
    made->add_customer_key(key);
    return made;
  }

  [[nodiscard]] pager::run_settings defaults() const {
    pager::run_settings made;
    set_lanes(made, concurrency_);
    made.window_wait = window_wait_;
    made.verify = verify_;
    return made;
  }

  /// `concurrency`: 0 for a governor, who is to leave each lane a slot beside the one that it receives into.
  void set_lanes(pager::run_settings& of, std::uint32_t concurrency) const noexcept {
    const std::uint32_t most = std::min(most_lanes_, std::max(pool_->capacity() / 2, 1U));
    of.lanes = concurrency != 0 ? std::min(concurrency, most_lanes_) : std::min(first_lanes, most);
    of.most_lanes = concurrency != 0 ? 0 : most;
  }

  /// Of a list to begin with: as many as are planned at once, so that the rest is asked for as soon as the first object has come. A page of
  /// 1,000 comes later, and takes longer to read.
  [[nodiscard]] std::uint32_t first_keys(std::uint32_t concurrency) const noexcept {
    pager::run_settings lanes;
    set_lanes(lanes, concurrency != 0 ? concurrency : concurrency_);
    return std::clamp<std::uint32_t>(2 * lanes.lanes, 16, 1000);
  }
  [[nodiscard]] page_stream page(const page_options& what, page_order order) {
    check_max_keys(what.max_keys);
    check_start_after(what.bucket, what.start_after);
    if (what.shard.index >= what.shard.count)
      throw error(errc::invalid_argument, "shard.index is " + std::to_string(what.shard.index) + ", less than shard.count (" +
                                              std::to_string(what.shard.count) + ") is needed");
    pager::object_filter which(what.filter);
    auto tally = make_ref<s3::request_tally>();
    auto left_out = make_ref<pager::source_tally>();
    ref<s3::common_headers> headers = common(what.expected_bucket_owner, what.headers);
    auto objects = pager::listed_objects(s3::list_objects(service_, service_->bucket(what.bucket, what.region), tally,
                                                          {.prefix = std::string(what.prefix),
                                                           .start_after = std::string(what.start_after),
                                                           .max_keys = what.max_keys,
                                                           .first_max_keys = what.max_keys != 0 ? 0 : first_keys(what.concurrency),
                                                           .restore_status = what.on_archived != on_archived::attempt,
                                                           .requester_pays = what.requester_pays,
                                                          .common = headers}),
                                         what.shard, std::move(which), left_out);
    const keys_options how{.region = what.region,
                           .requester_pays = what.requester_pays,
                           .concurrency = what.concurrency,
                           .on_error = what.on_error,
                           .on_archived = what.on_archived,
                           .match_etag = what.match_etag,
                           .verify = what.verify,
                           .run_deadline = what.run_deadline,
                           .stop = what.stop};
    return page(what.bucket, std::move(objects), how, order, with_key(headers, what.customer_key), std::move(tally), std::move(left_out));
  }
  [[nodiscard]] page_stream page(std::string_view bucket, async_generator<object> objects, const keys_options& how, page_order order) {
    return page(bucket, std::move(objects), how, order, with_key(common(how.expected_bucket_owner, how.headers), how.customer_key),
                make_ref<s3::request_tally>(), {});
  }
  [[nodiscard]] page_stream page(std::string_view bucket, async_generator<object> objects, const keys_options& how, page_order order,
                                 ref<s3::common_headers> headers, ref<s3::request_tally> tally, ref<pager::source_tally> left_out) {
    pager::run_settings made = defaults();
    made.order = order;
    made.failures = how.on_error;
    made.archived = how.on_archived;
    made.left_out = std::move(left_out);
    made.match_etag = how.match_etag;
    made.verify = how.verify.value_or(verify_);
    made.run_limit = run_limit(how.run_deadline);
    made.request.requester_pays = how.requester_pays;
    made.common = std::move(headers);
    if (how.concurrency != 0) set_lanes(made, checked_concurrency(how.concurrency));
    return start(service_->bucket(bucket, how.region), std::move(objects), std::move(tally), std::move(made), how.stop);
  }
  [[nodiscard]] page_stream start(ref<s3::bucket_target> bucket, async_generator<object> objects, ref<s3::request_tally> tally,
                                  pager::run_settings how, coro::stop_token stop) {
    return page_stream(std::make_unique<pager::run>(service_, std::move(bucket), pool_, std::move(objects),
                                                    std::move(tally), std::move(how), stop));
  }

  std::uint32_t concurrency_;
  std::uint32_t most_lanes_;
  duration window_wait_;
  verify verify_;
  ref<s3::common_headers> common_;  // of all calls; null: none
  ref<s3::service> service_;
  ref<ring::buffer_pool> pool_;
  std::array<ref<ring::buffer_pool>, net::stream::most_layers> further_;  // with room for one layer of TLS, and for two; null: not needed yet
};

}  // namespace s3pager
