#!/usr/bin/env bash
# Builds the tools that checks need, of fixed versions, into target/tools, or the folder given by WELKIN_TOOLS. What
# is there already is left alone, so that only the first run takes minutes.
#
#   cargo-deny       licences, bans, sources and advisories of what Welkin is built from
#   cargo-auditable  puts the list of it into the program, for whoever scans that later
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=${WELKIN_TOOLS:-$PWD/target/tools}
tools=(cargo-deny@0.20.2 cargo-auditable@0.7.7)

start=$SECONDS
for tool in "${tools[@]}"; do
    mark=$root/.$tool
    [[ -e $mark && -x $root/bin/${tool%@*} ]] && continue
    printf '== tools: %s\n' "$tool"
    CARGO_TARGET_DIR=$root/build cargo install "$tool" --locked --quiet --force --root "$root"
    : >"$mark"
done
rm -rf "$root/build"
printf -- '-- ok %d s tools\n' "$((SECONDS - start))"
