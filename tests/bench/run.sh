#!/usr/bin/env bash
# What filing the spam of an inbox costs, beside the floor and beside imapfilter, as a table in Markdown; README.md beside
# this file explains it. Unpacks Dovecot and imapfilter into ~/.cache/followsift-tests, and installs nothing that listens.
#
#   bash tests/bench/run.sh         inboxes of 1,000 and 10,000 messages: a few minutes after the build
#   bash tests/bench/run.sh --all   also 100,000 messages: about a quarter of an hour, most of it imapfilter's
#   bash tests/bench/run.sh --write as --all, and writes the table into README.md
#   bash tests/bench/run.sh N...    inboxes of these sizes; with --without-imapfilter after them, a minute for 100,000
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

readme=tests/bench/README.md write=no
case "${1:-}" in
  '') sizes=(1000 10000) ;;
  --all) sizes=(1000 10000 100000) ;;
  --write) sizes=(1000 10000 100000) write=yes ;;
  -h | --help) sed -n '2,/^set /{ /^#/p }' "$0"; exit 0 ;;
  -*) sed -n '2,/^set /{ /^#/p }' "$0" >&2; exit 64 ;;
  *) sizes=("$@") ;;
esac

need_rust
need_packages gcc libc6-dev pkg-config libssl-dev openssl procps
need_dovecot
need_imapfilter

processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
dovecot=$("$servers/dovecot/launch" dovecot --version)
say "Building"
cargo bench --quiet --no-run --bench mailbox

table() {
  echo "$(nproc) × ${processor:-$(uname -m)}, Linux $(uname -r), Dovecot $dovecot, $(rustc --version), $(date -u +%F), load $(cut -d' ' -f1 /proc/loadavg):"
  echo
  FOLLOWSIFT_REQUIRE_DOVECOT=1 cargo bench --quiet --bench mailbox -- "${sizes[@]}"
}
made=$(mktemp)
trap 'rm -f "$made"' EXIT
table | tee "$made"
if [ $write = yes ]; then
  sed -i '/^## The table$/,$d' $readme
  { printf '## The table\n\n'; cat "$made"; } >>$readme
fi
