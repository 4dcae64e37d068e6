#!/usr/bin/env bash
# The service for a while with everything failing now and then: its memory stays flat, every mail is filed once.
# FOLLOWSIFT_SOAK_MINUTES says how long; here a quarter of an hour where nothing is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
export FOLLOWSIFT_REQUIRE_DOVECOT=1 FOLLOWSIFT_SOAK_MINUTES="${FOLLOWSIFT_SOAK_MINUTES:-15}"
exec cargo test --quiet --test tests daemon::soak::memory_stays_flat -- --ignored --nocapture
