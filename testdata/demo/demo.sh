#!/usr/bin/env bash
# The demo, on a cluster that is up: a shop, its tests run inside that cluster, a verdict.
#
#   demo.sh           version 1 of the shop; exits as `assay run` does: 0 where it is ready
#   demo.sh broken    rolls out version 2 of checkout, which counts a discount twice; exits 0 where assay
#                     said NOT_READY (its exit code 1), as it must
#
# Reads from the environment:
#   ASSAY             the assay binary (default bin/assay)
#   ADMIN_KUBECONFIG  deploys the shop (default $ASSAY_KUBECONFIG; the lab's kubectl needs none)
#   ASSAY_KUBECONFIG  what assay itself uses (default: with LAB one of the service account that 'assay install'
#                     makes, with nothing but its Role; otherwise $ADMIN_KUBECONFIG)
#   LAB               the lab's binary, for its kubectl; otherwise kubectl from PATH
#   REGISTRY          where images are pushed to and the cluster pulls them from (default $ASSAY_DEMO_REGISTRY,
#                     and with LAB 127.0.0.1:5055)
#   CORE_IMAGE        the product's image (default: built here and pushed)
#   ASSAY_STORE       where evidence is kept (default .assay at the top of the repository)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/.demo
what=${1:-working}

say() { printf '\n== %s\n' "$*" >&2; }
die() {
	printf 'demo: %s\n' "$*" >&2
	exit 64
}

absolute() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s\n' "$PWD/$1" ;;
	esac
}

case $what in working | broken) ;; *) die "usage: demo.sh [broken]" ;; esac

assay=$(absolute "${ASSAY:-$root/bin/assay}")
[ -x "$assay" ] || die "there is no $assay. Run: make build"
admin=${ADMIN_KUBECONFIG:-${ASSAY_KUBECONFIG:-}}
[ -z "$admin" ] || admin=$(absolute "$admin")
store=$(absolute "${ASSAY_STORE:-$root/.assay}")

registry=${REGISTRY:-${ASSAY_DEMO_REGISTRY:-}}
if [ -n "${LAB:-}" ]; then
	LAB=$(absolute "$LAB")
	kubectl=("$LAB" kubectl)
	[ -z "$admin" ] || kubectl+=(--kubeconfig "$admin")
	registry=${registry:-127.0.0.1:5055}
else
	[ -n "$admin" ] || die "no cluster. Run: make demo, or set ASSAY_KUBECONFIG to the kubeconfig of yours"
	command -v kubectl >/dev/null || die "kubectl is not on the PATH"
	kubectl=(kubectl --kubeconfig "$admin")
	[ -n "$registry" ] || die "set ASSAY_DEMO_REGISTRY to a registry this machine pushes to and the cluster pulls from, such as ghcr.io/you"
fi

cd "$root"
arch=$("${kubectl[@]}" get nodes -o 'jsonpath={.items[0].status.nodeInfo.architecture}') ||
	die "the cluster does not answer. Is it up, and is ${admin:-the lab} the right one?"
mkdir -p "$work"

say "Building the shop, its tests and their images for $registry (linux/$arch)"
testdata/demo/build.sh "$work/linux-$arch" linux "$arch"
go build -o "$work/image" ./testdata/image
files=$work/linux-$arch

image() { "$work/image" files --platform "linux/$arch" --push "$registry/demo/$1" "${@:2}"; }

shop_v1=$(image shop:v1 --file "$files/shop-v1:/shop" --entrypoint /shop)
shop_v2=$(image shop:v2 --file "$files/shop-v2:/shop" --entrypoint /shop)
tools=()
for file in "$files"/bin/*; do
	tools+=(--file "$file:/usr/local/bin/${file##*/}")
done
# There is no Go in the image for gotestsum to ask.
tests=$(image tests:v1 "${tools[@]}" --env "GOVERSION=$(go env GOVERSION)")
# Elsewhere than on the machine that a static busybox was made for, Docker Hub's image is the same thing.
shell=docker.io/library/busybox:1.37.0
if busybox=$(command -v busybox) && [ "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" = "linux/$arch" ]; then
	shell=$(image shell:v1 --busybox "$busybox")
