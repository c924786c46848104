#!/usr/bin/env bash
# memcheck.sh PROGRAM [ARGUMENT]...: runs a test program of a layer without I/O under valgrind's memcheck: reads of what was never
# written, which the sanitizers don't see. Status 77 and SKIP without valgrind.
set -euo pipefail

command -v valgrind > /dev/null || { echo 'SKIP: no valgrind here'; exit 77; }
# A test program's own operator new is its own here too: some count what it is asked for.
exec valgrind --quiet --error-exitcode=9 --soname-synonyms=somalloc=nouserintercepts --leak-check=full \
  --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect "$1" "${@:2}"
