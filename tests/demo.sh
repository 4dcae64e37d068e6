#!/usr/bin/env bash
# The main job, on a temporary mail server on 127.0.0.1, with messages in the shapes of real ones.
#
#   bash tests/demo.sh             installs missing libraries and compilers with apt-get and says so; unpacks a Dovecot into
#                                  ~/.cache/followsift-tests and runs it from there; leaves no service and no process behind
#   bash tests/demo.sh --set-up    only installs and unpacks
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/packages.sh
. tests/support/servers.sh

[ "${1:-}" = --set-up ] || need_rust
need_packages gcc libc6-dev pkg-config libssl-dev openssl
need_dovecot
[ "${1:-}" != --set-up ] || exit 0

say "Building followsift for the demonstration (about three minutes the first time)"
cargo build --quiet --test demo
FOLLOWSIFT_REQUIRE_DOVECOT=1 cargo test --quiet --test demo
