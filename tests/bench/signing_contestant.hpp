// s3pager's signer by itself, on a GET as the pager makes it: each of another key, for a listed object.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <s3pager/aws/signer.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "job.hpp"
#include "measure.hpp"
#include "statistics.hpp"

namespace bench {

/// So many signatures, in batches; the time is the median batch's for each.
[[nodiscard]] inline usage sign_many(std::size_t batches, std::size_t a_batch) {
  s3pager::aws::signer signer({.access_key_id = access_key_id, .secret_access_key = s3pager::secret(secret_access_key)}, region);
  std::vector<std::string> paths;
  for (unsigned i = 0; i < 64; ++i) paths.push_back("/logs/2026/11/25/part-" + std::to_string(1'000'000 + i) + ".parquet");
  s3pager::aws::signature into;
  std::size_t characters = 0;
  std::vector<double> cpu;
  std::vector<double> wall;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const s3pager::wall_time now = s3pager::wall_time::clock::now();
    meter used;
    used.begin();
    for (std::size_t i = 0; i < a_batch; ++i) {
      const std::array<s3pager::aws::signed_header, 5> headers{{{"host", "logs.s3.us-east-1.amazonaws.com"},
                                                                {"if-match", "\"9b2cf535f27731c974343645a3985328\""},
                                                                {"x-amz-checksum-mode", "ENABLED"},
                                                                {"x-amz-content-sha256", s3pager::aws::empty_payload_hash},
                                                                {"x-amz-date", signer.amz_date(now)}}};
      if (signer.sign({.method = "GET",
                       .path = paths[i % paths.size()],
                       .headers = headers,
                       .payload_hash = s3pager::aws::empty_payload_hash},
                      now, into))
        throw std::runtime_error("signing failed");
      characters += into.authorization().size();
    }
    used.end();
    const usage one = used.total({});
    cpu.push_back(one.cpu_seconds);
    wall.push_back(one.wall_seconds);
  }
  if (characters < batches * a_batch) throw std::runtime_error("nothing was signed");
  usage made;
  made.count = batches * a_batch;
  made.cpu_seconds = median(cpu) * static_cast<double>(batches);
  made.wall_seconds = median(wall) * static_cast<double>(batches);
  made.peak_kibibytes = peak_kibibytes();
  return made;
}

}  // namespace bench
