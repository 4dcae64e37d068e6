#!/usr/bin/env bash
# What Cargo.toml says of the crates that followsift is made of is true: their licences, sources, faults and duplicates are
# as `.deny.toml` wants them, the oldest Rust of `rust-version` builds followsift, and so do the oldest versions of its crates.
#
# Needs cargo-deny, its database of advisories, that Rust, a nightly one and a registry; says aloud which check is skipped for want
# of one of them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh

skip() { say "SKIPPED, for want of $1: $2"; }
has_rust() { command -v rustup >/dev/null && rustup run "$1" cargo --version >/dev/null 2>&1; }

if command -v cargo-deny >/dev/null; then
  say "Licences, sources and duplicates of crates"
  cargo deny --log-level error check licenses bans sources
  say "Advisories on crates"
  if cargo deny fetch db 2>/dev/null; then
    cargo deny --log-level error check --disable-fetch advisories
  else
    skip "the database of advisories (https://github.com/RustSec/advisory-db)" "whether a crate has a known fault"
  fi
else
  skip "cargo-deny (cargo install --locked cargo-deny)" "licences, sources, duplicates and advisories of crates"
fi

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
say "Rust $oldest, the oldest that is promised"
case $(rustc --version) in
  "rustc $oldest."*) say "It is the one in use, which built the tests" ;;
  *)
    rust=$oldest
    has_rust "$rust" || rust=$oldest.0
    if has_rust "$rust"; then
      CARGO_TARGET_DIR=target/oldest-rust rustup run "$rust" cargo check --quiet --locked --all-targets
    else
      skip "that Rust (rustup toolchain install $oldest)" "whether it builds followsift"
    fi
    ;;
esac

say "The oldest versions of crates that Cargo.toml allows"
if has_rust nightly; then
  copy=$(mktemp -d)
  trap 'rm -rf "$copy"' EXIT
  cp -r Cargo.toml Cargo.lock src config tests benches systemd ./*.md LICENSE-APACHE LICENSE-MIT "$copy"
  # The oldest direct dependencies; what these need in turn is as new as it gets, since their own bounds are theirs to keep.
  (cd "$copy" && cargo +nightly update --quiet -Z direct-minimal-versions)
  CARGO_TARGET_DIR=target/oldest-crates cargo check --quiet --locked --all-targets --manifest-path "$copy/Cargo.toml"
else
  skip "a nightly Rust (rustup toolchain install nightly)" "whether they build followsift"
fi
