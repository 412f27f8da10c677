#!/usr/bin/env bash
# Counts the instructions of the native kernels and compares them with those recorded.
set -euo pipefail
if [ "$(uname -m)" != x86_64 ]; then echo 'instructions are counted on x86-64 only'; exit 0; fi
node bench/instructions.mjs
