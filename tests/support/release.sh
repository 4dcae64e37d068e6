# Builds the release as a package has it: by the compiler that config/Containerfile names, and without the names of this machine's
# folders in the program, so that the same sources make the same program anywhere. Sourced by package.sh and reproducible.sh.

# release_rust: the version of that compiler.
release_rust() { sed -n 's/^FROM [^ ]*rust:\([0-9.]*\)-.* AS build$/\1/p' config/Containerfile; }

# build_release: in this folder, into target/release.
build_release() {
  local rust registry
  rust=$(release_rust)
  if rustup run "$rust" rustc --version >/dev/null 2>&1; then
    export RUSTUP_TOOLCHAIN=$rust
  else
    say "Rust $rust, by which packages are built, is missing (rustup toolchain install $rust); this is $(rustc --version)"
  fi
  cargo fetch --quiet --locked
  # Messages of panics name the files of crates, by their whole paths without symlinks.
  registry=$(realpath "${CARGO_HOME:-$HOME/.cargo}/registry")
  # Cargo splits this list at U+001F alone, so that a folder's name may have spaces.
  CARGO_ENCODED_RUSTFLAGS=$(printf -- '--remap-path-prefix=%s=%s\x1f--remap-path-prefix=%s=%s' \
    "$registry" /registry "$(pwd -P)" /followsift) cargo build --quiet --release --locked
}
