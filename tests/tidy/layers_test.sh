#!/bin/sh
# The test of layers.sh: a good tree passes, and each kind of offence is found and named with its file and line.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# header PATH LINE...: a well-formed header at include/s3pager/PATH with these lines from line 3 on.
header() {
  file=$tree/include/s3pager/$1
  shift
  mkdir -p "$(dirname "$file")"
  printf '%s\n' '// A header.' '#pragma once' "$@" > "$file"
}

good_tree() {
  rm -rf "$tree/include"
  header version.hpp
  header base/error.hpp '#include <vector>' '#include <string.h>' '#include <unistd.h>'
  header coro/task.hpp '#include <coroutine>' '#include "../base/error.hpp"' '#include "detail/frame.hpp"'
  header coro/detail/frame.hpp '#include "../../base/error.hpp"'
  header aws/signer.hpp '#include <openssl/evp.h>' '#include "s3pager/base/error.hpp"' '#include "s3pager/version.hpp"'
  header ring/ring.hpp '#  include <liburing.h>' '#include <linux/time_types.h>' '#include <s3pager/coro/task.hpp>'
  header s3/service.hpp '#include <curl/curl.h>' '#include "../aws/signer.hpp"' '#include "../ring/ring.hpp"'
  header s3pager.hpp '#include "s3pager/s3/service.hpp"'
}

expect_pass() {
  if ! answer=$("$here/layers.sh" "$tree" 2>&1); then
    printf 'should pass: %s\n%s\n' "$1" "$answer"
    failed=1
  fi
}

# expect_offence "FILE:LINE: text": the last tree has this offence, and no other.
expect_offence() {
  if answer=$("$here/layers.sh" "$tree" 2>&1); then
    printf 'was not found: %s\n' "$1"
    failed=1
  elif [ "$answer" != "include/$1" ]; then
    printf 'expected: include/%s\nfound:    %s\n' "$1" "$answer"
    failed=1
  fi
  good_tree
}

good_tree
expect_pass 'a good tree'

header coro/task.hpp '' '#include "s3pager/ring/ring.hpp"'
expect_offence 's3pager/coro/task.hpp:4: coro/ may not include ring/ (s3pager/ring/ring.hpp)'
header coro/task.hpp '#include <s3pager/ring/ring.hpp>'
expect_offence 's3pager/coro/task.hpp:3: coro/ may not include ring/ (s3pager/ring/ring.hpp)'
header coro/detail/frame.hpp '#include "../../ring/ring.hpp"'
expect_offence 's3pager/coro/detail/frame.hpp:3: coro/ may not include ring/ (s3pager/ring/ring.hpp)'
header base/error.hpp ' # include "../s3/service.hpp"'
expect_offence 's3pager/base/error.hpp:3: base/ may not include s3/ (s3pager/s3/service.hpp)'
header aws/signer.hpp '#include <curl/curl.h>'
expect_offence 's3pager/aws/signer.hpp:3: aws/ may not use libcurl (<curl/curl.h>)'
header http/parser.hpp '#include <sys/socket.h>'
expect_offence 's3pager/http/parser.hpp:3: http/ may not use posix (<sys/socket.h>)'
header http/parser.hpp '#include <boost/asio.hpp>'
expect_offence 's3pager/http/parser.hpp:3: not a known dependency: <boost/asio.hpp>'
header http/parser.hpp '#include "../base/gone.hpp"'
expect_offence 's3pager/http/parser.hpp:3: no header ../base/gone.hpp'
header s3/service.hpp '#include "s3pager/s3pager.hpp"'
expect_offence 's3pager/s3/service.hpp:3: only users include s3pager/s3pager.hpp'
header zip/zip.hpp
expect_offence 's3pager/zip/zip.hpp:1: no layer is called zip'
header loose.hpp
expect_offence 's3pager/loose.hpp:1: belongs to no layer'
header base/error.hpp "// TO""DO: later"
expect_offence "s3pager/base/error.hpp:3: mentions TO""DO"
printf '%s\n' '#pragma once' > "$tree/include/s3pager/base/error.hpp"
expect_offence 's3pager/base/error.hpp:1: the first line is not a // comment that says what lives here'
printf '%s\n' '// A header.' > "$tree/include/s3pager/base/error.hpp"
expect_offence 's3pager/base/error.hpp:1: no #pragma once'
touch "$tree/include/s3pager/base/error.cpp"
expect_offence 's3pager/base/error.cpp:1: not a header (.hpp)'
touch "$tree/include/other.hpp"
expect_offence 'other.hpp:1: a file outside include/s3pager'

[ $failed = 0 ] && echo "every offence is found"
exit $failed
