#!/bin/sh
# sh scripts/build-addons.sh FOLDER: builds all native addons for this machine into FOLDER, which is seen from the
# repository's root. It needs nothing but Rust and a C compiler: the workflows run it where there is no Node. Elsewhere
# `node scripts/native.mjs` does it, and only if there is need.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
for crate in packages/*/native/Cargo.toml; do
  crate=$(dirname "$crate")
  package=$(basename "$(dirname "$crate")")
  # In the crate's folder, whose .cargo holds settings; into one folder, so that what they have in common compiles once.
  (cd "$crate" && cargo build --release --locked --target-dir ../../../.cache/native/target)
  found=
  for library in "libstowage_$package.so" "libstowage_$package.dylib" "stowage_$package.dll"; do
    library=.cache/native/target/release/$library
    if [ -f "$library" ]; then found=$library; fi
  done
  cp "$found" "$1/stowage-$package.node"
  echo "$1/stowage-$package.node"
done
