#!/usr/bin/env bash
# The Debian package under a real systemd: built, installed, upgraded, removed and purged, in a container of systemd-nspawn.
#
# Needs cargo-deb (`cargo install cargo-deb`), root, and Debian or its kin; says aloud where it has to be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/container.sh
. tests/support/release.sh

skip() { say "SKIPPED, for want of $1: the Debian package"; exit 0; }
fail() { say "FAILED: $1"; inside journalctl --no-pager -n 40 >&2; exit 1; }

command -v cargo-deb >/dev/null || skip "cargo-deb (cargo install cargo-deb)"
debian systemd libssl3 ca-certificates dovecot-imapd
build_release
packages=$(mktemp -d)
trap 'end; rm -rf "$packages"' EXIT
for revision in 1 2; do
  cargo deb --quiet --no-build --fast --deb-revision "$revision" --output "$packages/followsift-$revision.deb"
done
prepare
mkdir -p "$work/upper/etc/systemd/system" "$work/upper/srv"
ln -s /dev/null "$work/upper/etc/systemd/system/dovecot.service"
cp "$packages"/*.deb "$work/upper/srv/"
boot

is() { [ "$(inside systemctl show "$1" -P "$2")" = "$3" ] || fail "$1: $2 is $(inside systemctl show "$1" -P "$2")"; }
owned() { [ "$(inside stat -c '%a %U %G' "$1")" = "$2" ] || fail "$1: $(inside stat -c '%a %U %G' "$1")"; }
says() { inside grep -qs "$1" "$2" || fail "no $1 in $2"; }

say "Installed, and not started"
inside dpkg --install /srv/followsift-1.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "install"; }
for unit in followsift.service followsift-sweep.timer; do
  is $unit LoadState loaded
  is $unit ActiveState inactive
  is $unit UnitFileState disabled
done
owned /etc/followsift "750 root followsift"
owned /etc/followsift/accounts.d "750 root followsift"
owned /var/lib/followsift "700 followsift followsift"
for file in /usr/lib/systemd/user/followsift.service /usr/lib/systemd/system/followsift@.service \
  /usr/share/man/man1/followsift.1.gz /usr/share/man/man8/followsift.8.gz /usr/share/doc/followsift/copyright \
  /usr/share/bash-completion/completions/followsift /usr/share/zsh/vendor-completions/_followsift \
  /usr/share/fish/vendor_completions.d/followsift.fish \
  /usr/share/doc/followsift/examples/rules.toml /usr/share/doc/followsift/examples/hooks/ntfy; do
  inside test -e "$file" || fail "no $file"
done
inside followsift --version >/dev/null || fail "the program"

say "Started, upgraded with changed settings, and running again"
# At an address where nothing listens: it says that it tries again.
inside sh -c 'cat >>/etc/followsift/followsift.toml' <<'TOML'

state = "/var/lib/followsift"
[accounts.home]
host = "127.0.0.1"
tls = "off"
port = 1
user = "ann"
password-file = "password"
TOML
inside install -o followsift -m 600 /dev/null /etc/followsift/password
inside sh -c 'echo secret >/etc/followsift/password'
inside systemctl enable --quiet --now followsift || fail start
process=$(inside systemctl show followsift -P MainPID)
# An account with a file of its own, which the service may read.
inside sh -c 'cat >/etc/followsift/accounts.d/kim.toml' <<'TOML'
[accounts.kim]
host = "127.0.0.1"
tls = "off"
port = 1
user = "kim"
password-file = "password"
TOML
inside setpriv --reuid=followsift --regid=followsift --clear-groups followsift check | grep -q 'accounts home, kim' || fail "the account in accounts.d"
inside dpkg --force-confold --install /srv/followsift-2.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "upgrade"; }
says 'port = 1' /etc/followsift/followsift.toml
is followsift ActiveState active
[ "$(inside systemctl show followsift -P MainPID)" != "$process" ] || fail "the old program still runs"
inside systemctl reload followsift || fail "reload"

say "Removed, and nothing of the user's is lost"
inside dpkg --remove followsift >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "removal"; }
inside test ! -e /usr/bin/followsift || fail "the program stays"
[ -z "$(inside pgrep -x followsift || true)" ] || fail "it still runs"
says 'port = 1' /etc/followsift/followsift.toml
inside test -e /var/lib/followsift/ledger.sqlite || fail "the ledger is gone"
inside dpkg --purge followsift >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "purge"; }
inside test ! -e /etc/followsift/followsift.toml || fail "the settings stay after a purge"
says secret /etc/followsift/password
says kim /etc/followsift/accounts.d/kim.toml
inside test ! -L /etc/systemd/system/multi-user.target.wants/followsift.service || fail "it stays enabled after a purge"
inside test -e /var/lib/followsift/ledger.sqlite || fail "the ledger is gone after a purge"
grep -q '/var/lib/followsift stays' "$work/log" || fail "it does not say what stays"
say "The package is well"
