# What the scripts share; to be sourced. Sets `root`, and sets up what a fresh machine lacks: Swift and Python must be
# there, everything else is fetched.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Where CMake builds the shipped library.
library_build=$root/build/release
venv=$root/.venv

say() { printf '\n==== %s\n' "$*"; }

stop() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# project_files [PATHSPEC...]: the tree's files, whether committed or not, without what git ignores; a zero byte after
# each.
project_files() {
  local file
  git -C "$root" ls-files -coz --exclude-standard -- "$@" | while IFS= read -r -d '' file; do
    if [[ -e $root/$file ]]; then printf '%s\0' "$file"; fi
  done
}

require_swift() {
  command -v swift >/dev/null || stop "Swift is not on PATH. Install Swift 6.3 for this system from
  https://www.swift.org/install/ (or with swiftly: swiftly install 6.3) and put its usr/bin on PATH."
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
  [[ $version =~ ^([0-9]+)\.([0-9]+)$ ]] || stop "$(command -v swift) does not tell its version"
  ((BASH_REMATCH[1] > 6 || (BASH_REMATCH[1] == 6 && BASH_REMATCH[2] >= 2))) ||
    stop "Swift $version is too old: 6.2 or newer is needed, 6.3 is what is tested.
  https://www.swift.org/install/ has it."
}

# require_commands COMMAND=PACKAGE...: installs the Debian packages of the commands that are missing.
require_commands() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || stop "please install what is missing here: ${missing[*]}"
  local sudo=()
  if ((EUID != 0)); then sudo=(sudo); fi
  say "Installing ${missing[*]}"
  # Debian's mirrors fail now and then; a package that then is still missing is an error.
  local try
  for try in 1 2 3; do
    "${sudo[@]}" apt-get update -qq || true
    if "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; then break; fi
    ((try < 3)) || stop "apt-get could not install ${missing[*]}"
    sleep 5
  done
}

require_python() {
  require_commands python3=python3
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    stop "$(python3 --version) is too old: 3.10 or newer is needed"
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian keeps these in a package of their own, without a command to look for.
    require_commands "python3 without venv=python3-venv"
  fi
}

# require_packages FILE...: the virtual environment .venv, with the packages of these requirement files, on PATH.
require_packages() {
  require_python
  local file stamp
  for file in "$@"; do
    stamp=$venv/$(basename "$file").$(sha256sum <"$file" | cut -c 1-16)
    if [[ ! -e $stamp ]]; then
      say "Python packages of ${file#"$root"/} into .venv"
      [[ -x $venv/bin/pip ]] || python3 -m venv --clear "$venv"
      "$venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary --requirement "$file"
      touch "$stamp"
    fi
  done
  export PATH=$venv/bin:$PATH
}

# torch without the gigabytes of its GPU build, where the index has that.
require_torch() {
  if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
    say "torch into .venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check 'torch==2.13.0+cpu' 2>/dev/null ||
      "$venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary 'torch>=2.4'
  fi
}

# build_library [CMAKE-ARGUMENT...]: libswiftrnn.so in $library_build, with CMake and Ninja from .venv.
build_library() {
  require_swift
  require_packages "$root/scripts/requirements-build.txt"
  mkdir -p "$root/build"
  cmake -S "$root" -B "$library_build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX=/usr/local -U 'SKBUILD*' "$@" >"$root/build/configure.log" ||
    { cat "$root/build/configure.log" >&2; return 1; }
  cmake --build "$library_build"
}
