#include "s3pager/tls/error.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using namespace s3pager;
using tls::tls_error;

TEST_CASE("every TLS error has a message of its own and means one condition") {
  std::set<std::string> messages;
  for (int value = 1; value <= static_cast<int>(tls_error::internal); ++value) {
    const std::error_code code = make_error_code(static_cast<tls_error>(value));
    CHECK(std::string(code.category().name()) == "s3pager.tls");
    CHECK(code.message() != "unknown TLS error");
    CHECK(messages.insert(code.message()).second);
    int conditions = 0;
    for (int other = 1; other <= static_cast<int>(errc::unavailable); ++other) conditions += code == static_cast<errc>(other);
    CHECK(conditions == 1);
  }
  CHECK(make_error_code(static_cast<tls_error>(0)).message() == "unknown TLS error");
}

TEST_CASE("what no other attempt would heal is an untrusted peer, the rest is what it would be without TLS") {
  CHECK(make_error_code(tls_error::certificate_expired) == errc::untrusted_peer);
  CHECK(make_error_code(tls_error::untrusted_certificate) == errc::untrusted_peer);
  CHECK(make_error_code(tls_error::old_version) == errc::untrusted_peer);
  CHECK(make_error_code(tls_error::plain_http) == errc::untrusted_peer);
  CHECK(make_error_code(tls_error::client_certificate_refused) == errc::access_denied);
  CHECK(make_error_code(tls_error::truncated) == errc::connection_lost);
  CHECK(make_error_code(tls_error::closed_in_handshake) == errc::connection_lost);
  CHECK(make_error_code(tls_error::bad_record) == errc::protocol_violation);
  CHECK(make_error_code(tls_error::not_tls) == errc::protocol_violation);
  CHECK(make_error_code(tls_error::out_of_memory) == errc::unavailable);
}
