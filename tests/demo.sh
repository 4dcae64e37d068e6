#!/usr/bin/env bash
# The main job, on a throw-away mail server on 127.0.0.1, with mails in the shapes of real ones.
# Installs what is missing with apt-get, says so, and leaves no service and no process behind.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/packages.sh

need_rust
need_packages gcc libc6-dev pkg-config libssl-dev openssl dovecot-core dovecot-imapd

say "Building followsift (a few minutes the first time)"
cargo build --quiet --tests
FOLLOWSIFT_REQUIRE_DOVECOT=1 cargo test --quiet --test demo
