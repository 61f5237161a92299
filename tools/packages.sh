# shellcheck shell=bash
# What ctrace needs from Debian, by its names in Debian 12, and how the scripts beside this file get it.
# They source it; it does nothing by itself.

# The names are for whoever sources this file.
# shellcheck disable=SC2034
{
  # To build: what Swift links against, and git for the packages that ctrace depends on.
  build_packages=(git gcc libc6-dev pkg-config libdw-dev libelf-dev libzstd-dev zlib1g-dev)
  # To test: compilers and tools that make what is recorded, and real programs to record.
  test_packages=(
    binutils dwz g++ golang-go libc6-dbg libglib2.0-dev libjemalloc2 libtbb-dev libtcmalloc-minimal4
    libuv1-dev libxml2-utils memcached pbzip2 pigz procps
    python3 python3-aiohttp python3-flask python3-gevent python3-prometheus-client
    python3-uvloop
    libpython3.11-testsuite
    rustc xz-utils zstd
  )
  # To test what browsers show.
  browser_packages=(chromium fonts-liberation python3 python3-pip)
  # To see it at work.
  demo_packages=(pbzip2)
}

# Where the repository is, whatever the current folder.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly repository

# Says what comes next.
step() {
  printf '==> %s\n' "$*"
}

# Ends the script with one line.
fail() {
  printf 'tools/%s: %s\n' "${0##*/}" "$1" >&2
  exit "${2:-2}"
}

require_swift() {
  command -v swift >/dev/null 2>&1 ||
    fail "swift is not on PATH; install Swift 6.3 from https://swift.org/install"
}

# Node runs what drives browsers: any that is there, or else Debian's.
require_node() {
  command -v node >/dev/null 2>&1 || install_missing nodejs
}

# The packages among those named that are not installed.
missing_packages() {
  local package status
  for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=
    [[ $status == installed ]] || printf '%s\n' "$package"
  done
}

# Installs what is missing of the packages named. Asks nobody anything: where it may not install, one
# line says what to run.
install_missing() {
  if ! command -v dpkg-query >/dev/null 2>&1; then
    printf 'This is not Debian: install what it calls %s yourself.\n' "$*" >&2
    return
  fi
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0

  local -a as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null 2>&1; then
      fail "packages are missing; run as root: apt-get install -y ${missing[*]}"
    fi
    # Without a terminal a password cannot be asked for: better to fail than to hang.
    as_root=(sudo)
    [[ -t 0 ]] || as_root=(sudo -n)
  fi
  step "Installing ${missing[*]}"
  local log
  log=$(mktemp)
  # Package lists may be old, or not there at all, as in a fresh container. What can't be updated may
  # still do.
  if ! {
    "${as_root[@]}" apt-get update || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}"
  } </dev/null >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    fail "packages are missing; run as root: apt-get install -y ${missing[*]}"
  fi
  rm -f "$log"
}
