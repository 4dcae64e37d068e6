#!/usr/bin/env bash
# The first day of somebody who has the README and nothing else, in a container with a real systemd and a mail server: from the first
# dry run to the service, with what goes wrong on the way; then the same as a service of the machine, from the manual. The commands of "As
# a service", of REMOVAL and of AS A SERVICE OF THE MACHINE are taken from these pages. `cargo install` is not among them, since the container has neither Rust nor a network: the program is put where it would.
#
# Needs root, and Debian or its kin; says aloud where it has to be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/container.sh
. tests/support/container_mail.sh

skip() { say "SKIPPED, for want of $1: the first day with followsift"; exit 0; }
fail() { say "FAILED: $1"; [ ! -s "$work/said" ] || cat "$work/said" >&2; inside journalctl --no-pager -n 30 >&2 || tail -20 "$work/console" >&2; exit 1; }

debian systemd libssl3 ca-certificates dovecot-imapd
need_packages openssl
cargo build --quiet
prepare
trap end EXIT
mkdir -p "$work/upper/etc/systemd/system"
ln -s /dev/null "$work/upper/etc/systemd/system/dovecot.service"
boot

echo '127.0.0.1 localhost' | put /etc/hosts
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
put /etc/dovecot/key.pem 600 <"$work/key.pem"
put /etc/dovecot/cert.pem <"$work/cert.pem"
mail_server 'ssl = required' 'ssl_cert = </etc/dovecot/cert.pem' 'ssl_key = </etc/dovecot/key.pem'
fingerprint=sha256:$(openssl x509 -in "$work/cert.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g')

inside useradd -m -s /bin/bash -u 1000 ann
inside install -D -o ann -g ann /dev/null /home/ann/.cargo/bin/followsift
put /home/ann/.cargo/bin/followsift 755 <target/debug/followsift
inside install -d /home/ann/followsift
tar -c README.md systemd config/man | inside tar -x -C /home/ann/followsift
inside chown -R ann:ann /home/ann
# She is logged in.
inside systemctl start user@1000
until_true "she has a systemd of her own" 20 inside test -S /run/user/1000/systemd/private
ann() { # COMMAND: as she types it, in the folder of the sources
  inside setpriv --reuid=ann --regid=ann --init-groups env HOME=/home/ann USER=ann XDG_RUNTIME_DIR=/run/user/1000 \
    PATH=/home/ann/.cargo/bin:/usr/local/bin:/usr/bin:/bin bash -c "cd ~/followsift && $1" >"$work/said" 2>&1
}
says() { grep -qF -- "$1" "$work/said" || fail "it does not say: $1"; }
# page_commands FILE HEADING: what stands after `$ ` in that section.
page_commands() {
  awk -v heading="$2" '$0 == heading { on = 1; next } /^#+ / { on = 0 } on && /^ *\$ / { sub(/^ *\$ /, ""); print }' "$1"
}
follow() { # FILE HEADING: does what the section says; root does what sudo would
  local command done=0
  while read -r command <&3; do
    case $command in
      cargo\ uninstall*) ann 'rm ~/.cargo/bin/followsift' ;;
      sudo\ *) inside env USER=ann sh -c "${command#sudo }" >"$work/said" 2>&1 ;;
      *) ann "$command" ;;
    esac || fail "$command"
    done=$((done + 1))
  done 3< <(page_commands "$1" "$2")
  [ $done -gt 0 ] || fail "$1 has no commands below $2"
}
inbox() { echo $(($(count /srv/mail/ann/new) + $(count /srv/mail/ann/cur))); }
filed() { [ "$(count /srv/mail/ann/.Followers.Spam)" = "$1" ]; }
status_is() { local code=0; ann 'followsift status' || code=$?; [ $code = "$1" ] && grep -qF -- "$2" "$work/said"; }

say "Three commands to a first dry run"
deliver 1 3
begun=$(date +%s%N)
ann 'followsift providers ann@post.example' || true
ann "echo secret | followsift init ann@post.example --host localhost --user ann --tls-fingerprint $fingerprint --password-stdin --observe --yes" ||
  fail "init"
says "3 notifications of new followers in the inbox"
ann 'followsift sweep --dry-run --since 30d' || fail "the dry run"
says "3 would be moved"
took=$((($(date +%s%N) - begun) / 1000000))
[ "$(inbox)" = 3 ] || fail "the dry run moved something"
[ $took -lt 120000 ] || fail "it took $took ms"
say "They took $took ms of the machine's time"

say "She likes what she sees"
ann 'followsift check' || fail "check"
ann 'followsift status' && fail "there is no service yet"
says "not running"
ann "sed -i '/^act = false/d' ~/.config/followsift/followsift.toml && followsift sweep --since 30d" || fail "the sweep"
filed 3 || fail "the sweep filed nothing"

say "As a service"
follow README.md '## As a service'
until_true "the service is well" 20 status_is 0 watching
deliver 4 4
until_true "it files what comes" 20 filed 4
[ "$(inside loginctl show-user ann -P Linger)" = yes ] || fail "it ends when she logs out"

say "She pauses it"
ann 'followsift pause 2h' || fail "pause"
until_true "the status says so" 20 status_is 0 'paused until'
deliver 5 5
sleep 3
filed 4 || fail "it files while it is paused"
ann 'followsift unpause' || fail "unpause"
until_true "what came meanwhile is filed" 20 filed 5

