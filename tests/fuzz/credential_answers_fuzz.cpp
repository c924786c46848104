// Any bytes as credentials in JSON (metadata services, credential_process, the SSO portal) and as SSO's cached token: what can go into
// headers, or a message without a byte of the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/aws/credential_answers.hpp"
#include "s3pager/aws/sso_token.hpp"
#include "s3pager/base/visible_text.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const checked_setting<aws::credentials>& made) {
  must(made.ok() == made.message().empty());
  if (!made) return;
  const aws::credentials& keys = made.value();
  must(!keys.anonymous() && !keys.secret_access_key.empty());
  must(all_visible(keys.access_key_id) && all_visible(keys.secret_access_key.view()) && all_visible(keys.session_token.view()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), copy.size());
  check(aws::parse_metadata_credentials(text, "W"));
  check(aws::parse_process_credentials(text));
  check(aws::parse_sso_role_credentials(text));
  must(aws::service_error_words(text).size() <= 200);
  if (const auto token = aws::parse_sso_token(text, "W")) {
    must(!token.value().access_token.empty() && all_visible(token.value().access_token.view()));
    // What is written back is read as it was.
    const auto written = aws::renewed_sso_cache(text, token.value());
    must(written.has_value());
    const auto again = aws::parse_sso_token(written->view(), "W");
    must(again.ok() && again.value().access_token.view() == token.value().access_token.view());
    must(again.value().client_id == token.value().client_id);
    must(aws::sso_renewal_request(token.value()).has_value());
  }
  if (const auto token = aws::parse_sso_new_token(text)) must(token.value().expires_in.count() > 0);
  return 0;
}
