#!/usr/bin/env bash
# The page of `followsift report` in a headless Chromium, which is unpacked like the test servers, never installed: no request leaves,
# hostile names stay text, and it can be read at 360 and 1280 pixels, in light and in dark colours. FOLLOWSIFT_PICTURES=FOLDER keeps
# pictures of the pages.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

need_rust
need_chromium || { say "SKIPPED: there is no Chromium"; exit 0; }
FOLLOWSIFT_CHROMIUM=$servers/chromium/chromium exec cargo test --quiet --test tests report::browser:: -- --ignored --nocapture
