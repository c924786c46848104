// Not run by itself: `unit_tls '[speed]'`. What decrypting costs through the engine, beside OpenSSL through a memory BIO and the cipher
// alone.
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "s3pager/tls/engine.hpp"
#include "s3pager/tls/in_place.hpp"
#include "support/catch.hpp"
#include "support/tls_server.hpp"

using namespace s3pager;
using namespace s3pager::test;
using tls::step_kind;

namespace {

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

constexpr std::size_t stream_bytes = 64 << 20;
constexpr std::size_t slot_bytes = 64 * 1024;

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

/// Per GB of plaintext: where it was received, as net/stream does it. The copy stands for the kernel's, and does not count.
double in_place(const tls_world& world, const ref<tls::context>& context, const std::string& body, std::size_t received) {
  tls::engine client(context, "bucket.example");
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string bytes = server.write_and_take(body);
  std::vector<std::byte> memory(tls::record_lead + received);
  std::size_t total = 0;
  double spent = 0;
  for (std::size_t at = 0; at < bytes.size(); at += received) {
    const std::size_t size = std::min(received, bytes.size() - at);
    std::memcpy(memory.data() + tls::record_lead, bytes.data() + at, size);
    const double begun = cpu_seconds();
    const tls::step step = tls::read_in_place(client, std::span(memory).first(tls::record_lead + size));
    spent += cpu_seconds() - begun;
    REQUIRE(step.kind == step_kind::need_input);
    total += step.produced;
  }
  REQUIRE(total == body.size());
  return spent / static_cast<double>(total) * 1e9;
}

/// AES-128-GCM over 16 KiB, as `openssl speed -evp aes-128-gcm -bytes 16384` has it: no nonce, no tag.
double cipher_alone() {
  const tls::detail::owned<EVP_CIPHER_CTX> with(::EVP_CIPHER_CTX_new());
  std::vector<unsigned char> text(16384);
  const unsigned char key[16] = {1};
  const unsigned char nonce[12] = {2};
  REQUIRE(::EVP_DecryptInit_ex(with.get(), ::EVP_aes_128_gcm(), nullptr, key, nonce) == 1);
  int made = 0;
  const double begun = cpu_seconds();
  for (std::size_t done = 0; done < stream_bytes; done += text.size())
    ::EVP_DecryptUpdate(with.get(), text.data(), &made, text.data(), static_cast<int>(text.size()));
  return (cpu_seconds() - begun) / static_cast<double>(stream_bytes) * 1e9;
}

/// The same in a room elsewhere.
double through_engine(const tls_world& world, const ref<tls::context>& context, const std::string& body, std::size_t received) {
  tls::engine client(context, "bucket.example");
  tls_server server(world.server_context);
  REQUIRE(shake_hands(client, server).kind == step_kind::done);
  const std::string bytes = server.write_and_take(body);
  std::vector<std::byte> slots(64 * slot_bytes);
  std::size_t total = 0;
  std::size_t slot = 0;
  const double begun = cpu_seconds();
  for (std::size_t at = 0; at < bytes.size(); at += received) {
    std::span<const std::byte> rest = as_byte_span(bytes).subspan(at, std::min(received, bytes.size() - at));
    tls::step step{};
    do {
      step = client.read(rest, std::span(slots).subspan(slot++ % 64 * slot_bytes, slot_bytes));
      rest = rest.subspan(step.consumed);
      total += step.produced;
    } while (step.kind == step_kind::done);
    REQUIRE(step.kind == step_kind::need_input);
  }
  const double spent = cpu_seconds() - begun;
  REQUIRE(total == body.size());
  return spent / static_cast<double>(total) * 1e9;
}

double through_memory_bio(const tls_world& world, const ref<tls::context>& context, const std::string& body, std::size_t received) {
  tls_server server(world.server_context);
  const tls::detail::owned<SSL> client(::SSL_new(context->native()));
  BIO* const in = ::BIO_new(::BIO_s_mem());
  BIO* const out = ::BIO_new(::BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  ::SSL_set_bio(client.get(), in, out);
  ::SSL_set_connect_state(client.get());
  for (int turn = 0; turn < 10 && ::SSL_do_handshake(client.get()) != 1; ++turn) {
    std::vector<std::byte> flight(::BIO_ctrl_pending(out));
    ::BIO_read(out, flight.data(), static_cast<int>(flight.size()));
    server.receive(flight);
    server.advance();
    const std::string answer = server.take();
    ::BIO_write(in, answer.data(), static_cast<int>(answer.size()));
  }
  REQUIRE(::SSL_is_init_finished(client.get()) == 1);
  std::vector<std::byte> flight(::BIO_ctrl_pending(out));
  ::BIO_read(out, flight.data(), static_cast<int>(flight.size()));
  server.receive(flight);
  server.advance();
  const std::string bytes = server.write_and_take(body);
  std::vector<std::byte> slots(64 * slot_bytes);
  std::size_t total = 0;
  std::size_t slot = 0;
  const double begun = cpu_seconds();
  for (std::size_t at = 0; at < bytes.size(); at += received) {
    ::BIO_write(in, bytes.data() + at, static_cast<int>(std::min(received, bytes.size() - at)));
    for (;;) {
      std::size_t filled = 0;
      const auto room = std::span(slots).subspan(slot++ % 64 * slot_bytes, slot_bytes);
      std::size_t got = 0;
      while (filled < room.size() && ::SSL_read_ex(client.get(), room.data() + filled, room.size() - filled, &got) == 1) filled += got;
      total += filled;
      if (filled < room.size()) break;
    }
  }
  const double spent = cpu_seconds() - begun;
  ::ERR_clear_error();
  REQUIRE(total == body.size());
  return spent / static_cast<double>(total) * 1e9;
}

}  // namespace

TEST_CASE("decrypting a bulk stream", "[.][speed]") {
  const tls_world world({}, {.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION});
  const auto context = world.client_context();
  ::SSL_CTX_set_ciphersuites(context->native(), "TLS_AES_128_GCM_SHA256");
  const std::string body(stream_bytes, 'x');
  for (const std::size_t received : {std::size_t{48} << 10, std::size_t{64} << 10, std::size_t{512} << 10}) {
    std::vector<double> place;
    std::vector<double> engine;
    std::vector<double> memory;
    std::vector<double> cipher;
    for (int round = 0; round < 9; ++round) {
      place.push_back(in_place(world, context, body, received));
      engine.push_back(through_engine(world, context, body, received));
      memory.push_back(through_memory_bio(world, context, body, received));
      cipher.push_back(cipher_alone());
    }
    std::printf("%7zu bytes a receive: in place %.3f, elsewhere %.3f, memory BIO %.3f; the cipher alone %.3f CPU s/GB\n", received,
                median(place), median(engine), median(memory), median(cipher));
  }
}

TEST_CASE("what connections cost", "[.][speed]") {
  const tls_world world({}, {.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION});
  const double begun = cpu_seconds();
  (void)tls::context::make();
  std::printf("the system's authorities: %.1f ms\n", (cpu_seconds() - begun) * 1e3);

  const auto context = world.client_context();
  for (const bool resumes : {false, true}) {
    ref<tls::session> session;
    std::vector<double> client_time;
    std::size_t least = ~std::size_t{0};
    for (int round = 0; round < 50; ++round) {
      tls_server server(world.server_context);
      const std::size_t before = ::mallinfo2().uordblks;
      tls::engine client(context, "bucket.example", resumes ? session : ref<tls::session>());
      std::string left;
      double spent = 0;
      tls::step step{};
      for (int turn = 0; turn < 10 && step.kind != step_kind::done; ++turn) {
        const double from = cpu_seconds();
        step = client.handshake(as_byte_span(left));
        spent += cpu_seconds() - from;
        left.erase(0, step.consumed);
        deliver(client, server);
        server.advance();
        left += server.take();
      }
      REQUIRE(step.kind == step_kind::done);
      (void)client.read(as_byte_span(left), {});
      (void)client.write(as_byte_span("GET"));
      session = client.take_session();
      client_time.push_back(spent);
      // The server's share of the heap is that of its buffers too: only the order of magnitude counts.
      least = std::min(least, ::mallinfo2().uordblks - before);
      if (round > 0 && client.resumed() != resumes) FAIL("not as wished");
    }
    std::printf("a handshake, %s: %.0f us of the client; heap of both sides %zu bytes\n", resumes ? "resumed" : "whole",
                median(client_time) * 1e6, least);
  }

  const std::size_t before = ::mallinfo2().uordblks;
  std::vector<std::unique_ptr<tls::engine>> idle;
  for (int i = 0; i < 100; ++i) idle.push_back(std::make_unique<tls::engine>(context, "bucket.example"));
  std::printf("a fresh engine: %zu bytes\n", (::mallinfo2().uordblks - before) / 100);
}
