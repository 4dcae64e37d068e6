#!/usr/bin/env bash
# The service under a real systemd, in a container of systemd-nspawn with a Debian of its own, and a Dovecot in it:
# READY, reload, journal fields, a hung process restarted, a stop in the middle of a sweep, systemd giving up, credentials, a password
# program, and every unit that ships. `tests/units.rs` looks at what needs no systemd that runs.
#
# Needs root, and Debian or its kin; says aloud where it has to be skipped. The tree is kept in FOLLOWSIFT_TEST_CACHE
# (~/.cache/followsift-tests), everything else is thrown away.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/container.sh
. tests/support/container_mail.sh

skip() { say "SKIPPED, for want of $1: followsift under a real systemd"; exit 0; }
fail() { say "FAILED: $1"; inside journalctl --no-pager -n 40 >&2 || tail -20 "$work/console" >&2; exit 1; }

debian systemd libssl3 ca-certificates dovecot-imapd
cargo build --quiet
prepare
trap end EXIT

# The mail server is started below, with a configuration of its own.
mkdir -p "$work/upper/etc/systemd/system"
ln -s /dev/null "$work/upper/etc/systemd/system/dovecot.service"
boot

put /usr/local/bin/followsift 755 <target/debug/followsift
put /etc/sysusers.d/followsift.conf <systemd/followsift.sysusers.conf
inside systemd-sysusers
inside install -d -m 750 -g followsift /etc/followsift
put '/etc/systemd/system/followsift-trouble@.service' <'systemd/followsift-trouble@.service'
put /etc/systemd/system/followsift.service <systemd/followsift-system.service
put /etc/systemd/system/followsift.service.d/test.conf <<'UNIT'
[Service]
WatchdogSec=5
TimeoutAbortSec=2
RestartSec=1
[Unit]
OnFailure=followsift-trouble@%n.service
UNIT
printf '#!/bin/sh\ncat >>/srv/letters\n' | put /usr/sbin/sendmail 755
put /etc/followsift/followsift.toml <<'TOML'
state = "/var/lib/followsift"
[hooks]
on-trouble = ["/usr/local/bin/tell"]
[accounts.home]
host = "127.0.0.1"
port = 143
tls = "off"
user = "ann"
password-file = "password"
backlog = "all"
TOML
printf '#!/bin/sh\nexec cat >>"$HOME/told"\n' | put /usr/local/bin/tell 755
rules() { printf '[verdict.spam]\nmove-to = "Spam"\n[[rule]]\nname = "Thousands"\nwhen.following = "%s"\nverdict = "spam"\n' "$1"; }
rules '>= 2000' | put /etc/followsift/rules.toml
echo secret | put /etc/followsift/password 600
inside chown followsift /etc/followsift/password
mail_server 'ssl = no'

property() { inside systemctl show followsift -P "$1"; }
status_has() { property StatusText | grep -qF "$1"; }
filed() { [ "$(count /srv/mail/ann/.Spam)" = "$1" ]; }

say "A wrong file keeps it from starting, and systemd does not try for ever"
rules 'many' | put /etc/followsift/rules.toml
inside systemctl start followsift 2>/dev/null && fail "started with wrong rules"
[ "$(property ExecMainStatus) $(property NRestarts)" = "78 0" ] || fail "a wrong file: $(property ExecMainStatus)"
inside journalctl --no-pager -o json -u followsift -p err >"$work/journal"
for word in '"FINDING":' '"PRIORITY":"3"' 'rules.toml:5: `many` is not a number'; do
  grep -qF "$word" "$work/journal" || { cat "$work/journal" >&2; fail "no $word in the journal"; }
done
status_has "could not start: /etc/followsift/rules.toml:5: " || fail "the status of the start: $(property StatusText)"
told() { inside grep -qsF "$1" /srv/letters; }
until_true "root is told" 10 told "Subject: followsift.service has failed"
rules '>= 2000' | put /etc/followsift/rules.toml

