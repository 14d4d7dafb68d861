# shellcheck shell=bash
# Steps: how they run, how they are undone, and how the script ends.

steps=0       # how many this run took
undo_steps=() # each a name and a command, quoted by printf %q
log=

# lock FILE: until this script and the step that it runs have ended.
lock() {
    exec 9<"$1"
    command -v flock >/dev/null || return 0
    flock -n 9 || { echo "waiting for another install.sh to finish" && flock 9; }
}

open_log() {
    log=$(mktemp "${TMPDIR:-/tmp}/emotion-edge-install.XXXXXX") || fail "cannot write a log file"
}

# Prints the last line with a reason: pip adds lines that only say that there is one.
last_of_log() {
    local line
    line=$(grep -a -v -E -e '^\W*$' -e '^ *(note|hint): ' -e 'subprocess-exited|\[end of output\]' \
        -e '^\W*(pip subprocess to|exit code:|See above for)' "$log" | tail -n 1) || true
    echo "${line#"${line%%[! ]*}"}"
}

# step NAME COMMAND...: prints the name, and runs the command with its output in the log.
step() {
    steps=$((steps + 1))
    [[ $dry == no ]] || { echo "would be done: $1" && return; }
    echo "· $1"
    # In the background, so that a signal is handled at once. The command keeps the lock: the next
    # install.sh waits for it even if this script is killed.
    "${@:2}" >>"$log" 2>&1 &
    wait "$!" || fail "$1 failed: $(last_of_log)"
}

# remove NAME PATH, if it exists.
remove() {
    [[ ! -e $2 && ! -L $2 ]] || step "removing $1" remove_folder "$2"
}

# on_failure NAME COMMAND...: how to undo the next step.
on_failure() {
    [[ $dry == yes ]] || undo_steps+=("$(printf '%q ' "$@")")
}

# Undoes the steps, the last one first, and prints which.
undo() {
    local planned=("${undo_steps[@]}") undone=() words=() i
    trap '' INT TERM HUP
    undo_steps=()
    for ((i = ${#planned[@]} - 1; i >= 0; i--)); do
        eval "words=(${planned[i]})"
        ("${words[@]:1}") >>"$log" 2>&1 9<&- && undone+=("${words[0]}")
    done
    ((${#undone[@]} == 0)) || printf '; undone: %s' "$(listed "${undone[@]}")"
    ((${#planned[@]} == 0)) || [[ ! -L $root/current ]] || printf '; %s is untouched' "$(linked current)"
}

interrupted() {
    local undone running
    trap - INT TERM HUP
    running=$(jobs -rp)
    if [[ -n $running ]]; then
        kill "$running" 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    undone=$(undo)
    echo "install.sh: interrupted${undone:-; run it again to start from the beginning}" >&2
    exit 130
}

fail() {
    local undone
    undone=$(undo)
    [[ -z $log || -s $log ]] || rm -f -- "$log"
    [[ ! -e $log ]] || undone+="; the log is $log"
    echo "install.sh: $*$undone" >&2
    exit 1
}

refuse() {
    echo "install.sh: $*" >&2
    exit 2
}
