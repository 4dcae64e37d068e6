#!/usr/bin/env bash
# `followsift filter` in the programs that deliver mail: Dovecot's Pigeonhole, maildrop and procmail file by its field, with the
# samples of config/delivery. And every fixture gets the answer of `explain --json`. The programs are unpacked from Debian's
# packages, as the tests' Dovecot is, and nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

fail() { say "FAILED: $1"; exit 1; }

need_rust
unpack pigeonhole dovecot-core dovecot-sieve
unpack procmail procmail
unpack maildrop maildrop
# A program with these bits finds no library that is not installed.
chmod ug-s "$servers/maildrop/usr/bin/maildrop"
cargo build --quiet
followsift=$PWD/target/debug/followsift

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home PATH=$work/bin:/usr/bin:/bin
mkdir -p "$HOME" "$work/bin"
ln -s "$followsift" "$work/bin/followsift"
spam=$work/spam.eml real=$work/ordinary.eml forged=$work/forged.eml
cat >"$work/rules.toml" <<'RULES'
[verdict.spam]
move-to = "Followers/Spam"

[[rule]]
name = "Every follower"
verdict = "spam"
RULES
# A fixture that is a notification, with lines as a delivery agent has them.
first=$(find tests/corpus -name message.eml | sort | while read -r message; do
  "$followsift" filter --rules "$work/rules.toml" <"$message" | grep '^X-Followsift: .*verdict=spam;' >/dev/null && echo "$message" && break
done || true)
[ -n "$first" ] || fail "no fixture is a notification"
tr -d '\r' <"$first" >"$spam"
printf 'From: Jo <jo@bloom.example>\nTo: kim@home.example\nSubject: Lunch?\n\nOne o'"'"'clock?\n' >"$real"
{ printf 'X-Followsift: network=x; kind=follow; verdict=spam;\n rule="mine"\n'; cat "$real"; } >"$forged"

say "The answers of explain and filter"
different=0
count=0
while read -r message; do
  count=$((count + 1))
  said=$("$followsift" explain --json "$message" | sed -n 's/.*"kind":"\([^"]*\)".*"verdict":"\([^"]*\)","action".*/\1 \2/p')
  field=$("$followsift" filter <"$message" | tr -d '\r' | sed -n '1s/^X-Followsift: .*kind=\([^;]*\); verdict=\([^;]*\).*/\1 \2/p')
  # A verdict that the service could not carry out in full is withheld.
  [ "$said" = "$field" ] || [ "${said%% *} undecided" = "$field" ] || { say "$message: explain $said, filter $field"; different=$((different + 1)); }
done < <(find tests/corpus ${FOLLOWSIFT_CORPUS:+$(tr : ' ' <<<"$FOLLOWSIFT_CORPUS")} -name '*.eml')
[ $different = 0 ] || fail "$different of $count messages have another answer"
say "They are the same for $count messages"