say "READY, and a mail filed"
inside systemctl start followsift || fail start
[[ " $(property After) " == *" time-sync.target "* ]] || fail "does not wait for a set clock"
until_true "the status says so" 20 status_has "watching home"
deliver 1 1
until_true "a mail is filed" 20 filed 1

say "The folders are the service's own"
unable() { ! inside setpriv --reuid=nobody --regid=nogroup --clear-groups "$@" 2>/dev/null; }
unable ls /etc/followsift || fail "others can read the settings"
unable ls /run/followsift || fail "others can ask the service"
[ "$(inside stat -c '%a %U %G' /etc/followsift)" = "750 root followsift" ] || fail "rights of the settings"

say "Journal fields"
inside sh -c 'journalctl --no-pager -o json -u followsift VERDICT=spam' >"$work/journal"
for field in '"ACCOUNT":"home"' '"NETWORK":"twitter"' '"RULE":"Thousands"' '"MAIL_ID":"<1@twitter.com>"' '"FOLLOWER":"' \
  '"MESSAGE_ID":"' '"PRIORITY":"6"' '"MESSAGE":"home: message moved to Spam: '; do
  grep -qF "$field" "$work/journal" || { cat "$work/journal" >&2; fail "no $field in the journal"; }
done

say "Reload, wrong and right"
rules 'many' | put /etc/followsift/rules.toml
inside systemctl reload followsift 2>/dev/null && fail "a reload of wrong files succeeded"
until_true "the status says what is wrong" 10 status_has "rules.toml:5: "
[ "$(property ActiveState)" = active ] || fail "a wrong reload ended it"
until_true "a hook is told, in the sandbox" 10 inside grep -qs '"cause":"reload"' /var/lib/followsift/told
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

say "systemd gives up on a service that fails again and again, and says so"
inside systemctl start followsift || fail start
gives_up() {
  [ "$(property ActiveState)" != failed ] || return 0
  inside systemctl kill --signal=SIGKILL followsift 2>/dev/null || true
  return 1
}
until_true "systemd gives up" 60 gives_up
[ "$(property Result)" = start-limit-hit ] || [ "$(property NRestarts)" -ge 9 ] || fail "gave up: $(property Result)"
inside journalctl --no-pager -u followsift | grep -q "Start request repeated too quickly" || fail "systemd does not say so"
inside systemctl reset-failed followsift

say "A password in a credential, encrypted or not, and one that a program prints"
drop_in() { put /etc/systemd/system/followsift.service.d/password.conf; inside systemctl daemon-reload; }
password() { inside sed -i "s|^password-.*|password-$1|" /etc/followsift/followsift.toml; }
works() { # LAST
  inside systemctl reset-failed followsift 2>/dev/null || true
  inside systemctl start followsift || fail "start"
  deliver "$1" "$1"
  until_true "a mail is filed" 20 filed "$1"
  inside systemctl reload followsift || fail "reload"
  inside systemctl stop followsift
}
password 'credential = "followsift.home"'
echo secret | put /etc/credstore/followsift.home 600
printf '[Service]\nLoadCredential=followsift.home\n' | drop_in
works 203
inside rm /etc/credstore/followsift.home
inside sh -c 'mkdir -p /etc/credstore.encrypted && echo secret | systemd-creds encrypt --with-key=host --name=followsift.home - /etc/credstore.encrypted/followsift.home 2>/dev/null' ||
  fail "systemd-creds"
printf '[Service]\nLoadCredentialEncrypted=followsift.home\n' | drop_in
works 204
password 'command = ["sh", "-c", "printf sec; printf ret"]'
inside rm /etc/systemd/system/followsift.service.d/password.conf
inside systemctl daemon-reload
works 205
drop_in <systemd/password-command.conf
works 206
inside rm /etc/systemd/system/followsift.service.d/password.conf
password 'file = "password"'

