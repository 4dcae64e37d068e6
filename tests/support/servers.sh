# Servers that the tests talk to: unpacked into a folder of their own and run from there, never installed. A package that
# is installed brings a service, and the next boot starts it. Sourced after packages.sh; Debian and its kin.
#
# The folder is FOLLOWSIFT_TEST_CACHE/servers/NAME (~/.cache/followsift-tests/servers/NAME). It is kept, so that a second
# run needs no network. Deleting it undoes everything that this file does.

servers=${FOLLOWSIFT_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/followsift-tests}/servers

need_dovecot() { unpack dovecot dovecot-core dovecot-imapd; }
# The version that this Debian has.
need_postgresql() {
  local server
  server=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: \(postgresql-[0-9]*\)$/\1/p' | head -1)
  unpack postgresql "${server:=postgresql-15}" "${server/-/-client-}"
}
# The library that shows a program another time: not a server, but so nothing has to be installed for it.
need_clock() { unpack faketime libfaketime; }
# Another program for the same work, for the benchmark: not a server either.
need_imapfilter() { unpack imapfilter imapfilter; }
# A browser without a screen: not a server either. `$servers/chromium/chromium` starts it.
need_chromium() {
  unpack chromium chromium-headless-shell fonts-dejavu-core || return 1
  printf '#!/bin/sh\nexec "%s/launch" "%s/usr/lib/chromium/chromium-headless-shell" "$@"\n' "$servers/chromium" "$servers/chromium" \
    >"$servers/chromium/chromium"
  chmod 755 "$servers/chromium/chromium"
}
# What counts the instructions of a program; `valgrind ARGUMENT...` runs it.
need_valgrind() {
  unpack valgrind valgrind
  valgrind() { VALGRIND_LIB=$servers/valgrind/usr/libexec/valgrind "$servers/valgrind/usr/bin/valgrind" "$@"; }
}

# What reads metrics and alerts as Prometheus does; the server in the same package is never started.
need_promtool() {
  unpack prometheus prometheus || return 1
  promtool() { "$servers/prometheus/usr/bin/promtool" "$@"; }
}

# unpack NAME PACKAGE...: downloads the packages, and those of their dependencies that are not installed, checks them as apt
# does, and unpacks them, without running any script of theirs, into $servers/NAME. `$servers/NAME/launch PROGRAM ARGUMENT...`
# runs a program of them as the current user.
unpack() {
  local name=$1 root=$servers/$1 made=$servers/.$1.new from
  shift
  from="$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}") $(dpkg --print-architecture): $*"
  mkdir -p "$servers"
  (
    flock 9
    if [ "$(cat "$root/from" 2>/dev/null)" = "$from" ] && redirect "$root" && complete "$root"; then exit 0; fi
    say "Unpacking into $root (nothing is installed): $*"
    rm -rf --one-file-system "$made" && mkdir -p "$made/packages" || exit 1
    if ! fetch "$made" "$@" >"$made/log" 2>&1; then
      tail -5 "$made/log" >&2
      say "Could not download $*: is there a network? Once they are in $root, no network is needed"
      exit 1
    fi
    local package
    for package in "$made"/packages/*.deb; do dpkg -x "$package" "$made" || exit 1; done
    redirect "$made" || exit 1
    if ! complete "$made"; then
      say "Could not unpack $*: libraries are missing: $(missing "$made" | tr '\n' ' ')"
      exit 1
    fi
    rm -rf "$made/apt" "$made/packages" "$made/log"
    echo "$from" >"$made/from"
    rm -rf --one-file-system "$root" && mv "$made" "$root"
  ) 9>"$servers/.lock"
}

# fetch FOLDER PACKAGE...: the package files, into FOLDER/packages. apt keeps its lists and locks in FOLDER/apt when the
# machine's own lists are missing or too old: that needs no root and leaves the machine's lists as they are.
fetch() {
  local folder=$1 own=()
  shift
  download() {
    local all
    # What apt would install beside them, without installing it.
    all=$(apt-get "${own[@]}" install --simulate --no-install-recommends "$@") || return 1
    all=$({ printf '%s\n' "$@"; awk '$1 == "Inst" { print $2 }' <<<"$all"; } | sort -u)
    # shellcheck disable=SC2086 # names of packages, apart by blanks
    (cd "$folder/packages" && apt-get "${own[@]}" -o APT::Sandbox::User=root download $all)
  }
  download "$@" && return 0
  own=(-o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o APT::Sandbox::User=root)
  mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
  rm -f "$folder"/packages/*
  apt-get "${own[@]}" -o Acquire::Retries=1 -o APT::Update::Error-Mode=any update && download "$@"
}

# redirect ROOT: compiles the library that leads programs to the files in ROOT that they were built to find under /usr, and
# writes ROOT/launch; once for each version of these files.
redirect() {
  local root=$1 version
  version=$(cat tests/support/redirect.c tests/support/servers.sh | cksum)
  [ "$(cat "$root/redirected" 2>/dev/null)" != "$version" ] || return 0
  gcc -shared -fPIC -O1 -Wall -o "$root/redirect.so.new" tests/support/redirect.c || return 1
  mv "$root/redirect.so.new" "$root/redirect.so"
  cat >"$root/launch.new" <<'LAUNCH'
#!/bin/sh
# Runs a program of the packages that are unpacked beside this file.
UNPACKED_ROOT=$(cd "$(dirname "$0")" && pwd)
for folder in $(cd "$UNPACKED_ROOT" && find usr lib -name '*.so*' -type f -exec dirname {} + 2>/dev/null | sort -u); do
  LD_LIBRARY_PATH=$UNPACKED_ROOT/$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
LD_PRELOAD=$UNPACKED_ROOT/redirect.so
PATH=$UNPACKED_ROOT/usr/sbin:$UNPACKED_ROOT/usr/bin:$PATH
export UNPACKED_ROOT LD_LIBRARY_PATH LD_PRELOAD PATH
exec "$@"
LAUNCH
  chmod 755 "$root/launch.new" && mv "$root/launch.new" "$root/launch" && echo "$version" >"$root/redirected"
}

# missing ROOT: the libraries that programs in ROOT need and that are neither there nor installed.
missing() {
  find "$1/usr/sbin" "$1/usr/bin" "$1/usr/lib" -type f -perm -u+x ! -name '*.so*' -exec "$1/launch" ldd {} + 2>/dev/null |
    awk '/not found/ { print $1 }' | sort -u
}

complete() { [ -x "$1/launch" ] && [ -z "$(missing "$1")" ]; }
