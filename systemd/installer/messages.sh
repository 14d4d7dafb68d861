# shellcheck shell=bash
# What install.sh prints at its end.

# print_how_to_use VERSION
print_how_to_use() {
    local line host port tls auth button urls
    line=$(read_settings "$releases/$1") || fail "$(last_of_log)"
    read -r host port tls auth button <<<"$line"
    echo
    print_state "$1" "is installed"
    mapfile -t urls < <(page_urls "$host" "$port" "$tls")
    case $host in
        127.* | localhost | ::1)
            echo "The page: ${urls[0]}, on this machine only ([web] host in $settings)"
            ;;
        *)
            echo "The page: ${urls[0]}${urls[1]:+ or ${urls[1]}}"
            print_qr_code "${urls[-1]}" # the address: some phones do not resolve .local
            ;;
    esac
    [[ $auth == none ]] || echo "Access code: $(access_code "$releases/$1" | head -n 1)"
    echo "Settings: $settings"
}

# page_urls HOST PORT TLS: prints one per line. For all interfaces: by name, then by address.
page_urls() {
    local scheme=http hosts=("$1") host addresses
    [[ $3 == False ]] || scheme=https
    if [[ $1 == 0.0.0.0 || $1 == :: ]]; then
        host=$(uname -n)
        addresses=$(hostname -I 2>/dev/null) || true
        hosts=("${host%%.*}.local" ${addresses:+"${addresses%% *}"})
    fi
    for host in "${hosts[@]}"; do
        [[ $host != *:* ]] || host="[$host]"
        echo "$scheme://$host:$2"
    done
}

print_qr_code() {
    ! command -v qrencode >/dev/null || qrencode -t ANSIUTF8 -m 2 -- "$1"
}

# print_state VERSION DONE: what was done, and the state of the service.
print_state() {
    local state=active reason
    ! has_systemd || state=$(systemctl show --property=ActiveState --value emotion-edge)
    reason=$(reason_of_failure) || true
    case $state:$start in
        active:*)
            echo "emotion-edge $1 $2."
            ;;
        activating:*) # systemd waits before the next try
            echo "emotion-edge $1 $2 and does not run yet${reason:-.}"
            echo "It retries every 10 seconds. See: journalctl -u emotion-edge"
            ;;
        *:no)
            echo "emotion-edge $1 $2 and not started."
            echo "To start it: sudo systemctl start emotion-edge"
            ;;
        *)
            echo "emotion-edge $1 $2 and does not run${reason:-.}"
            echo "See: journalctl -u emotion-edge. Then: sudo systemctl restart emotion-edge"
            ;;
    esac
}

# Prints ": " and the service's last error, if there is one.
reason_of_failure() {
    journalctl -u emotion-edge -o cat -n 50 2>/dev/null |
        sed -n 's/^emotion-edge: .*/: &/p' | tail -n 1
}

print_what_is_kept() {
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
