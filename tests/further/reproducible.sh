#!/usr/bin/env bash
# The release, built twice: in two folders, with two homes of Cargo. The two programs have to be equal, byte by byte.
#
# Takes two whole release builds. Uses the crates that Cargo has downloaded already.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/release.sh

fail() { say "FAILED: $1"; exit 1; }

need_rust
cargo fetch --quiet --locked
registry=$(realpath "${CARGO_HOME:-$HOME/.cargo}/registry")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Not what git says of a copy, which is no repository.
FOLLOWSIFT_COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)
export FOLLOWSIFT_COMMIT
tar -cf "$work/sources.tar" --exclude=./target --exclude=./.git .
programs=()
for folder in "$work/one" "$work/a folder/further down"; do
  mkdir -p "$folder/cargo-home"
  tar -xf "$work/sources.tar" -C "$folder"
  cp -R "$registry" "$folder/cargo-home/registry"
  say "Building in $folder"
  (cd "$folder" && unset CARGO_TARGET_DIR && CARGO_HOME=$folder/cargo-home build_release)
  programs+=("$folder/target/release/followsift")
done
for program in "${programs[@]}"; do
  for folder in "$work" "$registry"; do
    if grep -qaF "$folder/" "$program"; then fail "$program names $folder, a folder of this machine"; fi
  done
done
cmp "${programs[@]}" || fail "the two programs differ"
say "The same program twice: $(sha256sum "${programs[0]}" | cut -d' ' -f1)"
