#!/usr/bin/env bash
# The service under a real systemd, in a container of systemd-nspawn with a Debian of its own, and a Dovecot in it:
# READY, reload, journal fields, a hung process restarted, a stop in the middle of a sweep, both units.
#
# Needs root, and Debian or its kin; says aloud where it has to be skipped. The tree is kept in FOLLOWSIFT_TEST_CACHE
# (~/.cache/followsift-tests), everything else is thrown away.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/container.sh

skip() { say "SKIPPED, for want of $1: followsift under a real systemd"; exit 0; }
fail() { say "FAILED: $1"; inside journalctl --no-pager -n 40 >&2 || tail -20 "$work/console" >&2; exit 1; }

for unit in systemd/*.service; do
  command -v systemd-analyze >/dev/null || break
  # It exits 0 on unknown keys; only its words tell. A program that is not installed is not held against the unit.
  words=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -v 'is not executable: No such file' || true)
  [ -z "$words" ] || { say "FAILED: $unit: $words"; exit 1; }
  systemd-analyze security --offline=true --no-pager "$unit" | tail -1
done

debian systemd libssl3 ca-certificates dovecot-imapd
cargo build --quiet
prepare
put() { inside sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"' sh "$1" "${2:-644}"; }
trap end EXIT

# The mail server is started below, with a configuration of its own.
mkdir -p "$work/upper/etc/systemd/system"
ln -s /dev/null "$work/upper/etc/systemd/system/dovecot.service"
boot

put /usr/local/bin/followsift 755 <target/debug/followsift
put /etc/sysusers.d/followsift.conf <systemd/followsift.sysusers.conf
inside systemd-sysusers
put /etc/systemd/system/followsift.service <systemd/followsift-system.service
put /etc/systemd/system/followsift.service.d/test.conf <<'UNIT'
[Service]
WatchdogSec=5
TimeoutAbortSec=2
RestartSec=1
UNIT
put /etc/followsift/followsift.toml <<'TOML'
state = "/var/lib/followsift"
[accounts.home]
host = "127.0.0.1"
port = 143
tls = "off"
user = "ann"
password-file = "password"
backlog = "all"
TOML
rules() { printf '[verdict.spam]\nmove-to = "Spam"\n[[rule]]\nname = "Thousands"\nwhen.following = "%s"\nverdict = "spam"\n' "$1"; }
rules '>= 2000' | put /etc/followsift/rules.toml
echo secret | put /etc/followsift/password 600
inside chown followsift /etc/followsift/password
put /etc/dovecot/test.conf <<'CONF'
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:/srv/mail/%u
mail_uid = 1999
mail_gid = 1999
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=1999 gid=1999 home=/srv/mail/%u
}
CONF
inside install -d -o 1999 -g 1999 /srv/mail
inside systemd-run --quiet --unit=mailserver dovecot -F -c /etc/dovecot/test.conf

deliver() { # FIRST LAST: mails about followers who follow two thousand
  local n
  for n in $(seq "$1" "$2"); do
    sed "1i Message-ID: <$n@twitter.com>" tests/corpus/twitter/box-2009/message.eml |
      sed "s/tiff_snow/bulk_$n/g; s/Tiffani Snow/Bulk $n/g" |
      inside sh -c 'umask 077; cat >/srv/mail/ann/tmp/$1 && chown 1999:1999 /srv/mail/ann/tmp/$1 && mv /srv/mail/ann/tmp/$1 /srv/mail/ann/new/$1.M$1' sh "$n"
  done
}
count() { inside sh -c "find '$1' -type f \( -path '*/new/*' -o -path '*/cur/*' \) 2>/dev/null | wc -l"; }
property() { inside systemctl show followsift -P "$1"; }
until_true() { # WHAT SECONDS CONDITION...
  local what=$1 left=$(($2 * 5)); shift 2
  until "$@"; do left=$((left - 1)); [ $left -gt 0 ] || fail "$what"; sleep 0.2; done
}
status_has() { property StatusText | grep -qF "$1"; }
filed() { [ "$(count /srv/mail/ann/.Spam)" = "$1" ]; }

say "A wrong file keeps it from starting, and systemd does not try for ever"
rules 'many' | put /etc/followsift/rules.toml
inside systemctl start followsift 2>/dev/null && fail "started with wrong rules"
[ "$(property ExecMainStatus) $(property NRestarts)" = "78 0" ] || fail "a wrong file: $(property ExecMainStatus)"
rules '>= 2000' | put /etc/followsift/rules.toml

say "READY, and a mail filed"
inside systemctl start followsift || fail start
[[ " $(property After) " == *" time-sync.target "* ]] || fail "does not wait for a set clock"
until_true "the status says so" 20 status_has "watching home"
deliver 1 1
until_true "a mail is filed" 20 filed 1

say "Journal fields"
inside sh -c 'journalctl --no-pager -o json -u followsift VERDICT=spam' >"$work/journal"
for field in '"ACCOUNT":"home"' '"NETWORK":"twitter"' '"RULE":"Thousands"' '"MAIL_ID":"<1@twitter.com>"' '"FOLLOWER":"' \
  '"MESSAGE_ID":"' '"PRIORITY":"6"' '"MESSAGE":"message moved to Spam: '; do
  grep -qF "$field" "$work/journal" || { cat "$work/journal" >&2; fail "no $field in the journal"; }
done

say "Reload, wrong and right"
rules 'many' | put /etc/followsift/rules.toml
inside systemctl reload followsift || fail reload
until_true "the status says what is wrong" 10 status_has "rules.toml:5: "
[ "$(property ActiveState)" = active ] || fail "a wrong reload ended it"
rules '>= 2000' | put /etc/followsift/rules.toml
inside systemctl reload followsift || fail reload
until_true "the status says that all is well" 10 status_has "watching home"

say "Root's commands leave the ledger alone; the service's user may use them"
inside followsift sweep 2>"$work/refused" && fail "root swept in the folder of another user"
grep -q 'sudo -u' "$work/refused" || fail "root is not told what to do"
inside setpriv --reuid=followsift --regid=followsift --clear-groups followsift check --connect >"$work/check" ||
  fail "the service's user cannot check"
grep -q 'logged in' "$work/check" || fail "check did not log in"

say "A process that hangs is started again"
process=$(property MainPID)
inside kill -STOP "$process"
changed() { [ "$(property MainPID)" != "$process" ] && [ "$(property ActiveState)" = active ]; }
until_true "it is started again" 40 changed
[ "$(property NRestarts)" = 1 ] || fail "restarts: $(property NRestarts)"
deliver 2 2
until_true "it files again" 20 filed 2

say "A stop in the middle of a sweep loses nothing"
deliver 3 202
sleep 0.7
inside systemctl stop followsift || fail stop
[ "$(property Result)" = success ] || fail "stop: $(property Result)"
all=$(($(count /srv/mail/ann/new) + $(count /srv/mail/ann/cur) + $(count /srv/mail/ann/.Spam)))
[ $all = 202 ] || fail "202 mails became $all"
inside systemctl start followsift || fail "start after a stop"
until_true "the rest is filed" 60 filed 202
inside systemctl stop followsift

say "The unit of a user"
inside useradd -m -u 1000 ann
inside install -D -o ann -g ann /usr/local/bin/followsift /home/ann/.cargo/bin/followsift
inside sh -c 'mkdir -p /home/ann/.config/followsift && cp /etc/followsift/* /home/ann/.config/followsift/ &&
  sed -i /^state/d /home/ann/.config/followsift/followsift.toml'
put /home/ann/.config/systemd/user/followsift.service <systemd/followsift.service
inside chown -R ann:ann /home/ann
inside loginctl enable-linger ann
users() { inside setpriv --reuid=ann --regid=ann --init-groups env HOME=/home/ann XDG_RUNTIME_DIR=/run/user/1000 "$@"; }
until_true "the user has a systemd" 20 inside test -S /run/user/1000/systemd/private
users systemctl --user daemon-reload
users systemctl --user start followsift || fail "the user's unit"
deliver 203 203
until_true "the user's service files a mail" 20 filed 203
users systemctl --user stop followsift
say "All is well under systemd"