say "She makes a mistake in the rules"
ann 'cp ~/.config/followsift/rules.toml ~/rules && printf "[[rule]]\nname = \"New\"\nwhen.folowers = 3\nverdict = \"spam\"\n" >>~/.config/followsift/rules.toml'
ann 'systemctl --user reload followsift' && fail "a reload of wrong rules succeeded"
ann 'followsift check' && fail "check finds nothing"
says 'did you mean `followers`?'
until_true "the status says so" 20 status_is 75 'unknown fact `folowers`'
deliver 6 6
until_true "the rules before go on" 20 filed 6
ann 'cp ~/rules ~/.config/followsift/rules.toml && systemctl --user reload followsift' || fail "the reload of right rules"
until_true "all is well again" 20 status_is 0 watching

say "Her password is changed"
ann 'echo other >~/.config/followsift/home.password && systemctl --user restart followsift' || fail "restart"
until_true "the account is paused, and the exit code tells a script" 20 status_is 75 'could not log in'
ann 'systemctl --user status --no-pager followsift' || fail "it ended"
says "home is paused until you act"
ann 'echo secret >~/.config/followsift/home.password' || fail "the right password"
until_true "it goes on without a restart" 20 status_is 0 watching

say "Metrics"
ann 'printf "[metrics]\nlisten = \"/run/user/1000/followsift/metrics.sock\"\n" >>~/.config/followsift/followsift.toml && systemctl --user reload followsift' || fail "reload"
shown() { metrics /run/user/1000/followsift/metrics.sock 2>/dev/null | grep -qxF 'followsift_account_state{account="home",state="watching"} 1'; }
until_true "they are shown" 20 shown

say "She puts one back, and it stays"
ann 'followsift history' || fail "history"
says @bulk_6
ann 'followsift restore --follower @bulk_6 --yes' || fail "restore"
[ "$(inbox)" = 1 ] && filed 5 || fail "it was not put back"
ann 'followsift sweep --since 30d' || fail "a sweep beside the service"
deliver 7 7
until_true "others are filed as before" 20 filed 6
[ "$(inbox)" = 1 ] || fail "what she put back was moved again"

say "Sweeps by a timer instead"
ann 'systemctl --user stop followsift' || fail "stop"
timer=$(grep -o "systemd-run --user --unit=followsift-sweep --on-calendar='[^']*' [^#]*" systemd/followsift-sweep.service)
[ -n "$timer" ] || fail "the sample of the timer has no command for a user"
ann "$timer" || fail "$timer"
deliver 8 8
ann 'systemctl --user start followsift-sweep.service' || fail "the sweep of the timer"
until_true "the sweep files" 20 filed 7
ann 'systemctl --user stop followsift-sweep.timer' || fail "the timer"

say "She removes it"
follow config/man/followsift.8.md '# REMOVAL'
[ -z "$(inside pgrep -x followsift || true)" ] || fail "it still runs"
inside sh -c 'find /home/ann /run/user/1000 -ipath "*followsift*" ! -path "/home/ann/followsift*" ! -path "*/rules"' >"$work/left"
[ ! -s "$work/left" ] || { cat "$work/left" >&2; fail "something of it is left"; }
[ "$(inbox)" = 1 ] && filed 7 || fail "messages changed"
say "As a service of the machine"
put /root/.cargo/bin/followsift 755 <target/debug/followsift
root() { inside bash -c "cd /home/ann/followsift && $1" >"$work/said" 2>&1; }
edit() { # FILE: what the manual says about it
  case $1 in
    */password) echo secret | inside tee "$1" ;;
    # The first of each key, which is that of the account; further ones are examples for other accounts.
    */followsift.toml) inside sed -i -e '0,/^#state = .*/s||state = "/var/lib/followsift"|' -e '0,/^#\[accounts.home\]/s//[accounts.home]/' \
      -e "0,/^#host = .*/s//host = \"localhost\"\ntls-fingerprint = \"$fingerprint\"/" -e '0,/^#user = .*/s//user = "ann"/' \
      -e '0,/^#password-file = .*/s//password-file = "password"/' "$1" ;;
  esac >/dev/null
}
done=0
while read -r prompt command <&3; do
  case "$prompt $command" in
    '# editor '*) file=${command#editor }; edit "${file%% *}" ;;
    '$ sudo -u followsift '*) root "setpriv --reuid=followsift --regid=followsift --clear-groups env HOME=/var/lib/followsift ${command#sudo -u followsift }" ;;
    *) root "PATH=/root/.cargo/bin:\$PATH; $command" ;;
  esac || fail "$command"
  done=$((done + 1))
done 3< <(awk '$0 == "# AS A SERVICE OF THE MACHINE" { on = 1 } on && /^In followsift.toml/ { exit } on && /^    / { print substr($0, 5) }' \
  config/man/followsift.8.md | sed -e ':a' -e '/\\$/{N; s/\\\n */ /; ta}')
[ $done -ge 10 ] || fail "the manual has no commands for a service of the machine"
says "logged in"
machine_says() { inside systemctl show followsift -P StatusText | grep -qF "$1"; }
until_true "it watches" 20 machine_says "watching home"
deliver 9 9
until_true "it files" 20 filed 8
say "A good first day"
