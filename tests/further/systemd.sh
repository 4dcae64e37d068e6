#!/usr/bin/env bash
# The service under a real systemd, in a container of systemd-nspawn with a Debian of its own, and a Dovecot in it:
# READY, reload, journal fields, a hung process restarted, a stop in the middle of a sweep, both units.
#
# Needs root, and Debian or its kin; says aloud where it has to be skipped. The tree is kept in FOLLOWSIFT_TEST_CACHE
# (~/.cache/followsift-tests), everything else is thrown away.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh

skip() { say "SKIPPED, for want of $1: followsift under a real systemd"; exit 0; }
fail() { say "FAILED: $1"; inside journalctl --no-pager -n 40 >&2 || tail -20 "$work/console" >&2; exit 1; }

for unit in systemd/*.service; do
  command -v systemd-analyze >/dev/null || break
  # It exits 0 on unknown keys; only its words tell. A program that is not installed is not held against the unit.
  words=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -v 'is not executable: No such file' || true)
  [ -z "$words" ] || { say "FAILED: $unit: $words"; exit 1; }
  systemd-analyze security --offline=true --no-pager "$unit" | tail -1
done

[ "$(id -u)" = 0 ] || skip root
suite=$(. /etc/os-release && echo "${ID:-}-${VERSION_CODENAME:-}")
case $suite in debian-*) suite=${suite#debian-} ;; *) skip "a Debian (the container takes the program as it was built here)" ;; esac
need_packages systemd-container mmdebstrap util-linux procps || skip "systemd-nspawn and mmdebstrap"
cargo build --quiet

cache=${FOLLOWSIFT_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/followsift-tests}
tree=$cache/systemd-$suite
if [ ! -e "$tree/usr/sbin/dovecot" ]; then
  mkdir -p "$cache" && rm -rf --one-file-system "$tree"
  say "Making a Debian in $tree, once"
  mmdebstrap --quiet --variant=minbase \
    --include=systemd,systemd-sysv,dbus,libpam-systemd,procps,libssl3,ca-certificates,dovecot-imapd "$suite" "$tree" ||
    skip "a Debian archive"
fi

work=$(mktemp -d) && chmod 711 "$work"
mkdir "$work/upper" "$work/work" "$work/root"
nspawn=
leader() {
  pgrep -P "$nspawn" | while read -r p; do if grep -Pq "^NSpid:\t\d+\t1$" "/proc/$p/status"; then echo "$p"; fi; done || true
}
# Without a word of ours in its environment.
inside() {
  nsenter -t "$leader" -m -u -i -n -p --root --wd env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 TERM=dumb SYSTEMD_PAGER= SYSTEMD_COLORS=0 "$@"
}
put() { inside sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"' sh "$1" "${2:-644}"; }
end() {
  [ -z "${leader:-}" ] || kill -KILL "$leader" 2>/dev/null || true
  [ -z "$nspawn" ] || { kill -KILL "$nspawn" 2>/dev/null || true; wait "$nspawn" 2>/dev/null || true; }
  [ -z "${group:-}" ] || find "$group" "/sys/fs/cgroup/systemd/${group##*/}" -depth -type d -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap end EXIT

# Units that would ask for a network or a terminal of their own.
mkdir -p "$work/upper/etc/systemd/system"
for unit in console-getty systemd-networkd systemd-resolved dovecot e2scrub_reap; do
  ln -s /dev/null "$work/upper/etc/systemd/system/$unit.service"
done
options=(--quiet --directory="$work/root" --machine="followsift$$" --private-network --resolv-conf=off --timezone=off
  --link-journal=no --console=read-only --register=no)
# Where we are not ourselves a unit of systemd, nspawn has to stay where it is put: in a group of its own.
if [ ! -d /run/systemd/system ]; then
  options+=(--keep-unit)
  base=/sys/fs/cgroup/unified; [ -d $base ] || base=/sys/fs/cgroup
  group=$base/followsift-$$
  mkdir "$group" 2>/dev/null || skip "a cgroup of its own"
fi
setsid unshare -m --propagation private bash -c '
  [ -z "$2" ] || echo $$ >"$2/cgroup.procs"
  mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" "$1/root" || exit 1
  exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn "${@:4}" --boot' \
  bash "$work" "${group:-}" "$tree" "${options[@]}" </dev/null >"$work/console" 2>&1 &
nspawn=$!
leader=
for _ in $(seq 200); do
  kill -0 $nspawn 2>/dev/null || { cat "$work/console" >&2; nspawn=; skip "a machine on which systemd-nspawn can boot"; }
  leader=$(leader); [ -z "$leader" ] || break
  sleep 0.1
done
[ -n "$leader" ] || skip "a machine on which systemd-nspawn can boot"
for _ in $(seq 100); do inside test -S /run/systemd/private 2>/dev/null && break; sleep 0.1; done
inside timeout 60 systemctl is-system-running --wait >/dev/null || true
say "systemd $(inside systemctl --version | awk 'NR == 1 { print $2 }') runs"

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
until_true "the status says so" 20 status_has "watching home"
deliver 1 1
until_true "a mail is filed" 20 filed 1

say "Journal fields"
inside sh -c 'journalctl --no-pager -o json -u followsift VERDICT=spam' >"$work/journal"
for field in '"ACCOUNT":"home"' '"NETWORK":"twitter"' '"RULE":"Thousands"' '"MAIL_ID":"<1@twitter.com>"' '"FOLLOWER":"' \
  '"MESSAGE_ID":"' '"PRIORITY":"6"' '"MESSAGE":"mail moved to Spam: '; do
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
