#!/usr/bin/env bash
# `followsift milter` behind a real Postfix, with the lines of config/delivery/postfix-main.cf: Postfix hands each message to a real
# Dovecot by LMTP, and a Sieve script files by the field. Then what fails: the milter hangs, ends and is not there, and every message
# is delivered. At the end, how many messages a second Postfix takes, with and without the milter. The servers are unpacked from
# Debian's packages, as the tests' Dovecot is; nothing is installed, and they listen on 127.0.0.1 alone.
#
# Needs root, since Postfix starts no other way; says aloud where it has to be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

if [ "$(id -u)" != 0 ]; then say "SKIPPED, for want of root: followsift milter behind Postfix"; exit 0; fi
need_rust
unpack postfix postfix
unpack lmtp dovecot-core dovecot-sieve dovecot-lmtpd
postfix=$servers/postfix
# A program with these bits finds no library that is not installed.
chmod ug-s "$postfix"/usr/sbin/*
profile=${FOLLOWSIFT_PROFILE:-dev}
cargo build --quiet --profile "$profile"
followsift=target/${profile/dev/debug}/followsift

work=$(mktemp -d)
started=()
fail() { say "FAILED: $1"; tail -n 20 "$work"/*.log >&2; exit 1; }
end() {
  set +e
  for process in "${started[@]}"; do
    kill -CONT "$process" 2>/dev/null
    kill "$process" 2>/dev/null && wait "$process"
  done
  rm -rf "$work"
}
trap end EXIT
chmod 755 "$work"
smtp=25252 lmtp=24242 milter=28895

# wait_for WORDS COMMAND...: until the command succeeds.
wait_for() {
  local words=$1
  shift
  for _ in $(seq 300); do "$@" && return; sleep 0.1; done
  fail "$words"
}
listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

say "Dovecot, which delivers to $work/home"
mkdir -p "$work"/{home,sieve,run}
sed '1,/^require/{/^require/!d}; /^if envelope/,/^}/d; /^filter/d; s/"vnd.dovecot.filter", "envelope", "variables", //; s|Followers/Spam|Followers.Spam|; /^# If the program/d' \
  config/delivery/followsift.sieve >"$work/sieve/followsift.sieve"
chown -R nobody:nogroup "$work/home" "$work/sieve"
cat >"$work/dovecot.conf" <<CONF
import_environment = LD_LIBRARY_PATH LD_PRELOAD UNPACKED_ROOT PATH
base_dir = $work/run
log_path = $work/dovecot.log
mail_location = maildir:$work/home/%n/Maildir
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
first_valid_uid = 1
mail_plugin_dir = $servers/lmtp/usr/lib/dovecot/modules
ssl = no
protocols = lmtp
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$work/home/%n allow_all_users=yes
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $lmtp
  }
}
protocol lmtp {
  mail_plugins = sieve
}
plugin {
  sieve_before = $work/sieve
}
CONF
"$servers/lmtp/launch" "$servers/lmtp/usr/sbin/dovecot" -c "$work/dovecot.conf" -F 2>>"$work/dovecot.log" &
started+=($!)
wait_for "Dovecot does not listen" listens $lmtp

say "Postfix"
mkdir -p "$work"/{etc,data,queue/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,public,maildrop,pid,saved,trace}}
chown daemon "$work"/queue/* "$work/data"
chown root "$work/queue/pid"
chown daemon:mail "$work/queue/maildrop" "$work/queue/public"
{
  cat <<CONF
compatibility_level = 3.6
queue_directory = $work/queue
data_directory = $work/data
command_directory = $postfix/usr/sbin
daemon_directory = $postfix/usr/lib/postfix/sbin
shlib_directory = $postfix/usr/lib/postfix
meta_directory = $postfix/etc/postfix
mail_owner = daemon
setgid_group = mail
default_privs = nobody
import_environment = MAIL_CONFIG MAIL_LOGTAG TZ LD_LIBRARY_PATH LD_PRELOAD UNPACKED_ROOT PATH
export_environment = TZ LD_LIBRARY_PATH LD_PRELOAD UNPACKED_ROOT PATH
maillog_file = $work/postfix.log
maillog_file_prefixes = $work
myhostname = mx.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_recipient_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = a.example
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:$lmtp
# So that a milter that hangs is found to hang.
milter_command_timeout = 5s
milter_content_timeout = 5s
CONF
  # The sample, without the milter that is listed before ours.
  sed "s/inet:127.0.0.1:8891, inet:127.0.0.1:8895/inet:127.0.0.1:$milter/" config/delivery/postfix-main.cf
} >"$work/etc/main.cf"
cat >"$work/etc/master.cf" <<CONF
127.0.0.1:$smtp inet n - n - - smtpd
127.0.0.1:$((smtp + 1)) inet n - n - - smtpd
  -o smtpd_milters=
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
lmtp unix - - n - - lmtp
discard unix - - n - - discard
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
CONF
"$postfix/launch" "$postfix/usr/lib/postfix/sbin/master" -c "$work/etc" -d >>"$work/master.log" 2>&1 &
started+=($!)
wait_for "Postfix does not listen" listens $smtp

# start_milter ARGUMENT...
start_milter() {
  env -i HOME="$work" PATH="$PATH" "$followsift" milter --listen inet:127.0.0.1:$milter --rules "$work/rules.toml" "$@" 2>>"$work/milter.log" &
  ours=$!
  started+=("$ours")
  wait_for "the milter does not listen" listens $milter
  kill -0 "$ours" || fail "the milter does not run"
}
# every_follower: they are spam.
every_follower() { printf '[verdict.spam]\nmove-to = "Followers/Spam"\n[[rule]]\nname = "Every follower"\nverdict = "spam"\n' >"$work/rules.toml"; }
every_follower
mkdir -p "$work/users/ann"
printf '[verdict.spam]\nmove-to = "Followers/Spam"\n[[rule]]\nname = "None of them"\nwhen.followers = ">= 1000000000"\nverdict = "spam"\n' >"$work/users/ann/rules.toml"

# The first fixture that is a notification, an ordinary message, and one whose sender writes the field.
spam=$work/spam.eml real=$work/ordinary.eml forged=$work/forged.eml
first=$(find tests/corpus -name message.eml | sort | while read -r message; do
  "$followsift" filter --rules "$work/rules.toml" <"$message" | grep '^X-Followsift: .*verdict=spam;' >/dev/null && echo "$message" && break
done || true)
[ -n "$first" ] || fail "no fixture is a notification"
tr -d '\r' <"$first" >"$spam"
printf 'From: Jo <jo@bloom.example>\nTo: kim@a.example\nSubject: Lunch?\nX-Other: \344\377\n\nOne o'"'"'clock?\n' >"$real"
{ printf 'X-Followsift: network=x; kind=follow; verdict=spam;\n rule="mine"\nx-followsift : network=x; kind=follow; verdict=spam; rule="mine"\n'; cat "$real"; } >"$forged"

# send RECIPIENT MESSAGE [OPTION...]: by Postfix's own client.
send() {
  local recipient=$1 message=$2
  shift 2
  "$postfix/launch" smtp-source -f jo@bloom.example -t "$recipient@a.example" -F "$message" "$@" "127.0.0.1:${port:-$smtp}" || fail "Postfix refuses a message"
}
count() { find "$work/home/$1/Maildir$2/new" -type f 2>/dev/null | wc -l; }
has() { [ "$(count "$1" "$2")" = "$3" ]; }
# expect RECIPIENT FILED INBOX
expect() {
  wait_for "$1 has $(count "$1" /.Followers.Spam) filed messages and $(count "$1" "") in the inbox, not $2 and $3" has "$1" /.Followers.Spam "$2"
  wait_for "$1 has $(count "$1" "") messages in the inbox, not $3" has "$1" "" "$3"
}

say "What is filed"
start_milter --users "$work/users"
for message in "$spam" "$real" "$forged"; do send kim "$message"; done
expect kim 1 2
! grep -rqi '^X-Followsift' "$work/home/kim/Maildir/new" || fail "a field that a sender wrote is still there"
grep -rq '^X-Followsift: network=.*; verdict=spam;' "$work/home/kim/Maildir/.Followers.Spam/new" || fail "the filed message has no field"
grep -rlaq "$(printf '^X-Other: \344\377$')" "$work/home/kim/Maildir/new" || fail "bytes of a header are not as they were"
say "A Sieve script files by the field of the milter, and a field that a sender wrote files nothing"
send ann "$spam"
expect ann 0 1
! grep . "$work/milter.log" >&2 || fail "the milter has troubles"
say "A recipient's own rules count"

say "What fails"
kill -STOP "$ours"
send hung "$spam"
expect hung 0 1
kill -CONT "$ours"
kill "$ours"
wait "$ours" || fail "the milter does not stop well"
send gone "$spam"
expect gone 0 1
start_milter
send back "$spam"
expect back 1 0
! grep -E 'status=(deferred|bounced)|milter-reject' "$work/postfix.log" >&2 || fail "a message was rejected or delayed"
say "Each message is delivered, whether the milter hangs, ends or is not there"

say "Every message gets the field of filter"
fixtures=$work/fixtures number=0
find tests/corpus ${FOLLOWSIFT_CORPUS:+$(tr : ' ' <<<"$FOLLOWSIFT_CORPUS")} -name '*.eml' | sort >"$fixtures"
# field <MESSAGE: the field that was added, on one line.
field() {
  tr -d '\r' | awk '/^$/ { body = 1 } body { next } /^X-Followsift:/ { ours = 1; line = $0; next } ours && /^[ \t]/ { line = line $0; next }
    { ours = 0 } END { gsub(/[ \t]+/, " ", line); print line }'
}
mkdir -p "$work/expected"
while read -r message; do
  number=$((number + 1))
  tr -d '\r' <"$message" | "$followsift" filter --rules "$work/rules.toml" | field >"$work/expected/$number"
  # The recipient is its number.
  tr -d '\r' <"$message" >"$work/message"
  send "fixture-$number" "$work/message"
done <"$fixtures"
arrived() { [ "$(find "$work/home" -path '*/fixture-*/Maildir*/new/*' -type f | wc -l)" = "$number" ]; }
wait_for "not all of $number fixtures are delivered" arrived
different=0
for n in $(seq $number); do
  said=$(find "$work/home/fixture-$n" -path '*/new/*' -type f -exec cat {} + | field)
  [ "$said" = "$(cat "$work/expected/$n")" ] || { say "$(sed -n "${n}p" "$fixtures"): milter $said, filter $(cat "$work/expected/$n")"; different=$((different + 1)); }
done
[ $different = 0 ] || fail "$different of $number messages have another field"
[ "$(find "$work/expected" -size +1c | wc -l)" -gt 100 ] || fail "too few messages have a field"
say "The same for $number messages"

say "With a memory in PostgreSQL, which is killed and hangs"
if ! unshare --map-root-user --mount unshare --user true 2>/dev/null || ! need_postgresql; then
  say "SKIPPED, for want of user namespaces or PostgreSQL: what deliveries remember, behind Postfix"
else
  memory=$work/memory
  mkdir -m 711 "$memory"
  programs=$(dirname "$(find "$servers/postgresql/usr/lib/postgresql" -path '*/bin/postgres' | head -1)")
  # As somebody else than root, since it refuses to run as root; it ends with this script.
  as_other() { unshare --map-root-user sh -c 'exec unshare --user --map-user=1000 --map-group=1000 setpriv --pdeathsig INT "$@"' sh "$servers/postgresql/launch" "$@"; }
  as_other "$programs/initdb" --auth=trust --no-sync --encoding=UTF8 --locale=C --username=followsift -D "$memory/data" >"$work/initdb.log" 2>&1 ||
    fail "initdb"
  start_database() {
    as_other "$programs/postgres" -D "$memory/data" -k "$memory" -c listen_addresses= -c fsync=off >>"$work/postgresql.log" 2>&1 &
    database=$!
    started+=("$database")
    wait_for "PostgreSQL does not listen" test -S "$memory/.s.PGSQL.5432"
  }
  # database SIGNAL: to it and all that it has started.
  database() {
    local tree=$database more=$database
    while more=$(pgrep -d, -P "$more"); do tree=$tree,$more; done
    # shellcheck disable=SC2046
    kill "-$1" $(tr , ' ' <<<"$tree") 2>/dev/null || true
  }
  start_database
  kill "$ours" && wait "$ours"
  # Only who comes after another one in the same hour is spam.
  cat >"$work/rules.toml" <<'RULES'
