#!/bin/sh
# Installs what the lab needs from Debian's packages: the container runtime, the CNI plugins and the network tools.
# Nothing is done when everything is there. No service is started: the lab runs a containerd of its own.
# Packages named as arguments are installed in their stead, for what else needs some of Debian's.
set -eu

packages="$*"
[ "$#" -gt 0 ] || packages="containerd runc containernetworking-plugins iptables nftables iproute2 conntrack socat ebtables busybox-static ca-certificates"

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

command -v dpkg-query >/dev/null 2>&1 || fail "this is no Debian or Ubuntu (there is no dpkg-query). Install the equivalents of: $packages"

missing=""
for package in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" = 0 ] || fail "installing$missing needs root. Run it again as root (sudo $0)"

# Packages such as containerd start their service when installed. policy-rc.d is Debian's way to say no; ours is
# there only while we install, and one that was there before is put back.
guard=/usr/sbin/policy-rc.d
saved=""
restore() {
	rm -f "$guard"
	[ -z "$saved" ] || mv "$saved" "$guard"
}
if [ -e "$guard" ] || [ -L "$guard" ]; then
	saved="$guard.before-lab"
	mv "$guard" "$saved"
fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$guard"
chmod 755 "$guard"

echo "install.sh: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >&2 || fail "apt-get update failed. Is the package mirror reachable?"
# shellcheck disable=SC2086 # one word a package
apt-get install -q -y --no-install-recommends $missing >&2 || fail "apt-get could not install$missing"
