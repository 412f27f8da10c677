#!/usr/bin/env bash
# Format and lints of the crate, natively and as both builds see it. Its tests run with all others.
set -euo pipefail
folder=$(node --input-type=module --eval "
  import { wasmToolchain } from './scripts/toolchain.mjs';
  console.log(wasmToolchain()?.folder ?? '');")
[ -n "$folder" ] || { echo 'no Rust toolchain with wasm32-unknown-unknown; scripts/ci/toolchain.sh installs one'; exit 1; }
export PATH="$folder:$PATH"

cargo fmt --all --check
cargo clippy --quiet --all-targets --locked -- -D warnings
cargo clippy --quiet --example native --features native --locked -- -D warnings
for features in +simd128 +simd128,+relaxed-simd; do
  RUSTFLAGS="-C target-feature=$features" CARGO_TARGET_DIR=target/clippy \
    cargo clippy --quiet --target wasm32-unknown-unknown --locked -- -D warnings
done
