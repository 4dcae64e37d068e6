#!/usr/bin/env bash
# What `tests/demo.sh` and `tests/run.sh` install leaves a machine with nothing that listens: both set themselves up on a
# clean Debian, which is booted afterwards. So that the test proves something, a Debian on which Dovecot is installed is
# booted too, and has to be found listening.
#
# Needs root, Debian and a network; says aloud where it has to be skipped. The clean Debian is kept in
# FOLLOWSIFT_TEST_CACHE (~/.cache/followsift-tests), everything else is thrown away.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/container.sh

skip() { say "SKIPPED, for want of $1: nothing listens after the tests have set themselves up"; exit 0; }
fail() { say "FAILED: $1"; exit 1; }
trap end EXIT

debian clean ca-certificates

on_a_clean_debian() { # COMMAND: run there, as root, with our network; this folder is /followsift
  prepare
  (mount_and systemd-nspawn --quiet --directory="$work/root" --machine="followsift$$" --register=no --keep-unit \
    --resolv-conf=replace-host --timezone=off --link-journal=no --console=pipe --bind-ro="$PWD:/followsift" \
    sh -c "$1") >"$work/set-up" 2>&1 || { tail -20 "$work/set-up" >&2; fail "$1"; }
}

# What listens for others or takes datagrams, by /proc/net: protocol and address, in hexadecimal.
listening() {
  local protocol
  for protocol in tcp tcp6 udp udp6; do
    # 0A: TCP, listening. 07: a datagram socket without a peer.
    inside cat "/proc/net/$protocol" | awk -v protocol=$protocol '$4 == "0A" || $4 == "07" { print protocol, $2 }'
  done
}

on_a_clean_debian 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends dovecot-imapd'
boot
found=$(listening)
grep -q ':008F$' <<<"$found" || fail "a Dovecot that is installed is not found to listen on port 143, so this test proves nothing: $found"
say "With Dovecot installed, this listens after the next boot: ${found//$'\n'/, }"
end

on_a_clean_debian 'apt-get update && bash /followsift/tests/demo.sh --set-up && bash /followsift/tests/run.sh --set-up &&
  /root/.cache/followsift-tests/servers/dovecot/launch dovecot --version'
boot
found=$(listening)
[ -z "$found" ] || fail "something listens: ${found//$'\n'/, }"
inside sh -c 'dpkg-query -W "dovecot*" 2>/dev/null' && fail "a Dovecot is installed"
say "Nothing listens, on no address"
