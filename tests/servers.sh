#!/usr/bin/env bash
# What the tests need beside Python: the binaries of a PostgreSQL server, for the store's tests on both databases, and
# Chromium, for the tests that look at consent screens. Installs them from Debian when they are missing and it may (root,
# apt-get), else says what to install: without them those tests run on SQLite alone, or are skipped. Starts nothing: the
# tests make a private, throwaway server of their own.
set -euo pipefail

has_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}

say() { printf 'tests: %s\n' "$*" >&2; }

has_chromium() {
  local name
  [ -n "${WITTING_CHROMIUM:-}" ] && return 0
  for name in chromium chromium-browser google-chrome google-chrome-stable chrome microsoft-edge; do
    command -v "$name" >/dev/null && return 0
  done
  [ -d /Applications/Chromium.app ] || [ -d '/Applications/Google Chrome.app' ]
}

may_install() {
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null
}

install_from_debian() {
  export DEBIAN_FRONTEND=noninteractive
  local log quiet=(-qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2)
  log=$(mktemp)
  # A first try without an update: package lists may be there already, and no network then costs nothing.
  if apt-get "${quiet[@]}" install --yes --no-install-recommends "$@" >"$log" 2>&1 ||
    { apt-get "${quiet[@]}" update && apt-get "${quiet[@]}" install --yes --no-install-recommends "$@"; } >"$log" 2>&1
  then
    rm -f "$log"
  else
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

if ! has_postgresql && may_install; then
  say 'installing the PostgreSQL server binaries (once) ...'
  install_from_debian postgresql || say 'could not install them.'
fi
if ! has_postgresql; then
  say 'no PostgreSQL server is installed, so the store is tested on SQLite alone.'
  say 'To test both: apt-get install postgresql (Debian), brew install postgresql (macOS).'
fi
if ! has_chromium && may_install; then
  say 'installing Chromium (once) ...'
  install_from_debian chromium || say 'could not install it.'
fi
if ! has_chromium; then
  say 'no Chromium is installed, so looking at consent screens is not tested.'
  say 'To test it: apt-get install chromium (Debian), brew install --cask chromium (macOS).'
fi