say "An instance of the template, and commands that ask it"
put '/etc/systemd/system/followsift@.service' <'systemd/followsift@.service'
inside install -d -m 750 -g followsift /etc/followsift-ann
inside sh -c 'cp -a /etc/followsift/* /etc/followsift-ann/ && sed -i s:^state.*:state=\"/var/lib/followsift-ann\": /etc/followsift-ann/followsift.toml'
inside systemctl daemon-reload
inside systemctl start followsift@ann || fail "the instance"
as_service() { inside setpriv --reuid=followsift --regid=followsift --clear-groups env HOME=/var/lib/followsift "$@"; }
# What came before the first look of a new ledger stays.
has_swept() { "$@" status 2>/dev/null | grep -q 'last sweep: 2'; }
until_true "the command status finds the instance" 20 has_swept as_service followsift --settings /etc/followsift-ann/followsift.toml
deliver 207 207
until_true "the instance files a mail" 20 filed 207
inside systemctl reload followsift@ann || fail "reload of the instance"
as_service followsift check --settings /etc/followsift-ann/followsift.toml >"$work/check" || fail "check of the instance"
! grep -q 'locks of mailboxes' "$work/check" || fail "the instance cannot lock mailboxes"
! inside journalctl --no-pager -u followsift@ann | grep -q "could not" || fail "the instance has troubles"
inside systemctl stop followsift@ann

say "Metrics, over a socket in the sandbox"
listen() { inside sed -i '/^\[metrics\]/,/^listen/d' /etc/followsift/followsift.toml; printf '[metrics]\nlisten = "%s"\n' "$1" | inside sh -c 'cat >>/etc/followsift/followsift.toml'; }
shows() { metrics "$1" 2>/dev/null | grep -qxF "$2"; }
listen /run/followsift/metrics.sock
inside systemctl reset-failed followsift 2>/dev/null || true
inside systemctl start followsift || fail "start with metrics"
until_true "the metrics are there" 20 shows /run/followsift/metrics.sock 'followsift_account_state{account="home",state="watching"} 1'
unable perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer => "/run/followsift/metrics.sock") or exit 1' ||
  fail "others can read the metrics"
echo wrong | inside sh -c 'cat >/etc/followsift/password'
inside systemctl restart followsift || fail "restart"
until_true "a paused account is visible" 20 shows /run/followsift/metrics.sock 'followsift_account_state{account="home",state="paused"} 1'
echo secret | inside sh -c 'cat >/etc/followsift/password'
until_true "it goes on when the password is saved" 20 shows /run/followsift/metrics.sock 'followsift_account_state{account="home",state="watching"} 1'

say "Metrics at a port, with the drop-in alone"
bind='use IO::Socket::INET; IO::Socket::INET->new(LocalAddr => "127.0.0.1:9188", Listen => 1) or exit 1'
if inside systemd-run --quiet --wait --property=SocketBindDeny=any perl -e "$bind" 2>/dev/null; then
  say "SKIPPED, for want of a systemd with +BPF_FRAMEWORK, which keeps to SocketBindDeny=: that the unit allows no port without metrics.conf"
else
  listen 127.0.0.1:9188
  until_true "the log says why there are none" 20 inside sh -c 'journalctl --no-pager -u followsift | grep -q "could not listen at port 127.0.0.1:9188: .*metrics.conf"'
  [ "$(property ActiveState)" = active ] || fail "a port that is not allowed ended it"
fi
listen 127.0.0.1:9188
put /etc/systemd/system/followsift.service.d/metrics.conf <systemd/metrics.conf
inside systemctl daemon-reload
inside systemctl restart followsift || fail "restart with metrics.conf"
until_true "the metrics are at the port" 20 shows 127.0.0.1:9188 'followsift_account_state{account="home",state="watching"} 1'
inside rm /etc/systemd/system/followsift.service.d/metrics.conf
inside systemctl daemon-reload
inside systemctl stop followsift
inside sed -i '/^\[metrics\]/,/^listen/d' /etc/followsift/followsift.toml

