// What a client and its calls can be told. Aggregates with nothing to destroy, as people write them into expressions that await.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "s3pager/aws/customer_key.hpp"
#include "s3pager/aws/endpoint.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/net/connection_pool.hpp"
#include "s3pager/pager/archived.hpp"
#include "s3pager/pager/filter.hpp"
#include "s3pager/pager/shard.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/ring/resolver.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/deadlines.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/hedge.hpp"
#include "s3pager/s3/object_query.hpp"
#include "s3pager/s3/observer.hpp"
#include "s3pager/s3/retry.hpp"
#include "s3pager/s3/verification.hpp"

namespace s3pager {

using aws::addressing;
using s3::byte_range;
using connection_statistics = net::pool_statistics;
using ring::name_source;
using s3::deadlines;

/// Text is viewed here and copied by the call that takes the options: until then it must live, so that a temporary string
/// (`options.endpoint_url = server.endpoint()`) is not to be assigned. What is left out is found as AWS's tools find it, in the environment
/// and in the profile of ~/.aws/config and ~/.aws/credentials when the client is made (identity/configuration.hpp); credentials in their
/// chain (identity/default_chain.hpp) when the first request needs them; and http_proxy, https_proxy, all_proxy and no_proxy (net/proxy.hpp).
struct client_options {
  std::string_view profile = {};            ///< default: that of AWS_PROFILE, else `default`; given, it counts before the environment's credentials
  std::string_view access_key_id = {};      ///< with the secret; if both are empty, they are looked for
  std::string_view secret_access_key = {};
  std::string_view session_token = {};
  s3pager::credentials_provider* credentials = nullptr;  ///< one's own source of them, on this thread; must outlive the client and its streams
  bool anonymous = false;                   ///< requests go unsigned; else no credentials are errc::access_denied
  /// Default: that of AWS_REGION, AWS_DEFAULT_REGION, the profile; with Amazon S3's endpoints that of the instance; else us-east-1. Where a
  /// bucket is in another one, the service says so and is followed.
  std::string_view region = {};
  /// `http[s]://host[:port][/path]`; default: that of AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the profile, else Amazon S3's.
  std::string_view endpoint_url = {};
  std::string_view connect_host = {};       ///< a name or address to connect to instead of the endpoint's host, which TLS verifies all the same
  std::uint16_t connect_port = 0;           ///< 0: the endpoint's
  s3pager::addressing addressing = s3pager::addressing::automatic;  ///< so or as the profile's addressing_style says
  /// What addresses of Amazon S3 there may be (aws/endpoint_options.hpp); default: as the environment or the profile says, else off, but
  /// for use_arn_region, which is on.
  std::optional<bool> dual_stack = {};      ///< AWS_USE_DUALSTACK_ENDPOINT
  std::optional<bool> fips = {};            ///< AWS_USE_FIPS_ENDPOINT
  std::optional<bool> accelerate = {};      ///< the profile's use_accelerate_endpoint
  std::optional<bool> use_arn_region = {};  ///< AWS_S3_USE_ARN_REGION
  std::optional<bool> disable_multi_region_access_points = {};  ///< AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS
  std::optional<bool> disable_s3_express_session_auth = {};     ///< AWS_S3_DISABLE_EXPRESS_SESSION_AUTH
  std::optional<bool> use_global_endpoint = {};  ///< AWS_S3_US_EAST_1_REGIONAL_ENDPOINT: legacy
  std::string_view proxy_url = {};          ///< `[http[s]://][user:password@]host[:port]`; default: the environment's, as curl has it
  bool direct = false;                      ///< no proxy, whatever the environment has; nor is one used with connect_host or _port
  /// Certificates (PEM) of the authorities that TLS trusts instead of the system's, for proxies too; default: those of AWS_CA_BUNDLE, or
  /// the profile's ca_bundle: a file or a directory. They are read when a bucket is first asked for something.
  std::string_view ca_file = {};
  std::string_view ca_directory = {};             ///< the same in files that are named by hash (openssl-rehash(1))
  std::string_view client_certificate_file = {};  ///< PEM: for servers, not proxies, that ask for one
  std::string_view client_key_file = {};          ///< PEM, not encrypted; default: in the certificate's file
  bool insecure_skip_verification = false;        ///< of servers' certificates: whoever stands between reads and changes everything
  std::string_view user_agent_suffix = {};  ///< behind `s3pager/VERSION `: visible ASCII, with spaces within, at most 256 characters
  std::span<const request_header> headers = {};  ///< of one's own, which go with every request and are signed
  std::size_t window_bytes = 64 << 20;      ///< the bound on received bytes in memory; at least 4 slots, at most 65,536
  std::size_t slot_bytes = 64 << 10;        ///< a power of two, 4 KiB to 1 MiB, with https 32 KiB or more; memory is counted in these
  /// Lanes: GETs at a time of one stream, fewer if max_connections are; 1 to 4,096. 0: as many as are of use, which is found out as
  /// the stream goes (pager/governor.hpp), from 64 on, and up to one for two slots; summary().lanes tells.
  std::uint32_t concurrency = 0;
  std::uint32_t max_connections = 1024;     ///< open to a host at a time; a stream leaves one of them for its list; 1 to 65,535
  /// What the kernel may hold of each connection's answer that has not been received yet: its own memory, beside the window, and taken only
  /// as far as the server is ahead. With little of it, sender and receiver wait for each other. 0: as the kernel has it, which
  /// begins with 128 KiB and grows with what is received; at most 1 GiB, and half of the greatest of net.ipv4.tcp_rmem.
  std::size_t receive_window_bytes = 4 << 20;
  duration keep_alive = std::chrono::seconds(15);  ///< how long a connection is kept without a request: S3 closes them after some 20 s
  s3pager::deadlines deadlines = {};
  /// What is done with the checksums that the service keeps: unless it is off, every GET asks for them (x-amz-checksum-mode: ENABLED).
  s3pager::verify verify = s3pager::verify::as_it_arrives;
  retry_policy retry = {};                  ///< of each request; {.max_attempts = 1}: never again
  std::optional<std::uint64_t> jitter_seed = {};  ///< of the delays between attempts; default: random
  hedge_policy hedge = {};                  ///< {.enabled = false}: nothing is asked for twice
  duration window_wait = std::chrono::seconds(30);  ///< how long next() waits for room that the caller's pages take
  s3pager::name_source* names = nullptr;    ///< where addresses come from; null: the system's; must outlive the reactor
  s3pager::observer* observer = nullptr;    ///< must outlive the client and its streams
};

/// What to page through.
struct page_options {
  std::string_view bucket = {};
  std::string_view region = {};       ///< that the bucket is in; default: the client's, or where the service has said that it is
  std::string_view prefix = {};
  std::string_view start_after = {};  ///< only keys after this one
  std::uint32_t max_keys = 0;         ///< a list page; 1 to 1,000; 0: the service's default, but of the first page two for each lane, 16 to
                                      ///< 1,000: a short one comes sooner, and reading with it
  bool requester_pays = false;
  std::string_view expected_bucket_owner = {};  ///< the 12 digits of an account: errc::access_denied if the bucket is not its own
  std::span<const request_header> headers = {};  ///< of one's own, which go with the list's requests and the objects' and are signed
  s3pager::customer_key customer_key = {};  ///< that all of the objects were stored under; goes with each GET
  std::uint32_t concurrency = 0;      ///< 0: the client's
  s3pager::on_error on_error = s3pager::on_error::stop;
  s3pager::on_archived on_archived = s3pager::on_archived::report;
  s3pager::shard shard = {};          ///< only the keys of this part; the list is read whole
  s3pager::filter filter = {};        ///< only the objects that pass; of the keys of the shard
  bool match_etag = true;             ///< If-Match with the listed ETag: an object that changed since is errc::changed; else ETag and
                                      ///< size are those of the answer
  std::optional<s3pager::verify> verify = {};  ///< default: the client's
  duration run_deadline = {};         ///< 0: the client's deadlines.run
  coro::stop_token stop = {};         ///< ends the stream with errc::cancelled
};

/// How to page through keys that are given.
struct keys_options {
  std::string_view region = {};   ///< that the bucket is in; default: the client's, or where the service has said that it is
  bool requester_pays = false;
  std::string_view expected_bucket_owner = {};  ///< the 12 digits of an account: errc::access_denied if the bucket is not its own
  std::span<const request_header> headers = {};  ///< of one's own, which go with each of its requests and are signed
  s3pager::customer_key customer_key = {};  ///< that all of the objects were stored under
  std::uint32_t concurrency = 0;
  s3pager::on_error on_error = s3pager::on_error::stop;
  s3pager::on_archived on_archived = s3pager::on_archived::report;  ///< of objects that a list gave; of a key nothing is known
  bool match_etag = true;  ///< the slices of one object must be of one version
  std::optional<s3pager::verify> verify = {};  ///< default: the client's
  duration run_deadline = {};
  coro::stop_token stop = {};
};

/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
struct list_options {
  std::string_view bucket = {};
  std::string_view region = {};       ///< that the bucket is in; default: the client's, or where the service has said that it is
  std::string_view prefix = {};
  std::string_view delimiter = {};    ///< what it rolls up comes as common_prefixes() of list_pages()
  std::string_view start_after = {};
  std::uint32_t max_keys = 0;         ///< a page; 1 to 1,000; 0: the service's default
  bool fetch_owner = false;
  bool restore_status = true;         ///< ask for the restore status of archived objects, which object::needs_restore() looks at
  bool requester_pays = false;
  std::string_view expected_bucket_owner = {};  ///< the 12 digits of an account: errc::access_denied if the bucket is not its own
  std::span<const request_header> headers = {};  ///< of one's own, which go with each of its requests and are signed
  s3pager::filter filter = {};        ///< only the objects that pass; list_pages() gives all
  duration run_deadline = {};         ///< 0: the client's deadlines.run
  coro::stop_token stop = {};         ///< ends the list with errc::cancelled
};

/// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
struct get_options {
  std::string_view bucket = {};
  std::string_view region = {};       ///< that the bucket is in; default: the client's, or where the service has said that it is
  std::string_view key = {};
  std::optional<byte_range> range = {};       ///< both ends included
  std::string_view if_match = {};             ///< else errc::precondition_failed
  std::string_view if_none_match = {};        ///< else errc::not_modified
  std::optional<wall_time> if_modified_since = {};
  std::optional<wall_time> if_unmodified_since = {};
  std::string_view version_id = {};
  std::optional<std::uint32_t> part_number = {};  ///< 1 to 10,000
  bool requester_pays = false;
  std::string_view expected_bucket_owner = {};  ///< the 12 digits of an account: errc::access_denied if the bucket is not its own
  std::span<const request_header> headers = {};  ///< of one's own, which go with each of its requests and are signed
  s3pager::customer_key customer_key = {};  ///< that the object was stored under
  response_overrides response = {};       ///< headers that the answer is to have; of a client with credentials only
  std::optional<s3pager::verify> verify = {};  ///< default: the client's
  duration run_deadline = {};
  coro::stop_token stop = {};
};

/// What a URL is to be good for.
struct presign_options {
  std::string_view bucket = {};
  std::string_view region = {};       ///< that the bucket is in; default: the client's, or where the service has said that it is
  std::string_view key = {};
  duration expires_in = std::chrono::hours(1);  ///< whole seconds, 1 s to 7 days; temporary credentials may expire before that
  std::string_view version_id = {};
  response_overrides response = {};             ///< headers that the answer is to have: a file's name for a browser, its type
  bool requester_pays = false;
  std::string_view expected_bucket_owner = {};  ///< the 12 digits of an account: whoever fetches it is denied if the bucket is not its own
  std::span<const request_header> headers = {};  ///< that whoever fetches it has to send, as they are here
};

/// How to get an object by a URL that somebody has signed.
struct presigned_options {
  std::optional<byte_range> range = {};       ///< both ends included
  std::span<const request_header> headers = {};  ///< that the URL was signed with; the client's own are not sent
  std::optional<s3pager::verify> verify = {};  ///< default: the client's; checksums come only if the URL itself asks for them
  duration run_deadline = {};
  coro::stop_token stop = {};
};

}  // namespace s3pager
