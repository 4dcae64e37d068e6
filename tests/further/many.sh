#!/usr/bin/env bash
# A thousand accounts in one process, beside as many bare TLS connections with a thread each: memory, threads, descriptors, CPU, the time
# to start and to stop, as a table in Markdown. Fails if an account beyond the first takes more than 120 KiB, or the stop more than
# some seconds. FOLLOWSIFT_MANY=N takes another number of accounts. About six GB of memory at the server, and ten minutes with the build.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/servers.sh

need_rust
need_packages gcc libc6-dev pkg-config libssl-dev openssl
need_dovecot
FOLLOWSIFT_REQUIRE_DOVECOT=1 exec cargo bench --quiet --bench many -- "${FOLLOWSIFT_MANY:-1000}"
