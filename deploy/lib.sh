# shellcheck shell=bash disable=SC2034
# What the scripts beside this file share. To be sourced by bash, with `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Headers and programs that building firn needs, by Debian's and Ubuntu's names; the last line is what a Swift toolchain
# needs to run and to link, and a minimal system lacks.
build_packages=(
    ca-certificates git pkg-config
    libbz2-dev libcurl4-openssl-dev libisal-dev liblzma-dev libpcre2-dev libssl-dev libxxhash-dev libzstd-dev zlib1g-dev
    g++ libncurses6 libsqlite3-0 libxml2
)

swift_version=6.2
release_flags=(-c release --static-swift-stdlib)
release_directory=$root/.build/release

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root for: $* (install sudo, or run this as root)"
    fi
}

# Asks unless $assume_yes is set; without a terminal the answer is no.
confirm() {
    [ -z "${assume_yes:-}" ] || return 0
    [ -t 0 ] || die "$1 Say --yes to agree where nobody can be asked."
    local answer
    read -r -p "$1 [y/N] " answer
    [[ $answer =~ ^[Yy] ]]
}

# Those of the given packages that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
    done
}

# Installs what is missing of the given packages, after saying so and asking.
ensure_packages() {
    command -v dpkg-query >/dev/null || {
        say "Not a Debian or Ubuntu system: taking these for installed: $*"
        return
    }
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "To be installed with apt-get: ${missing[*]}"
    confirm "Install them?" || die "without them it cannot go on: apt-get install ${missing[*]}"
    as_root apt-get -q update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
}

# Whether a `swift` on the PATH is new enough.
swift_is_usable() {
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] && [ "$(printf '%s\n' "$swift_version" "$version" | sort -V | head -n 1)" = "$swift_version" ]
}

# Puts a Swift compiler on the PATH: the one that is there, else one by swiftly (swift.org's installer), after asking.
ensure_swift() {
    local swiftly_environment=${SWIFTLY_HOME_DIR:-$HOME/.local/share/swiftly}/env.sh
    local directory
    for directory in "" /opt/swift/usr/bin /usr/share/swift/usr/bin; do
        if PATH=${directory:+$directory:}$PATH swift_is_usable; then
            PATH=${directory:+$directory:}$PATH
            return
        fi
    done
    # shellcheck disable=SC1090
    if [ -r "$swiftly_environment" ]; then . "$swiftly_environment"; fi
    if ! swift_is_usable; then install_swift "$swiftly_environment"; fi
    swift_is_usable || die "there is still no Swift $swift_version or later on the PATH: see https://www.swift.org/install/linux/"
}

install_swift() {
    if command -v swift >/dev/null; then
        say "$(command -v swift) does not do: $(swift --version 2>&1 | head -n 1)"
    fi
    say "No Swift $swift_version or later here. It can be installed for this user by swiftly, from https://download.swift.org"
    say "(about 1 GB to download, 3 GB on disk, in ${SWIFTLY_HOME_DIR:-$HOME/.local/share/swiftly})."
    confirm "Install Swift?" || die "install Swift $swift_version or later: https://www.swift.org/install/linux/"
    ensure_packages curl gnupg
    local work after
    work=$(mktemp -d)
    after=$work/after-install
    curl -fsSL --retry 3 -o "$work/swiftly.tar.gz" "https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz" ||
        die "swiftly cannot be downloaded; install Swift $swift_version or later and run this again: https://www.swift.org/install/linux/"
    tar -C "$work" -xzf "$work/swiftly.tar.gz"
    "$work/swiftly" init --assume-yes --skip-install --quiet-shell-followup
    # shellcheck disable=SC1090
    . "$1"
    hash -r
    swiftly install "$swift_version" --use --assume-yes --post-install-file "$after"
    if [ -s "$after" ]; then
        say "The toolchain needs these packages too:"
        cat "$after"
        confirm "Run that?" || die "run it yourself: $after"
        as_root env DEBIAN_FRONTEND=noninteractive bash "$after"
    fi
    hash -r
    rm -rf "$work"
}

# Builds the given products for release.
build_release() {
    local product
    for product in "$@"; do
        (cd "$root" && swift build "${release_flags[@]}" --product "$product")
    done
}

# The Python environment in $venv with S3 servers and independent readers of the format.
ensure_test_servers() {
    venv=$root/.build/test-venv
    FIRN_TEST_VENV=$venv "$root/Tests/Support/install-test-servers"
}