[verdict.spam]
move-to = "Followers/Spam"

[[rule]]
name = "A wave"
when.wave = ">= 1"
verdict = "spam"

[[rule]]
name = "The first"
verdict = "real"
RULES
  printf 'state = "%s"\n[delivery]\nmemory = "postgresql"\nmemory-address-file = "%s/address"\n' "$work/state" "$work" >"$work/followsift.toml"
  (umask 077 && printf 'postgresql://followsift@%s/postgres\n' "${memory//\//%2F}" >"$work/address")
  start_milter --settings "$work/followsift.toml" --authserv-id mx.example.org
  # follower NUMBER: proven, and in this hour.
  follower() {
    sed "1i Authentication-Results: mx.example.org; dkim=pass header.d=twitter.com\nMessage-ID: <$1@twitter.com>\nDate: $(date -Ru -d "-$((60 - $1)) minutes")" \
      tests/corpus/twitter/box-2009/message.eml | tr -d '\r' | sed "s/tiff_snow/follower_$1/g" >"$work/follower"
    echo "$work/follower"
  }
  number=0
  # deliver RECIPIENT COUNT
  deliver() { for _ in $(seq "$2"); do number=$((number + 1)); send "$1" "$(follower $number)"; done; }
  deliver remembered 5
  expect remembered 4 1
  # A crash may cost the deliveries of the last second.
  sleep 2
  database KILL
  deliver remembered 5
  expect remembered 4 6
  say "While it is down, everything is delivered and nothing is filed"
  rm -f "$memory/.s.PGSQL.5432"* "$memory/data/postmaster.pid"
  start_database
  database STOP
  sleep 6
  deliver remembered 5
  expect remembered 4 11
  say "While it hangs, too"
  database CONT
  sleep 6
  deliver remembered 5
  expect remembered 9 11
  say "When it is back, what it remembers counts again"
  ! grep -E 'status=(deferred|bounced)|milter-reject' "$work/postfix.log" >&2 || fail "a message was rejected or delayed"
  database INT
  kill "$ours" && wait "$ours"
  every_follower
  start_milter
fi

messages=${MESSAGES:-1000}
say "Messages a second that Postfix takes: $messages a time, $(nproc) cores of $(sed -n 's/^model name[^:]*: //p;T;q' /proc/cpuinfo), $profile build"
# So that what is measured is not their delivery.
"$postfix/launch" postconf -c "$work/etc" -e 'virtual_transport = discard:'
"$postfix/launch" postfix -c "$work/etc" reload 2>>"$work/master.log" || kill -HUP "${started[1]}"
# measure PORT MESSAGE SESSIONS: prints how many a second.
measure() {
  local port=$1 before
  before=$(date +%s%N)
  send load "$2" -m "$messages" -s "$3"
  echo $((messages * 1000000000 / ($(date +%s%N) - before)))
}
for sessions in 1 2 8; do
  say "$sessions at a time: $(measure $((smtp + 1)) "$real" $sessions) without the milter," \
    "$(measure $smtp "$real" $sessions) ordinary ones and $(measure $smtp "$spam" $sessions) notifications with it"
done
say "The milter holds $(sed -n 's/^VmHWM:[^0-9]*//p' "/proc/$ours/status") at most"
