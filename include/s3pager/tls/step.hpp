// What the TLS engine says after each call: the one currency between it and who owns the socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace s3pager::tls {

enum class step_kind : std::uint8_t {
  need_input,   ///< all input is consumed: receive more, or call on_eof() if there is no more
  need_output,  ///< there is no room for what must be sent first: send outgoing(), then call again with what is left
  done,         ///< the handshake is complete, the room given is full, all plaintext is taken
  end,          ///< the peer's close_notify: no byte follows
  error,        ///< the connection is refused or broken, now and for every further call
};

/// One step. `consumed` and `produced` count whatever the kind: bytes of records before the one that failed are good.
struct step {
  step_kind kind = step_kind::need_input;
  std::size_t consumed = 0;  ///< to be dropped from the front of the input (of the plaintext, for write)
  std::size_t produced = 0;  ///< plaintext written to the front of the room that was given
  std::error_code error = {};
};

}  // namespace s3pager::tls
