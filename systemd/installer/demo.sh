# shellcheck shell=bash
# --demo: an environment next to install.sh, and the device on a rendered scene. No root needed.

venv=$here/.venv
state=$venv/.emotion-edge # what the environment was built from, or "building"

run_demo() {
    lock "$here/install.sh"
    is_built || build
    exec 9<&- # unlock
    [[ $start == no ]] || exec "$venv/bin/emotion-edge" run --source demo "$@"
}

is_built() {
    local now
    now=$(identity) && [[ $(cat "$state" 2>/dev/null) == "$now" ]]
}

# Prints what the environment depends on: its folder, its Python and the list of its packages.
identity() {
    local version
    version=$("$venv/bin/python" -V 2>/dev/null) || return
    echo "$here ${version#Python } $(sha256sum <"$here/pyproject.toml" | cut -c1-64)"
}

build() {
    local found now pip=("$venv/bin/python" -m pip install --disable-pip-version-check --no-input)
    check_machine
    found=$(find_python) || exit
    open_log
    can_be_updated || make_venv "${found% *}" "${found#* }"
    echo building >"$state"
    step "installing emotion-edge (minutes the first time)" "${pip[@]}" -e "$here"
    install_face_detector "${pip[@]}"
    step "checking the imports" ask "$venv/bin/python" imports
    now=$(identity)
    { echo "$now" >"$state.new" && mv -- "$state.new" "$state"; } || fail "cannot write $state"
    rm -f -- "$log"
}

# Prints the first Python that is new enough, and its version.
find_python() {
    local found=none name version bits
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        read -r version bits < <(ask "$name" python 2>/dev/null) || continue
        ! is_supported "$version" "$bits" || { echo "$name $version" && return; }
        [[ $bits == 64 ]] || version="a $bits-bit one"
        [[ $found != none && $bits == 64 ]] || found=$version
    done
    fail "64-bit Python 3.11 or newer is needed, found $found;" \
        "use Debian 12, Ubuntu 24.04 or newer, or install python3.11 and python3.11-venv"
}

# Whether pip can update the environment: it is complete, in its folder, with its Python. One that
# a person made has no state and counts as complete.
can_be_updated() {
    local now built
    now=$(identity) || return
    built=$(cat "$state" 2>/dev/null) || built=$now
    [[ ${built% *} == "${now% *}" ]] && "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

# make_venv PYTHON VERSION
make_venv() {
    ask "$1" can-make-venv >/dev/null 2>&1 || install_venv_module "python$2-venv"
    [[ ! -e $venv ]] || step "removing the unfinished or outdated .venv" rm -rf -- "$venv"
    mkdir "$venv" || fail "cannot write in $here"
    echo building >"$state"
    step "creating .venv with Python $2" "$1" -m venv "$venv"
}

install_venv_module() {
    local sudo=()
    [[ $(id -u) == 0 ]] || sudo=(sudo -n)
    if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
        fail "Python's venv module is missing; run: sudo apt install $1"
    fi
    step "installing $1" "${sudo[@]}" sh -c \
        "apt-get update; DEBIAN_FRONTEND=noninteractive apt-get install -y $1" 9<&-
}
