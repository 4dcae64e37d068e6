#!/usr/bin/env bash
# How many instructions it takes to load the profiles, to recognise or reject a message, and to judge a follower. Other than
# time, that does not depend on what else the machine does. tests/bench/instructions.txt has the numbers for each compiler and
# processor; one that differs by more than 5 % fails. UPDATE_EXPECT=1 rewrites those of the compiler in use. A difference
# belongs to the change that made it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

table=tests/bench/instructions.txt
key=$(rustc --version | cut -d' ' -f2)-$(uname -m)
if [ -z "${UPDATE_EXPECT:-}" ] && ! grep -q "^$key " $table; then
  say "SKIPPED: $table has no numbers for $key; UPDATE_EXPECT=1 bash $0 adds them"
  exit 0
fi

need_rust
need_packages gcc libc6-dev pkg-config libssl-dev
need_valgrind

# bench NAME: the path of the built benchmark.
bench() {
  cargo bench --no-run --bench "$1" --message-format json-render-diagnostics --quiet |
    sed -n '/"kind":\["bench"\]/s/.*"executable":"\([^"]*\)".*/\1/p'
}

# count PROGRAM WHAT: the instructions for one message. Two numbers of rounds, since the setting up is not what is counted.
count() {
  local rounds instructions=() log
  log=$(mktemp)
  for rounds in 1 3; do
    # The further messages of the environment are not part of what is counted.
    messages=$(
      unset FOLLOWSIFT_CORPUS
      valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$log" "$1" --count "$2" $rounds
    )
    instructions+=("$(sed -n 's/.*Collected : //p' "$log")")
  done
  rm -f "$log"
  echo $(((instructions[1] - instructions[0]) / 2 / messages))
}

recognise=$(bench recognise) judge=$(bench judge)
failed=0 rows=
while read -r program what name; do
  counted=$(count "$program" "$what")
  rows+=$(printf '%s %12d   %s' "$key" "$counted" "$name")$'\n'
  expected=$(awk -v key="$key" -v name="$name" '$1 == key && substr($0, length($0) - length(name) + 1) == name { print $2 }' $table)
  say "$name: $counted instructions (expected ${expected:-none})"
  if [ -z "${UPDATE_EXPECT:-}" ]; then
    difference=$((counted - ${expected:-0}))
    [ $((${difference#-} * 20)) -le "${expected:-0}" ] || failed=1
  fi
done <<WHAT
$recognise start to load the profiles
$recognise recognise to recognise a message of tests/corpus
$recognise reject to reject FROM and SUBJECT of an ordinary message
$judge texts to judge a follower by 200 rules with texts and patterns
$judge numbers to judge a follower by 200 rules with numbers
WHAT

if [ -n "${UPDATE_EXPECT:-}" ]; then
  kept=$(grep -v "^$key " $table || true)
  printf '%s\n%s' "$kept" "$rows" >$table
fi
[ $failed = 0 ] || say "They differ by more than 5 %: UPDATE_EXPECT=1 bash $0 rewrites the table, and the change explains it"
exit $failed
