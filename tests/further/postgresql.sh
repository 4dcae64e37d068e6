#!/usr/bin/env bash
# What deliveries remember, on a real PostgreSQL that is killed, hangs, is full, only reads, or asks for TLS. Unpacks one and runs it
# from there; it listens on 127.0.0.1 and on a socket in a folder of the test.
#
# Needs user namespaces (`unshare --user`), since PostgreSQL refuses to run as root; says aloud where it has to be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

if ! unshare --map-root-user --mount unshare --user true 2>/dev/null; then
  say "SKIPPED, for want of user namespaces: what deliveries remember, on a real PostgreSQL"
  exit 0
fi
need_rust
need_postgresql
export FOLLOWSIFT_REQUIRE_POSTGRESQL=1
exec cargo test --quiet --test tests memory::
