#!/usr/bin/env bash
# Each fuzz target for a few seconds, from the messages of tests/corpus on, with the installed compiler.
#
# Needs cargo-fuzz (`cargo install cargo-fuzz`) and a compiler for C++. FOLLOWSIFT_FUZZ_SECONDS says how long each target
# runs (default: 5). An input that fails is kept in tests/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh

cargo fuzz --version >/dev/null 2>&1 || {
  say "FAILED: cargo-fuzz is missing; install it with: cargo install cargo-fuzz"
  exit 1
}
need_packages g++
# cargo-fuzz passes flags that only a nightly compiler takes, or a stable one that is told to.
export RUSTC_BOOTSTRAP=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/seeds"
for message in tests/corpus/*/*/message.eml; do
  name=${message#tests/corpus/}
  cp "$message" "$work/seeds/${name//\//-}"
done

for target in $(cargo fuzz list --fuzz-dir tests/fuzz); do
  say "Fuzzing: $target"
  # What is new goes into a folder of its own, which is thrown away.
  mkdir "$work/$target"
  cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none "$target" "$work/$target" "$work/seeds" -- \
    -max_total_time="${FOLLOWSIFT_FUZZ_SECONDS:-5}" -timeout=20 -verbosity=0 -print_final_stats=1
done
