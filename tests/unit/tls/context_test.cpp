#include "s3pager/tls/context.hpp"

#include <filesystem>
#include <string>
#include <type_traits>

#include "s3pager/tls/engine.hpp"
#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

static_assert(std::is_trivially_destructible_v<tls::context_options>);

std::string refusal(const tls::context_options& options) {
  try {
    (void)tls::context::make(options);
  } catch (const error& refused) {
    CHECK(refused.code() == errc::invalid_argument);
    CHECK(::ERR_peek_error() == 0);
    return refused.details().message;
  }
  return "taken";
}

bool connects(const ref<tls::context>& context, const tls_world& world) {
  tls::engine client(context, "bucket.example");
  tls_server server(world.server_context);
  return shake_hands(client, server).kind == tls::step_kind::done;
}

}  // namespace

TEST_CASE("the system's authorities are trusted by default, and OpenSSL's queue is left clean") {
  const ref<tls::context> made = tls::context::make();
  CHECK(made->verifies());
  CHECK(::ERR_peek_error() == 0);
  CHECK(::SSL_CTX_get_verify_mode(made->native()) == SSL_VERIFY_PEER);
  CHECK(SSL_CTX_get_min_proto_version(made->native()) == TLS1_2_VERSION);
}

TEST_CASE("a file of authorities is trusted besides the system's or instead") {
  const tls_world world;
  CHECK_FALSE(connects(tls::context::make(), world));
  CHECK(connects(tls::context::make({.ca_file = world.ca_file}), world));
  CHECK(connects(tls::context::make({.system_trust = false, .ca_file = world.ca_file}), world));
}

TEST_CASE("a file may hold many authorities") {
  const tls_world world;
  const tls_world other;
  const std::string both = world.directory.file("both.pem", other.authority.pem() + world.authority.pem());
  const auto context = tls::context::make({.system_trust = false, .ca_file = both});
  CHECK(connects(context, world));
  CHECK(connects(context, other));
}

TEST_CASE("a directory of authorities, named by hash, is trusted") {
  const tls_world world;
  char name[32];
  std::snprintf(name, sizeof name, "%08lx.0",
                ::X509_NAME_hash_ex(::X509_get_subject_name(world.authority.certificate()), nullptr, nullptr, nullptr));
  const std::string directory = world.directory.path() + "/hashed";
  std::filesystem::create_directory(directory);
  CHECK_FALSE(connects(tls::context::make({.system_trust = false, .ca_directory = directory}), world));
  std::filesystem::copy_file(world.ca_file, directory + "/" + name);
  CHECK(connects(tls::context::make({.system_trust = false, .ca_directory = directory}), world));
}

TEST_CASE("a file that can't be read, or holds no certificate, is named with the reason", "[long]") {
  const scratch_directory directory;
  const std::string missing = directory.path() + "/missing.pem";
  const std::string garbage = directory.file("garbage.pem", "not a certificate\n");
  CHECK(refusal({.ca_file = missing}) == "no certificate authorities can be read from " + missing + ": No such file or directory");
  CHECK(refusal({.ca_file = garbage}) == "no certificate authorities can be read from " + garbage + ": no certificate or crl found");
  CHECK(refusal({.ca_directory = missing}) == "no certificate authorities can be read from " + missing + ": No such file or directory");
  CHECK(refusal({.ca_directory = garbage}) == "no certificate authorities can be read from " + garbage + ": not a directory");
  CHECK(refusal({.client_certificate_file = missing}) ==
        "the client's certificate can't be read from " + missing + ": No such file or directory");
  CHECK(refusal({.client_certificate_file = garbage}) == "the client's certificate can't be read from " + garbage + ": no start line");
}

TEST_CASE("to trust nobody is refused, unless nobody is verified") {
  CHECK(refusal({.system_trust = false}) ==
        "TLS would trust nobody: neither the system's authorities nor a file or directory of others");
  CHECK(refusal({.system_trust = false, .insecure_skip_verification = true}) == "taken");
}

TEST_CASE("a client's certificate needs its own key, in the clear", "[long]") {
  const scratch_directory directory;
  const certified own({.common_name = "client"});
  const certified other({.common_name = "other"});
  const std::string certificate = directory.file("own.pem", own.pem());
  const std::string key = directory.file("own.key", own.key_pem());
  const std::string wrong = directory.file("other.key", other.key_pem());
  const std::string locked = directory.file("locked.key", own.key_pem("secret"));
  CHECK(refusal({.client_certificate_file = certificate, .client_key_file = key}) == "taken");
  CHECK(refusal({.client_key_file = key}) == "the client's key " + key + " is given without a certificate");
  CHECK(refusal({.client_certificate_file = certificate}).starts_with("the client's key can't be read from " + certificate + ": "));
  CHECK(refusal({.client_certificate_file = certificate, .client_key_file = wrong}) ==
        "the client's key can't be read from " + wrong + ": key values mismatch");
  // Nobody is asked at a terminal.
  CHECK(refusal({.client_certificate_file = certificate, .client_key_file = locked})
            .starts_with("the client's key can't be read from " + locked + ": "));
}

TEST_CASE("a context lives as long as an engine of it") {
  const tls_world world;
  ref<tls::context> context = world.client_context();
  tls::engine client(context, "bucket.example");
  context = nullptr;
  tls_server server(world.server_context);
  CHECK(shake_hands(client, server).kind == tls::step_kind::done);
}
