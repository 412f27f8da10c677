#!/usr/bin/env bash
# The core built from its sources must be the committed one; the tests that follow run on this fresh build.
set -euo pipefail
npm run --silent build:core -- --check --write
