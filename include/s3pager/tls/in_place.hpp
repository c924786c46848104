// Decryption of what was received where it lies, so that plaintext takes no memory besides its ciphertext's. Knows no slots.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "s3pager/tls/engine.hpp"
#include "s3pager/tls/step.hpp"

namespace s3pager::tls {

/// The most plaintext that a record holds (RFC 8446 5.1): how far before its ciphertext it has to begin.
inline constexpr std::size_t record_lead = 16 * 1024;

/// What `plaintext` bytes take as records, as servers cut them; it may be more, if they are cut into smaller ones.
[[nodiscard]] constexpr std::uint64_t wire_size(std::uint64_t plaintext, std::size_t layers = 1) noexcept {
  for (; layers > 0; --layers) plaintext = std::max(plaintext, plaintext + plaintext / 128 + 64);  // of nearly 2^64 no more
  return plaintext;
}

/// Decrypts what lies in `memory` behind its first record_lead bytes, to its front. The engine has no plaintext waiting, before and
/// after. The step is need_input, end or error; `consumed` leaves the lead out.
///
/// The plaintext never gets ahead of the ciphertext: a record gives less than it takes, but for the first one, of which the engine may
/// have got all but a byte from an earlier input; and that one gives no more than the lead.
[[nodiscard]] inline step read_in_place(engine& with, std::span<std::byte> memory) noexcept {
  if (with.reads_records()) return with.read_over(memory, record_lead);
  const std::span<const std::byte> input = memory.subspan(record_lead);
  step all{};
  for (;;) {
    const std::size_t taken = record_lead + all.consumed;
    const step next = with.read(input.subspan(all.consumed), memory.subspan(all.produced, taken - all.produced));
    all.consumed += next.consumed;
    all.produced += next.produced;
    all.kind = next.kind;
    all.error = next.error;
    // Done: the room was full, and there is more of it now.
    if (next.kind != step_kind::done) return all;
    assert(all.produced < record_lead + all.consumed);
  }
}

}  // namespace s3pager::tls