fi
core=${CORE_IMAGE:-}
if [ -z "$core" ]; then
	core=$("$work/image" core --version demo --platforms "linux/$arch" --push "$registry/assay:demo")
fi

# The catalog is the one beside this script; the images get the digests that were just pushed.
sed -e "s|127\.0\.0\.1:5055/demo/tests:v1|$tests|" -e "s|127\.0\.0\.1:5055/demo/shell:v1|$shell|" \
	"$here/assay.yaml" >"$work/assay.yaml"

say "Deploying version 1 of the shop: checkout asks cart and catalog"
"${kubectl[@]}" apply -f - < <(sed "s|IMAGE_SHOP|$shop_v1|" "$here/shop.yaml") >&2
candidate=$shop_v1
if [ "$what" = broken ]; then
	say "Rolling out version 2 of checkout: it counts a discount twice"
	"${kubectl[@]}" -n shop set image deployment/checkout "shop=$shop_v2" >&2
	candidate=$shop_v2
fi
for workload in catalog cart checkout; do
	"${kubectl[@]}" -n shop rollout status "deployment/$workload" --timeout=120s >&2
done

say "Making the run namespace: what 'assay install' prints, and nothing else"
"$assay" install --catalog "$work/assay.yaml" --environment lab | "${kubectl[@]}" apply -f - >&2
if [ -n "${ASSAY_KUBECONFIG:-}" ]; then
	ASSAY_KUBECONFIG=$(absolute "$ASSAY_KUBECONFIG")
elif [ -n "${LAB:-}" ]; then
	ASSAY_KUBECONFIG=$work/kubeconfig
	"$LAB" kubeconfig --service-account assay-demo/assay -o "$ASSAY_KUBECONFIG" >&2
else
	ASSAY_KUBECONFIG=$admin
fi
export ASSAY_KUBECONFIG

if [ "$what" = working ]; then
	# The command is read from the catalog, so that it is the same one.
	line=$(sed -n '/^  name: shop-smoke$/,/^---/s/^  command: \[\(.*\)\]$/\1/p' "$here/assay.yaml")
	IFS=', ' read -r -a command <<<"$line"
	[ "${#command[@]}" -gt 3 ] || die "assay.yaml: shop-smoke has no command on one line"
	host=$files
	if [ "$(go env GOHOSTOS)/$(go env GOHOSTARCH)" != "linux/$arch" ]; then
		host=$work/host
		testdata/demo/build.sh "$host" "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)"
	fi
	say "First outside, on this machine, the very command of the suite shop-smoke:"
	printf '   %s\n' "${command[*]}" >&2
	mkdir -p "$work/outside"
	status=0
	(cd "$work/outside" && PATH=$host/bin:$PATH "${command[@]}") >"$work/outside/log.txt" 2>&1 || status=$?
	[ "$status" -ne 0 ] || die "it passed outside the cluster: this machine resolves checkout.shop.svc"
	if ! grep -o -m 1 'dial tcp: lookup .*' "$work/outside/log.txt" >&2; then
		cat "$work/outside/log.txt" >&2
		die "it failed outside, but not on DNS"
	fi
	printf '   exit code %d: the names exist only inside the cluster (%s)\n' "$status" "$work/outside/log.txt" >&2
fi

say "Now inside: assay run"
status=0
# From here, as from a checkout of the shop: the workspace of the suite price-list is this directory.
(cd "$here" && "$assay" run --catalog "$work/assay.yaml" --environment lab --store "$store" \
	--subject "$candidate" --core-image "$core") || status=$?

say "What was kept, in $store:"
"$assay" runs --store "$store" >&2 || true
cat >&2 <<END

Look closer with
   $assay show RUN --store $store
   $assay logs RUN --store $store
   $assay artifacts RUN -o DIR --store $store
END

if [ "$what" = broken ]; then
	if [ "$status" -ne 1 ]; then
		printf '\ndemo: assay exited with %d; a broken version must give 1 (NOT_READY)\n' "$status" >&2
		exit 1
	fi
	printf '\nassay exited with 1: NOT_READY, as it must. make demo rolls version 1 out again.\n' >&2
	exit 0
fi
exit "$status"
