#!/usr/bin/env bash
# Installs what tests/report/test_mermaid.py parses with, outside the tree: Mermaid and a document for it.
set -euo pipefail
folder="${GILSCOPE_TEST_NODE:-${XDG_CACHE_HOME:-$HOME/.cache}/gilscope-test-node}"
mkdir -p "$folder"
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error mermaid@11 jsdom@26
