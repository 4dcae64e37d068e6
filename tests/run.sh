#!/usr/bin/env bash
# Every test. Installs missing libraries and compilers with apt-get and says so; unpacks a Dovecot into
# ~/.cache/followsift-tests and runs it from there. Installs nothing that listens, and leaves no service running.
#
#   bash tests/run.sh          formatting, lints, documentation, and all tests (a real Dovecot on 127.0.0.1)
#   bash tests/run.sh --quick  formatting and the tests that need no mail server: under a minute after the build
#   bash tests/run.sh --all    also tests/further: fuzzing, instructions, a real systemd, PostgreSQL, a browser, a long run; each says what it lacks
#   bash tests/run.sh --set-up only installs and unpacks
#
# FOLLOWSIFT_CORPUS=DIR:…    further folders of labelled messages for the recognition tests, separated by colons
# FOLLOWSIFT_TEST_CACHE=DIR  keeps what is downloaded there (default: ~/.cache/followsift-tests)
# FOLLOWSIFT_TEST_SERVERS=   other mail servers for the tests of sweeps, separated by spaces, each as
#                            imap://user:password@127.0.0.1:port; their inbox and Followers are emptied
# FOLLOWSIFT_FAULTS=all      every case of the tests of faults and hostile servers instead of a choice; or a number of them
# FOLLOWSIFT_SEED=N          chooses other cases
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/support/packages.sh
. tests/support/servers.sh

usage() { sed -n '2,/^set /{ /^#/p }' "$0"; }

all=no set_up=no quick=no
case "${1:-}" in
  '') ;;
  --quick) quick=yes ;;
  --all) all=yes ;;
  --set-up) set_up=yes ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 64 ;;
esac

[ $set_up = yes ] || need_rust
need_packages gcc libc6-dev pkg-config libssl-dev openssl procps

if [ $quick = yes ]; then
  cargo fmt --check
  cargo test --quiet --lib --bins
  # All but the files whose tests run a mail server or wait for one.
  with_server=(backtest daemon faults hostile_server mailbox mishaps servers sweep traffic unkind_server)
  cargo test --quiet --test tests -- $(printf -- '--skip %s:: ' "${with_server[@]}")
  exit 0
fi

need_dovecot
need_clock
[ $set_up = no ] || exit 0

say "Formatting, lints, documentation"
cargo fmt --check
cargo clippy --quiet --all-targets -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps

say "Tests"
# Without it the tests would skip themselves where there is no mail server; here one has been unpacked.
export FOLLOWSIFT_REQUIRE_DOVECOT=1
# Many tests wait for a deadline to pass, so more of them than there are processors run at a time.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((2 * $(nproc)))}"
cargo test --no-fail-fast

if [ $all = yes ]; then
  say "Further tests"
  for script in tests/further/*.sh; do
    [ -e "$script" ] || continue
    say "$script"
    bash "$script"
  done
fi
