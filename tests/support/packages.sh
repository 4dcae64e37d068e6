# Installs the compilers, libraries and tools that the tests need and the machine lacks. Sourced by run.sh and demo.sh;
# Debian and its kin. A server is never installed, since it would listen after the next boot: servers.sh unpacks it.

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# need_packages PACKAGE...
need_packages() {
  local package missing=() root=() policy=/usr/sbin/policy-rc.d kept=
  for package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "Installing with apt-get, since they are missing: ${missing[*]} (none of them listens)"
  if [ "$(id -u)" != 0 ]; then root=(sudo); fi

  # Nothing is started on the way either: invoke-rc.d asks this file before it starts anything; 101 means no. One that is there already comes back.
  if [ -e $policy ]; then kept=$(mktemp) && "${root[@]}" cp -p $policy "$kept"; fi
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
  "${root[@]}" chmod 755 $policy
  local done_well=0 log
  log=$(mktemp)
  apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >>"$log" 2>&1; }
  apt install -y --no-install-recommends "${missing[@]}" ||
    { apt update && apt install -y --no-install-recommends "${missing[@]}"; } || done_well=1
  if [ -n "$kept" ]; then "${root[@]}" cp -p "$kept" $policy; rm -f "$kept"; else "${root[@]}" rm -f $policy; fi
  [ $done_well = 0 ] || { tail -20 "$log" >&2; say "apt-get failed; install ${missing[*]} by hand and try again"; }
  rm -f "$log"
  return $done_well
}

# need_rust: cargo has to be there; this script does not choose a toolchain for anybody.
need_rust() {
  command -v cargo >/dev/null && return 0
  say "cargo is missing: install Rust 1.95 or later (https://rustup.rs), then try again"
  return 1
}
