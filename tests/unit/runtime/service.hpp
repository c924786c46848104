// An origin on a thread of its own, with a bucket of known objects, for clients that have their own reactors. Its keys and
// sizes are those of a synthetic bucket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/origin_thread.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"

namespace s3pager::test {

/// Bucket `s`. Whoever has no key may read it, unless `secured`.
class service {
 public:
  explicit service(testing::synthetic_options objects, bool secured = false)
      : objects_(std::make_shared<testing::synthetic_bucket>(std::move(objects))),
        origin_({.access_key_id = access_key_id, .secret_access_key = secret_access_key, .anonymous = !secured},
                [this](testing::origin& of) { of.add_bucket("s", objects_); }),
        endpoint_(origin_.endpoint()) {}

  static constexpr const char* access_key_id = "AKIDEXAMPLE";
  static constexpr const char* secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

  [[nodiscard]] const testing::synthetic_bucket& objects() const noexcept { return *objects_; }
  [[nodiscard]] const testing::origin_counters& counters() const noexcept { return origin_.counters(); }

  /// Of a client that needs nothing of the environment. They refer to this.
  [[nodiscard]] client_options options() const noexcept {
    return {.anonymous = true,
            .region = "us-east-1",
            .endpoint_url = endpoint_,
            .window_bytes = 4 << 20,
            .concurrency = 4};
  }

 private:
  std::shared_ptr<testing::synthetic_bucket> objects_;
  testing::origin_thread origin_;
  std::string endpoint_;
};

}  // namespace s3pager::test
