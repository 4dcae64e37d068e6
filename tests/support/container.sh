# A real systemd in a container of systemd-nspawn, with a Debian of its own. Sourced after packages.sh. Needs root.
#
# The Debian is made once, in FOLLOWSIFT_TEST_CACHE (~/.cache/followsift-tests); what a container changes is thrown away.
# The sourcing script defines `skip WHAT`, which ends it.

cache=${FOLLOWSIFT_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/followsift-tests}
work= nspawn= leader= group=

# debian NAME PACKAGE...: makes the Debian in $tree.
debian() {
  local suite name=$1
  shift
  [ "$(id -u)" = 0 ] || skip root
  suite=$(. /etc/os-release && echo "${ID:-}-${VERSION_CODENAME:-}")
  case $suite in debian-*) suite=${suite#debian-} ;; *) skip "a Debian (the container takes programs as they were built here)" ;; esac
  need_packages systemd-container mmdebstrap util-linux procps || skip "systemd-nspawn and mmdebstrap"
  tree=$cache/$name-$suite
  [ "$(cat "$tree/etc/followsift-packages" 2>/dev/null)" = "$*" ] && return 0
  mkdir -p "$cache" && rm -rf --one-file-system "$tree"
  say "Making a Debian in $tree, once"
  local included="systemd systemd-sysv dbus libpam-systemd procps $*"
  mmdebstrap --quiet --variant=minbase --include="${included// /,}" "$suite" "$tree" || skip "a Debian archive"
  echo "$*" >"$tree/etc/followsift-packages"
}

# prepare: a new layer on $tree. $work/upper is what is changed, $work/root is where it is mounted.
prepare() {
  work=$(mktemp -d) && chmod 711 "$work"
  mkdir "$work/upper" "$work/work" "$work/root"
}

# mount_and COMMAND...: becomes the command, in a mount namespace of its own with the layer mounted. For a subshell.
mount_and() {
  exec setsid unshare -m --propagation private bash -c '
    [ -z "$2" ] || echo $$ >"$2/cgroup.procs"
    mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" "$1/root" || exit 1
    exec "${@:4}"' bash "$work" "$group" "$tree" "$@" </dev/null
}

# boot: until systemd is up. Its PID here is $leader.
boot() {
  local options unit _
  # Units that would ask for a network or a terminal of their own.
  mkdir -p "$work/upper/etc/systemd/system"
  for unit in console-getty systemd-networkd systemd-resolved e2scrub_reap; do
    ln -sf /dev/null "$work/upper/etc/systemd/system/$unit.service"
  done
  options=(--quiet --directory="$work/root" --machine="followsift$$" --private-network --resolv-conf=off --timezone=off
    --link-journal=no --console=read-only --register=no)
  # Where we are not ourselves a unit of systemd, nspawn has to stay where it is put: in a group of its own.
  if [ ! -d /run/systemd/system ]; then
    options+=(--keep-unit)
    local base=/sys/fs/cgroup/unified; [ -d $base ] || base=/sys/fs/cgroup
    group=$base/followsift-$$
    mkdir "$group" 2>/dev/null || skip "a cgroup of its own"
  fi
  export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
  mount_and systemd-nspawn "${options[@]}" --boot >"$work/console" 2>&1 &
  nspawn=$!
  for _ in $(seq 200); do
    kill -0 $nspawn 2>/dev/null || { cat "$work/console" >&2; nspawn=; skip "a machine on which systemd-nspawn can boot"; }
    leader=$(find_leader); [ -z "$leader" ] || break
    sleep 0.1
  done
  [ -n "$leader" ] || skip "a machine on which systemd-nspawn can boot"
  for _ in $(seq 100); do inside test -S /run/systemd/private 2>/dev/null && break; sleep 0.1; done
  inside timeout 60 systemctl is-system-running --wait >/dev/null || true
  say "systemd $(inside systemctl --version | awk 'NR == 1 { print $2 }') runs"
}

find_leader() {
  pgrep -P "$nspawn" | while read -r p; do if grep -Pq "^NSpid:\t\d+\t1$" "/proc/$p/status"; then echo "$p"; fi; done || true
}

# inside COMMAND...: in the container, with nothing of our environment
inside() {
  nsenter -t "$leader" -m -u -i -n -p --root --wd env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LANG=C.UTF-8 TERM=dumb SYSTEMD_PAGER= SYSTEMD_COLORS=0 "$@"
}

# end: ends the container, and removes what it changed.
end() {
  [ -z "$leader" ] || kill -KILL "$leader" 2>/dev/null || true
  [ -z "$nspawn" ] || { kill -KILL "$nspawn" 2>/dev/null || true; wait "$nspawn" 2>/dev/null || true; }
  local _
  # Processes that were killed take a moment to leave their group.
  for _ in $(seq 50); do
    [ -n "$group" ] && [ -d "$group" ] || break
    find "$group" "/sys/fs/cgroup/systemd/${group##*/}" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
  done
  [ -z "$work" ] || rm -rf --one-file-system "$work"
  work= nspawn= leader= group=
}
