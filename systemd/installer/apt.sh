# shellcheck shell=bash
# The packages of apt that the service wants, and how they are installed.

wanted_packages=(python3-venv python3-numpy python3-picamera2 python3-gpiozero python3-lgpio
    python3-cryptography avahi-daemon polkitd qrencode)

# Asks apt's own sources for the headers of their lists only.
reach_apt() {
    apt-get update -o Dir::State::Lists="$1" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root -o Acquire::Retries=1 \
        -o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::Translations::DefaultEnabled=false >>"$log" 2>&1
}

# install_packages RELEASE
install_packages() {
    local missing known package
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if [[ -n $wheels ]]; then
        is_installed python3-venv || fail "python3-venv is missing: install it first"
        echo "note: --offline installs none of ${missing[*]}"
        return
    fi
    is_complete "$1" || step "reading apt's lists" read_lists
    mapfile -t known < <(known_packages "${missing[@]}")
    for package in "${missing[@]}"; do
        [[ " ${known[*]} " == *" $package "* ]] || is_complete "$1" || do_without "$package"
    done
    ((${#known[@]})) || return 0
    step "installing ${known[*]}" apt_get install -y --no-install-recommends "${known[@]}"
}

missing_packages() {
    local package
    for package in "${wanted_packages[@]}"; do
        is_installed "$package" || echo "$package"
    done
}

is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Whether the package is installed, or would be without --dry-run.
will_be_installed() {
    is_installed "$1" || [[ $dry == yes && -z $wheels && -n $(known_packages "$1") ]]
}

# Waits for an upgrade that runs at the same time, such as a Pi's after its first start. apt waits
# for the lock of its packages, as apt_get asks it to, but not for the lock of its lists.
read_lists() {
    local tries=60 output
    until output=$(apt_get update 2>&1); do
        echo "$output"
        [[ $output == *"Could not get lock"* ]] && ((--tries)) || return 1
        sleep 5
    done
    echo "$output"
}

# Without the lock, which a service that a package starts would keep.
apt_get() {
    DEBIAN_FRONTEND=noninteractive exec apt-get -q -o DPkg::Lock::Timeout=300 "$@" 9<&-
}

# Prints which of the packages apt has. A dry run reads no lists; without any, it prints all.
known_packages() {
    local show=(apt-cache -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= show)
    if [[ $dry == yes ]] && ! "${show[@]}" python3-venv >/dev/null 2>&1; then
        printf '%s\n' "$@"
    else
        "${show[@]}" --no-all-versions "$@" 2>/dev/null | sed -n 's/^Package: //p'
    fi
}

do_without() {
    local consequence="the installation continues without it"
    case $1 in
        python3-venv) fail "apt has no python3-venv, which is needed" ;;
        python3-picamera2) consequence="USB cameras work, a Pi camera does not" ;;
        python3-lgpio) consequence="LEDs and button do not work" ;;
    esac
    echo "note: apt has no $1 here: $consequence"
}
