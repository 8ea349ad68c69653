#!/bin/sh
# Starts the program of this processor: a bundle has one command for all Linux computers.
here=$(dirname -- "$0")
program="$here/elks-mcp-$(uname -m)"
if [ ! -x "$program" ]; then
    echo "✗ elks-mcp: this bundle has no program for the processor $(uname -m)" >&2
    exit 1
fi
exec "$program" "$@"
