#!/usr/bin/env bash
# Every test. Installs what is missing with apt-get, says so, and leaves no service running.
#
#   bash tests/run.sh          formatting, lints, documentation, and all tests (a real Dovecot on 127.0.0.1)
#   bash tests/run.sh --all    also what needs more than that; each says aloud where it has to be skipped
#
# FOLLOWSIFT_CORPUS=DIR      a further folder of labelled mails for the recognition tests
# FOLLOWSIFT_TEST_SERVERS=   other mail servers to try the sweep on, apart by spaces, each as
#                            imap://user:password@127.0.0.1:port; their inbox and Followers are emptied
# FOLLOWSIFT_FAULTS=all      all cases of each test of faults and hostile servers, not a choice; or a number of them
# FOLLOWSIFT_SEED=N          another choice
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/packages.sh

all=no
case "${1:-}" in
  '') ;;
  --all) all=yes ;;
  *) sed -n '2,11p' "$0" >&2; exit 64 ;;
esac

need_rust
need_packages gcc libc6-dev pkg-config libssl-dev openssl dovecot-core dovecot-imapd procps

say "Formatting, lints, documentation"
cargo fmt --check
cargo clippy --quiet --all-targets -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps

say "Tests"
# Without it the tests would skip themselves where there is no mail server; here one has been installed.
export FOLLOWSIFT_REQUIRE_DOVECOT=1
cargo test --no-fail-fast

if [ $all = yes ]; then
  say "Further tests"
  for script in tests/further/*.sh; do
    [ -e "$script" ] || continue
    say "$script"
    bash "$script"
  done
fi
