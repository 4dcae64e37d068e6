#!/usr/bin/env bash
# The page of `followsift report` in a headless Chromium, which is unpacked like the test servers, never installed: no request leaves,
# hostile names stay text, and it can be read at 360 and 1280 pixels, in light and in dark colours. FOLLOWSIFT_PICTURES=FOLDER keeps
# pictures of the pages.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

need_rust
unpack chromium chromium-headless-shell fonts-dejavu-core || { say "SKIPPED: there is no Chromium"; exit 0; }
chromium=$servers/chromium/chromium
printf '#!/bin/sh\nexec "%s/launch" "%s/usr/lib/chromium/chromium-headless-shell" "$@"\n' "$servers/chromium" "$servers/chromium" \
  >"$chromium"
chmod 755 "$chromium"
FOLLOWSIFT_CHROMIUM=$chromium exec cargo test --quiet --test tests report::browser:: -- --ignored --nocapture
