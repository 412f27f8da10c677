#!/usr/bin/env bash
set -euo pipefail
npm test --silent -- --exhaustive
