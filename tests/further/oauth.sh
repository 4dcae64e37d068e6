#!/usr/bin/env bash
# OAuth2 from end to end: a real authorization server (npm's oidc-provider), a real Dovecot that asks it whether a token is good, and
# the program. Both flows, refresh with rotation, expiry while the service waits, revocation, a provider that is down.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  say "SKIPPED: node and npm are missing"
  exit 0
fi
need_rust
need_dovecot
modules="${FOLLOWSIFT_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/followsift-tests}/oidc-provider"
if [ ! -d "$modules/node_modules/oidc-provider" ]; then
  mkdir -p "$modules"
  (cd "$modules" && npm init -y >/dev/null && npm install --no-audit --no-fund --silent oidc-provider@9) ||
    { say "SKIPPED: npm cannot install oidc-provider"; exit 0; }
fi
export FOLLOWSIFT_REQUIRE_DOVECOT=1 FOLLOWSIFT_OIDC_PROVIDER="$modules"
exec cargo test --quiet --test tests oauth2::further:: -- --ignored --nocapture