say "The milter, by its socket, in a sandbox without a network"
for unit in followsift-milter.service followsift-milter.socket; do put /etc/systemd/system/$unit <systemd/$unit; done
inside systemctl daemon-reload
inside systemctl start followsift-milter.socket || fail "the socket of the milter"
[ "$(inside systemctl is-active followsift-milter)" = inactive ] || fail "the milter runs before it is asked"
# follower NUMBER MINUTE: a message that mx.example.org has proven.
follower() {
  sed "s/tiff_snow/bulk_$1/g" tests/corpus/twitter/box-2009/message.eml | tr -d '\r' |
    sed "1i Authentication-Results: mx.example.org; dkim=pass header.d=twitter.com\nDate: $(date -Ru -d "-$2 minutes")"
}
adds() { follower "$1" "$2" | milter 127.0.0.1:8895 "$3" >"$work/added" && grep -q "X-Followsift .*verdict=$4" "$work/added"; }
adds 1 30 ann@a.example 'spam;' || { cat "$work/added" >&2; fail "the milter adds no verdict"; }
[ "$(inside systemctl is-active followsift-milter)" = active ] || fail "the milter does not run"
inside systemctl reload followsift-milter || fail "reload of the milter"
adds 2 29 ann@a.example 'spam;' || fail "the milter adds no verdict after a reload"
inside journalctl --no-pager -u followsift-milter | grep -q reloaded || fail "the milter says nothing"
! inside journalctl --no-pager -u followsift-milter | grep -q 'error:' || fail "the milter has troubles"

say "The milter, with a memory"
printf '[delivery]\nmemory = "sqlite"\n' | inside sh -c 'cat >>/etc/followsift/followsift.toml'
printf '[[rule]]\nname = "Wave"\nwhen.wave = ">= 1"\nverdict = "real"\n' | inside sh -c 'cat - /etc/followsift/rules.toml >/srv/rules && cp /srv/rules /etc/followsift/rules.toml'
inside systemctl daemon-reload
inside systemctl restart followsift-milter || fail "the milter with a memory"
adds 3 20 ann@a.example 'spam;' || { cat "$work/added" >&2; fail "the first follower of an hour"; }
adds 4 10 ann@a.example 'real;' || { cat "$work/added" >&2; fail "the second follower of an hour"; }
adds 4 10 bob@a.example 'spam;' || fail "a follower of somebody else"
! inside journalctl --no-pager -u followsift-milter | grep -q 'error:' || fail "the milter with a memory has troubles"
inside systemctl stop followsift-milter.socket followsift-milter.service
inside sed -i '/^\[delivery\]/,/^memory/d' /etc/followsift/followsift.toml
rules '>= 2000' | put /etc/followsift/rules.toml

say "A sweep by the timer"
for unit in followsift-sweep.service followsift-sweep.timer; do put /etc/systemd/system/$unit <systemd/$unit; done
inside systemctl daemon-reload
deliver 208 208
inside systemctl start followsift-sweep.timer || fail "the timer"
[ -n "$(inside systemctl show followsift-sweep.timer -P NextElapseUSecRealtime)" ] || fail "the timer does not elapse"
inside systemctl start followsift-sweep.service || fail "the sweep"
filed 208 || fail "the sweep filed nothing"
inside systemctl stop followsift-sweep.timer

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
until_true "the user's service looks" 20 has_swept users /home/ann/.cargo/bin/followsift
deliver 209 209
until_true "the user's service files a mail" 20 filed 209
users systemctl --user reload followsift || fail "reload of the user's unit"
users systemctl --user stop followsift

say "The unit of a user with hardening.conf"
put /home/ann/.config/systemd/user/followsift.service.d/hardening.conf <systemd/hardening.conf
inside chown -R ann:ann /home/ann
users systemctl --user daemon-reload
users systemctl --user start followsift || fail "the hardened unit"
deliver 210 210
until_true "the hardened service files a mail" 20 filed 210
users systemctl --user reload followsift || fail "reload of the hardened unit"
users /home/ann/.cargo/bin/followsift status >"$work/status" 2>&1 || { cat "$work/status" >&2; fail "status of the hardened unit"; }
users systemctl --user stop followsift
say "All is well under systemd"
