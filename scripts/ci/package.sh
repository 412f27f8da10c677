#!/usr/bin/env bash
# What a user's tools will say of the tarball, and its sizes.
set -euo pipefail
npm run --silent build
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
tarball="$folder/$(npm pack --silent --pack-destination "$folder")"
npx publint --strict "$tarball"
npx attw "$tarball" --profile esm-only --exclude-entrypoints ./simd128.wasm ./relaxed.wasm ./geometry.wasm ./pool/worker
npx size-limit
