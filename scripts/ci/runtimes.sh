#!/usr/bin/env bash
# The tarball in every runtime and bundler: under two minutes, half of them the runtimes' installation.
set -euo pipefail
npm run --silent runtimes -- --check
