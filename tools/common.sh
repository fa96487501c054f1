# Shared by tools/setup, tools/run and tools/test; sourced, not run.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$repo/.tarsier # what the tools bring or note down for this checkout; git ignores it
mkdir -p "$state"

say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# quietly LOG WHAT COMMAND...: one progress line, the output in LOG; its end is shown where the command fails.
quietly() {
  local log=$1 what=$2
  shift 2
  if [ -t 2 ]; then printf '%s ...' "$what" >&2; else say "$what ..."; fi
  if "$@" >"$log" 2>&1; then
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
    return 0
  fi
  if [ -t 2 ]; then printf '\n' >&2; fi
  tail -n 40 "$log" >&2
  say "error: failed: $what (the whole output: $log)"
  return 1
}

# build PRESET TARGET...: configures where needed, then builds, showing ninja's counter on one line.
build() {
  local preset=$1 log=$state/build-$1.log dir=$repo/build/$1
  shift
  # Again after packages were installed: CMake looks for programs and libraries only then.
  local stamp=$state/configured-$preset
  if [ ! -f "$dir/build.ninja" ] || [ "$state/apt-install.log" -nt "$stamp" ] || [ "$state/glslang" -nt "$stamp" ]; then
    (cd "$repo" && quietly "$log" "Configuring ($preset)" cmake --preset "$preset") || return 1
    touch "$stamp"
  fi
  local result=0
  if [ -t 2 ]; then
    NINJA_STATUS='[%f/%t] ' ninja -C "$dir" "$@" 2>&1 | tee "$log" | while IFS= read -r line; do
      case $line in '['*) printf '\r\033[KBuilding %.70s' "$line" >&2 ;; esac
    done
    result=${PIPESTATUS[0]}
    printf '\r\033[K' >&2
  else
    say "Building ($preset) ..."
    ninja -C "$dir" "$@" >"$log" 2>&1 || result=$?
  fi
  [ "$result" = 0 ] && return 0
  # A compiler may follow its complaint by hundreds of lines of notes: the first complaints are what tells.
  grep -m 3 -A 6 -E '(^| )(fatal )?error: ' "$log" >&2 || tail -n 40 "$log" >&2
  say "error: the build failed (the whole output: $log)"
  return 1
}

# Networks that lie beside the checkout are used as they are.
if [ -z "${TARSIER_MODEL_PATH:-}" ] && [ -d "$repo/../shared/models" ]; then
  TARSIER_MODEL_PATH=$(cd "$repo/../shared/models" && pwd)
  export TARSIER_MODEL_PATH
fi
