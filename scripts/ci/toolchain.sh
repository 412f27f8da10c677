#!/usr/bin/env bash
# Installs what CI needs on a bare Debian machine: Chromium, valgrind, a Rust toolchain for wasm32, wasm-bindgen and
# wasm-pack.
# Every step looks first whether its result is there.
set -euo pipefail
target=wasm32-unknown-unknown
# The lock file's version: the program and the crate must agree.
wasm_bindgen=$(grep -A 1 '^name = "wasm-bindgen"$' Cargo.lock | sed -n 's/^version = "\(.*\)"$/\1/p')
wasm_pack=0.15.1
export PATH="$HOME/.cargo/bin:$PATH"
packages=()

has_target() { [ -n "$(ls "$("$1" --print target-libdir --target $target 2>/dev/null)" 2>/dev/null)" ]; }

command -v chromium >/dev/null || packages+=(chromium)
command -v valgrind >/dev/null || packages+=(valgrind)
# An atlas of 116 labels, that a test of the command line reads where it is there.
[ -e /usr/share/mricron/templates/aal.nii.gz ] || packages+=(mricron-data)
command -v cc >/dev/null || packages+=(gcc libc6-dev)
rustc=rustc
if command -v rustup >/dev/null; then
  has_target rustc || rustup target add $target || true
  rustup component add clippy rustfmt || true
fi
if ! command -v rustc >/dev/null || ! has_target rustc; then
  rustc=/usr/bin/rustc
  { [ -x $rustc ] && has_target $rustc; } ||
    packages+=(rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy rustfmt-web lld-22)
fi
if [ ${#packages[@]} -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] && sudo='' || sudo=sudo
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! has_target "$rustc"; then
  # The distribution ships the standard library as source only: built once, it serves plain cargo from then on.
  # The remaps keep this machine's paths out of every module it is linked into.
  empty=$(mktemp -d)
  mkdir "$empty/src"
  touch "$empty/src/lib.rs"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n' >"$empty/Cargo.toml"
  sysroot=$("$rustc" --print sysroot)
  (cd "$empty" && RUSTC="$rustc" RUSTC_BOOTSTRAP=1 \
    RUSTFLAGS="-C embed-bitcode=yes --remap-path-prefix=$HOME/.cargo=/cargo --remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rust" \
    "$(dirname "$rustc")/cargo" build --quiet --release --target $target -Zbuild-std=std,panic_abort)
  libraries=$("$rustc" --print target-libdir --target $target)
  mkdir -p "$libraries"
  cp "$empty/target/$target/release/deps/"*.rlib "$libraries/"
  rm -f "$libraries"/libempty*.rlib
  rm -rf "$empty"
fi

cargo=$(command -v cargo || echo /usr/bin/cargo)
has_version() { [ "$("$1" --version 2>/dev/null)" = "$1 $2" ]; }
# Without --locked: the lock file of wasm-bindgen-cli asks for a crate version that could not be fetched.
has_version wasm-bindgen "$wasm_bindgen" || "$cargo" install --quiet wasm-bindgen-cli --version "$wasm_bindgen"
has_version wasm-pack "$wasm_pack" || "$cargo" install --quiet wasm-pack --version "$wasm_pack"
echo "toolchain: $("$rustc" --version), $(wasm-bindgen --version), $(wasm-pack --version), $(chromium --version --no-sandbox 2>/dev/null || echo no chromium)"
