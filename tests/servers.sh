#!/usr/bin/env bash
# What the tests need beside Python: the binaries of a PostgreSQL server, for the store's tests on both databases.
# Installs them from Debian when they are missing and it may (root, apt-get), else says what to install: without them
# those tests run on SQLite alone. Starts nothing: the tests make a private, throwaway server of their own.
set -euo pipefail

has_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}

say() { printf 'tests: %s\n' "$*" >&2; }

install_postgresql() {
  export DEBIAN_FRONTEND=noninteractive
  local log quiet=(-qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2)
  log=$(mktemp)
  # A first try without an update: package lists may be there already, and no network then costs nothing.
  if apt-get "${quiet[@]}" install --yes --no-install-recommends postgresql >"$log" 2>&1 ||
    { apt-get "${quiet[@]}" update && apt-get "${quiet[@]}" install --yes --no-install-recommends postgresql; } >"$log" 2>&1
  then
    rm -f "$log"
  else
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

if has_postgresql; then
  exit 0
fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  say 'installing the PostgreSQL server binaries (once) ...'
  install_postgresql || say 'could not install them.'
fi
if ! has_postgresql; then
  say 'no PostgreSQL server is installed, so the store is tested on SQLite alone.'
  say 'To test both: apt-get install postgresql (Debian), brew install postgresql (macOS).'
fi
