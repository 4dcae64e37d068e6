#!/usr/bin/env bash
# What config/Containerfile promises: the program runs as no user, with a file system that it cannot write to, and its health check
# answers. In a Debian of its own, by chroot; where podman or docker works, also the image itself.
#
# Needs root, and Debian or its kin; says aloud where it has to be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/support/packages.sh
. tests/support/container.sh

skip() { say "SKIPPED, for want of $1: the image"; exit 0; }
fail() { say "FAILED: $1"; exit 1; }

debian systemd libssl3 ca-certificates dovecot-imapd
cargo build --quiet
user=$(sed -n 's/^USER //p' config/Containerfile)
variables=$(sed -n 's/^ENV //p' config/Containerfile)
health=$(sed -n 's/^HEALTHCHECK.*CMD \[\(.*\)\]$/\1/p' config/Containerfile | tr -d '",')
[ -n "$user" ] && [ -n "$variables" ] && [ "$health" = "followsift status" ] || fail "config/Containerfile has another form"
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
mkdir "$work/upper" "$work/work" "$work/root" "$work/settings" "$work/state"
printf '[accounts.home]\nhost = "127.0.0.1"\ntls = "off"\nport = 1\nuser = "ann"\npassword-file = "password"\n' >"$work/settings/followsift.toml"
echo secret >"$work/settings/password"
chown "$user" "$work/settings/password" "$work/state"
chmod 600 "$work/settings/password"
chmod 700 "$work/state"
chmod 711 "$work"

# As `--read-only --tmpfs /tmp -v settings:/etc/followsift:ro -v state:/var/lib/followsift` has it.
unshare -m --propagation private bash -eu -c '
  root=$1/root
  mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$root"
  mkdir -p "$root/etc/followsift" "$root/var/lib/followsift" && install -m 755 target/debug/followsift "$root/usr/local/bin/"
  mount --bind "$1/settings" "$root/etc/followsift" && mount -o remount,ro,bind "$root/etc/followsift"
  mount --bind "$1/state" "$root/var/lib/followsift" && mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -o remount,ro "$root"
  in_image() { chroot --userspec="$3" "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin $4 "${@:5}"; }
  in_image "$@" touch /var/lib/followsift/written /tmp/written
  ! in_image "$@" touch /etc/followsift/written 2>/dev/null
  ! in_image "$@" touch /var/written 2>/dev/null
  in_image "$@" timeout --signal=TERM 15 followsift run 2>"$1/log" &
  code=0
  for _ in $(seq 100); do
    code=0; in_image "$@" followsift status >"$1/status" 2>&1 || code=$?
    [ $code != 75 ] || break
    sleep 0.1
  done
  # No server is there, which the check has to say; and that the service is gone, when it is.
  [ $code = 75 ] && grep -q "home: away" "$1/status"
  wait
  code=0; in_image "$@" followsift status >/dev/null 2>&1 || code=$?
  [ $code = 69 ]
' bash "$work" "$tree" "$user" "$variables" || { cat "$work/log" "$work/status" >&2; fail "the program as no user"; }
[ -e "$work/state/ledger.sqlite" ] || fail "no ledger"
say "It runs as no user, with a file system that it cannot write to"

engine=
for one in podman docker; do "$one" info >/dev/null 2>&1 && { engine=$one; break; }; done
[ -n "$engine" ] || skip "podman or docker: building"
format=
[ "$engine" != podman ] || format="--format docker"
# shellcheck disable=SC2086 # two words, or none
"$engine" build $format --quiet --build-arg FOLLOWSIFT_COMMIT="$(git rev-parse HEAD)" -t followsift-test -f config/Containerfile . >/dev/null || fail "the build"
id=$("$engine" run -d --read-only --tmpfs /tmp --cap-drop all -v "$work/settings:/etc/followsift:ro" followsift-test)
trap '"$engine" rm -f "$id" >/dev/null; "$engine" rmi followsift-test >/dev/null; rm -rf --one-file-system "$work"' EXIT
for _ in $(seq 50); do
  code=0; "$engine" exec "$id" followsift status >/dev/null 2>&1 || code=$?
  [ $code != 75 ] || break
  sleep 0.2
done
[ $code = 75 ] || fail "the health check of the image: $code"
say "The image is well"
