#!/bin/sh
# Runs a command (default: the tests) as on a machine with AVX2 and nothing wider; see narrow-kernels.c. Linux on x86-64, needs a C compiler.
# Where the processor cannot hide its units, an emulator does the same slowly: qemu-x86_64 -cpu Haswell node node_modules/vitest/vitest.mjs run FILE
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CC:-cc}" -shared -fPIC -O1 -Wall "$here/narrow-kernels.c" -o "$work/narrow.so" -ldl
[ $# -gt 0 ] || set -- npx vitest run
LD_PRELOAD="$work/narrow.so" "$@"
