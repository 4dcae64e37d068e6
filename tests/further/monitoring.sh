#!/usr/bin/env bash
# The metrics of a running service, the alerts and the drop-in as Prometheus' own promtool reads them. Prometheus is unpacked into
# FOLLOWSIFT_TEST_CACHE (~/.cache/followsift-tests) and never started.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

need_packages curl
need_promtool || { say "SKIPPED, for want of a Debian archive: metrics and alerts by promtool"; exit 0; }
cargo build --quiet
work=$(mktemp -d)
service=
end() { [ -z "$service" ] || { kill "$service" 2>/dev/null; wait "$service" 2>/dev/null || true; }; rm -rf "$work"; }
trap end EXIT
fail() { say "FAILED: $1"; cat "$work/log" >&2; exit 1; }

say "Alerts"
promtool check rules config/monitoring/alerts.yml
cat >"$work/alerts.test.yml" <<YAML
rule_files: ["$PWD/config/monitoring/alerts.yml"]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - { series: 'followsift_build_info{instance="a",version="1"}', values: '1x200 _x30' }
      - { series: 'followsift_account_state{instance="a",account="home",state="paused"}', values: '0x10 1x200' }
      - { series: 'followsift_account_state{instance="a",account="home",state="halted"}', values: '0x300' }
      - { series: 'followsift_account_state{instance="a",account="rest",state="halted"}', values: '1x300' }
      - { series: 'followsift_account_state{instance="a",account="work",state="away"}', values: '1 0 1 0 1x300' }
      - { series: 'followsift_account_state{instance="a",account="work",state="connecting"}', values: '0 1 0 1 0x300' }
      - { series: 'followsift_last_sweep_timestamp_seconds{instance="a",account="home"}', values: '0x300' }
      - { series: 'followsift_last_sweep_timestamp_seconds{instance="a",account="rest"}', values: '0x300' }
      - { series: 'followsift_config_last_reload_successful{instance="a"}', values: '1x20 0x300' }
      - { series: 'followsift_held_back_messages{instance="a",account="home"}', values: '7x300' }
      - { series: 'followsift_incomplete_messages_total{instance="a",network="mastodon"}', values: '0x10 5x300' }
      - { series: 'followsift_failures_total{instance="a",account="home",cause="crash"}', values: '0x10 1x300' }
      - { series: 'followsift_move_lag_seconds_bucket{instance="a",le="3600"}', values: '0+0x300' }
      - { series: 'followsift_move_lag_seconds_bucket{instance="a",le="86400"}', values: '0+1x300' }
      - { series: 'followsift_move_lag_seconds_bucket{instance="a",le="+Inf"}', values: '0+1x300' }
    promql_expr_test:
$(expect() { printf '      - { expr: '"'"'count by (alertname) (ALERTS{alertstate="firing",alertname="%s"})'"'"', eval_time: %s, exp_samples: [%s] }\n' "$1" "$2" "${3:-}"; }
  one() { expect "$1" "$2" "{ labels: '{alertname=\"$1\"}', value: 1 }"; }
  expect FollowsiftAccountPaused 10m; one FollowsiftAccountPaused 13m
  expect FollowsiftAccountAway 59m; one FollowsiftAccountAway 61m
  expect FollowsiftNotSwept 120m; one FollowsiftNotSwept 130m
  expect FollowsiftReloadFailed 20m; one FollowsiftReloadFailed 27m
  expect FollowsiftFuse 119m; one FollowsiftFuse 121m
  expect FollowsiftIncompleteMessages 10m; one FollowsiftIncompleteMessages 12m
  expect FollowsiftBug 10m; one FollowsiftBug 12m
  one FollowsiftMovesLate 90m
  expect FollowsiftDown 200m; one FollowsiftDown 220m)
YAML
promtool test rules "$work/alerts.test.yml"

say "Metrics of a running service"
mkdir "$work/home"
echo secret >"$work/home/password" && chmod 600 "$work/home/password"
cat >"$work/home/followsift.toml" <<TOML
state = "state"
[metrics]
listen = "./metrics.sock"
[accounts.home]
host = "127.0.0.1"
port = 1
tls = "off"
user = "ann"
password-file = "password"
TOML
target/debug/followsift run --settings "$work/home/followsift.toml" >"$work/log" 2>&1 &
service=$!
is_away() {
  curl --silent --fail --unix-socket "$work/home/metrics.sock" http://localhost/metrics >"$work/metrics" &&
    grep -q '^followsift_account_state{.*state="away".*} 1$' "$work/metrics"
}
for _ in $(seq 200); do ! is_away || break; sleep 0.1; done
is_away || { cat "$work/metrics" >&2; fail "the account, whose server is not there, is not away"; }
promtool check metrics <"$work/metrics" || fail "promtool does not like the metrics"
say "promtool finds nothing wrong"