# check PROGRAM: where the three messages are now.
check() {
  local program=$1 folder=$HOME/Maildir
  local filed inbox
  filed=$(cat "$folder"/.Followers.Spam/new/* 2>/dev/null | grep -c '^X-Followsift: .*verdict=spam;' || true)
  inbox=$(find "$folder/new" -type f | wc -l)
  [ "$filed" = 1 ] || fail "$program: $filed messages are filed"
  [ "$inbox" = 2 ] || fail "$program: $inbox messages are in the inbox"
  ! grep -rq '^X-Followsift' "$folder/new" || fail "$program: a field that a sender wrote is still there"
  say "$program files by the field, and a field that a sender wrote files nothing"
  rm -rf "$folder"
}

maildir() { for folder in "" /.Followers.Spam; do mkdir -p "$HOME/Maildir$folder"/{cur,new,tmp}; done; }
# The samples, with the rules of this test.
sample() { sed "s|--authserv-id mx.example.org|--rules $work/rules.toml|" "config/delivery/$1"; }

say "procmail"
maildir
# procmail takes HOME from the user database.
{ echo "HOME=$HOME"; echo "DEFAULT=$HOME/Maildir/"; echo "PATH=$PATH"; echo "LOGFILE=$work/procmail.log"; sample procmailrc; } >"$work/procmailrc"
for message in "$spam" "$real" "$forged"; do
  "$servers/procmail/launch" procmail -m "$work/procmailrc" <"$message" || fail "procmail: $(cat "$work/procmail.log")"
done
check procmail

say "maildrop"
maildir
{ echo "DEFAULT=\"$HOME/Maildir\""; echo "PATH=\"$PATH\""; echo "HOME=\"$HOME\""; sample maildroprc; } >"$work/maildroprc"
chmod 600 "$work/maildroprc"
for message in "$spam" "$real" "$forged"; do
  "$servers/maildrop/launch" maildrop "$work/maildroprc" <"$message" || fail "maildrop"
done
check maildrop

say "Pigeonhole"
# Dovecot refuses to deliver as root, and another user may not see our folders.
user=$(id -un) group=$(id -gn)
if [ "$(id -u)" = 0 ]; then user=nobody group=nogroup; fi
maildir
mkdir -p "$work/sieve" "$work/filters" "$work/run"
cp -a "$servers/pigeonhole" "$work/server"
cp "$followsift" "$work/filters/followsift"
sed "s|\"--authserv-id\", \"mx.example.org\"|\"--rules\", \"$work/rules.toml\"|; s|Followers/Spam|Followers.Spam|" \
  config/delivery/followsift.sieve >"$work/sieve/followsift.sieve"
cat >"$work/dovecot.conf" <<CONF
import_environment = LD_LIBRARY_PATH LD_PRELOAD UNPACKED_ROOT PATH HOME USER
base_dir = $work/run
log_path = $work/dovecot.log
mail_location = maildir:$HOME/Maildir
mail_home = $HOME
default_login_user = $user
default_internal_user = $user
default_internal_group = $group
mail_plugin_dir = $work/server/usr/lib/dovecot/modules
ssl = no
protocol lda {
  mail_plugins = sieve
}
plugin {
  sieve_plugins = sieve_extprograms
  sieve_global_extensions = +vnd.dovecot.filter
  sieve_filter_bin_dir = $work/filters
  sieve_before = $work/sieve
}
CONF
[ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$work"
as_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups env USER=nobody "$@"; else "$@"; fi
}
for message in "$spam" "$real" "$forged"; do
  as_user "$work/server/launch" "$work/server/usr/lib/dovecot/dovecot-lda" -c "$work/dovecot.conf" -e <"$message" || fail "Pigeonhole: $(tail -5 "$work/dovecot.log")"
done
check Pigeonhole

say "Every fixture, by Pigeonhole"
maildir
[ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$HOME"
# field <MESSAGE: the field that was added, on one line.
field() {
  tr -d '\r' | awk '/^$/ { body = 1 } body { next } /^X-Followsift:/ { ours = 1; line = $0; next } ours && /^[ \t]/ { line = line $0; next }
    { ours = 0 } END { gsub(/[ \t]+/, " ", line); print line }'
}
different=0 count=0 filed=0
while read -r message; do
  tr -d '\r' <"$message" >"$work/message"
  expected=$("$followsift" filter --rules "$work/rules.toml" <"$work/message" | field)
  as_user "$work/server/launch" "$work/server/usr/lib/dovecot/dovecot-lda" -c "$work/dovecot.conf" -e <"$work/message" || fail "Pigeonhole: $(tail -5 "$work/dovecot.log")"
  folder=$HOME/Maildir/new
  case $expected in *"; verdict=spam;"*) folder=$HOME/Maildir/.Followers.Spam/new filed=$((filed + 1)) ;; esac
  said=$(find "$folder" -type f -exec cat {} + | field)
  [ -n "$(find "$folder" -type f)" ] && [ "$said" = "$expected" ] || { say "$message: $said, not $expected"; different=$((different + 1)); }
  find "$HOME/Maildir" -path '*/new/*' -type f -delete
  count=$((count + 1))
done < <(find tests/corpus ${FOLLOWSIFT_CORPUS:+$(tr : ' ' <<<"$FOLLOWSIFT_CORPUS")} -name '*.eml')
[ $different = 0 ] || fail "$different of $count messages are elsewhere or have another field"
[ $filed -gt 100 ] || fail "only $filed messages are filed"
say "$count are delivered, $filed of them filed, each with the answer of filter"
