#!/usr/bin/env bash
# What `make lab`, `make lab-down`, `make demo`, `make e2e`, `make bench` and `make soak` do about the cluster:
#
#   cluster.sh up             bring the lab up and make the demo's run namespace in it
#   cluster.sh down           take it down
#   cluster.sh test           test the lab itself; one that is up is not disturbed
#   cluster.sh demo [broken]  the demo
#   cluster.sh e2e [ARGS]     the end-to-end tests; ARGS go to go test
#   cluster.sh bench [ARGS]   measure what Assay costs; ARGS go to testdata/bench. With --only reports, trends, verdict, index or writers it needs no cluster
#   cluster.sh soak [ARGS]    faults, in the lab alone, because it is the lab that is hurt; ARGS go to go test.
#                             Without ARGS the results are written to testdata/soak/RESULTS.md
#
# With ASSAY_KUBECONFIG set, demo, e2e and bench use that cluster instead of the lab; ASSAY_DEMO_REGISTRY
# then names a registry that this machine pushes to and the cluster pulls from.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
what=${1:?usage: cluster.sh up|down|test|demo|e2e|bench|soak}
shift
state=${ASSAY_LAB_STATE:-/var/lib/assay-lab}

# lab_binary builds the lab, once, and says where it is.
lab_binary() { echo "$(testdata/lab/build.sh)/lab"; }

lab_up() {
	testdata/lab/install.sh
	LAB=$(lab_binary)
	export LAB REGISTRY=127.0.0.1:5055
	"$LAB" up
}

# reach brings the lab up, or takes the cluster of ASSAY_KUBECONFIG, and sets REGISTRY, the
# administrator's kubeconfig and kubectl with it.
reach() {
	if [ -n "${ASSAY_KUBECONFIG:-}" ]; then
		export REGISTRY=${ASSAY_DEMO_REGISTRY:?name a registry that this machine pushes to and the cluster pulls from}
		export ADMIN_KUBECONFIG=$ASSAY_KUBECONFIG
		admin=$ASSAY_KUBECONFIG
		kubectl="kubectl --kubeconfig $ASSAY_KUBECONFIG"
		unset ASSAY_KUBECONFIG
	else
		lab_up
		admin=$state/admin.kubeconfig
		kubectl="$LAB kubectl"
	fi
}

# images makes and pushes the product's image and that of the tests, and sets core and tests to their
# references.
images() {
	mkdir -p .demo
	core=$(go run ./testdata/image core --version e2e --platforms "linux/$(go env GOARCH)" --push "$REGISTRY/assay:e2e")
	tests=$(testdata/e2eimage/push.sh "$REGISTRY/e2e/tests:latest")
}

# e2e_images makes and pushes the other images that end-to-end tests need as well, and exports all that
# their rig reads.
e2e_images() {
	local busybox version app=()
	images
	busybox=$(command -v busybox)
	files() { go run ./testdata/image files --platform "linux/$(go env GOARCH)" "$@"; }
	# The workload under test, in two versions that differ in their digest alone.
	for version in 1 2; do
		app+=("$(files --busybox "$busybox" --env "VERSION=$version" --push "$REGISTRY/e2e/app:v$version")")
	done
	E2E_ENTRYPOINT_IMAGE=$(files --busybox "$busybox" --entrypoint /bin/sh --entrypoint -c --entrypoint "echo the image\'s own command" --push "$REGISTRY/e2e/own:latest")
	E2E_ROOT_IMAGE=$(files --busybox "$busybox" --user 0 --push "$REGISTRY/e2e/root:latest")
	export E2E_CORE_IMAGE=$core E2E_TEST_IMAGE=$tests E2E_ENTRYPOINT_IMAGE E2E_ROOT_IMAGE
	export E2E_ASSAY=$PWD/bin/assay E2E_KUBECTL=$kubectl E2E_APP_V1=${app[0]} E2E_APP_V2=${app[1]} E2E_REGISTRY=$REGISTRY
}

case $what in
up)
	lab_up
	# The namespace under test, which a Role is made in: the first document of the shop's manifests.
	sed '/^---$/,$d' testdata/demo/shop.yaml | "$LAB" kubectl apply -f - >&2
	# Exactly what `assay install` prints, and the credentials of exactly that Role.
	bin/assay install --catalog testdata/demo/assay.yaml --environment lab | "$LAB" apply -f - >&2
	"$LAB" kubeconfig --service-account assay-demo/assay -o "$state/assay.kubeconfig" >&2
	cat >&2 <<END

The lab is up. As an administrator:    $LAB kubectl get pods -A
With the rights of assay's own Role:   export ASSAY_KUBECONFIG=$state/assay.kubeconfig
END
	;;
down)
	# A lab whose directory somebody has removed is found by its control groups.
	if [ ! -e "$state" ] && [ -z "$(find /sys/fs/cgroup -maxdepth 2 -type d -name 'assay-lab*' -print -quit 2>/dev/null)" ]; then
		echo "the lab is down" >&2
		exit 0
	fi
	"$(lab_binary)" down
	;;
test)
	testdata/lab/install.sh
	LAB=$(lab_binary)
	# It brings up labs of its own, in namespaces of their own: one that is up is not disturbed. With the
	# flags of the build, or all of Kubernetes would be compiled a second time.
	export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -trimpath" LAB_TEST=1 LAB_BIN=${LAB%/*}
	cd testdata/lab
	# Not ./...: to vet main is to analyse every package of Kubernetes.
	go vet ./node ./images ./command ./acceptance ./pause
	# Never from the cache: what these tests find depends on the machine.
	go test -count=1 -timeout 20m ./node ./images ./command ./acceptance
	;;
demo)
	if [ -z "${ASSAY_KUBECONFIG:-}" ]; then
		lab_up
	fi
	exec testdata/demo/demo.sh "$@"
	;;
e2e)
	reach
	e2e_images
	# A GitHub and what runs its workflows, a Groovy, and what runs a GitLab pipeline, which copies with rsync.
	testdata/lab/install.sh groovy default-jre-headless rsync
	testdata/npm/install.sh
	go build -o .demo/forge/fakegithub ./testdata/fakegithub
	E2E_ACT=$(testdata/act/install.sh)
	export E2E_ACT E2E_FAKEGITHUB=$PWD/.demo/forge/fakegithub
	go test -tags e2e -count=1 -timeout 25m ./testdata/e2e "$@"
	# The image: built from the Dockerfile and without it, and run in the lab.
	if [ -n "${LAB:-}" ]; then
		go test -timeout 25m ./testdata/image
	fi
	;;
soak)
	lab_up
	kubectl="$LAB kubectl"
	e2e_images
	SOAK_STATIC_IMAGE=$(files --file ".demo/e2e/bin/misbehave:/misbehave" --push "$REGISTRY/e2e/static:latest")
	testdata/soak/shifted.sh .demo/soak/assay-shifted
	export SOAK_STATIC_IMAGE SOAK_SHIFTED=$PWD/.demo/soak/assay-shifted SOAK_LAB=$LAB ASSAY_LAB_STATE=$state
	if [ $# = 0 ] && [ -z "${SOAK_SHORT:-}" ]; then
		export SOAK_RESULTS=$PWD/testdata/soak/RESULTS.md
	fi
	# What is read back goes through a temporary directory; where memory is plenty it need not be the disk.
	if [ -z "${TMPDIR:-}" ] && [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 8000000 ] &&
		[ "$(awk '/MemAvailable/ { print $2 }' /proc/meminfo)" -gt 12000000 ]; then
		export TMPDIR=/dev/shm
	fi
	go test -tags soak -count=1 -timeout 3h ./testdata/e2e "$@"
	;;
bench)
	mkdir -p .demo
	go build -o .demo/bench ./testdata/bench
	choice=(--assay bin/assay --commit "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" --json .demo/bench.json)
	parts=all
	case " $* " in
	*" --only reports "* | *" --only=reports "* | *" --only trends "* | *" --only=trends "* | *" --only verdict "* | *" --only=verdict "* | \
		*" --only index "* | *" --only=index "* | *" --only writers "* | *" --only=writers "*) parts=desk ;;
	*" --only"*) parts=some ;;
	esac
	case "$parts $*" in
	all* | *reports*)
		testdata/npm/install.sh testdata/bench/npm
		go build -o .demo/reader ./testdata/bench/reader
		choice+=(--reader .demo/reader --npm testdata/bench/npm)
		;;
	esac
	if [ $parts != desk ]; then
		reach
		images
		choice+=(--kubeconfig "$admin" --core-image "$core" --test-image "$tests")
		# The quickest kubectl of this machine is what Assay is compared with.
		if command -v kubectl >/dev/null; then choice+=(--kubectl kubectl); fi
		if [ -n "${LAB:-}" ]; then choice+=(--kubectl "$LAB kubectl"); fi
	fi
	# A table of the README is whole or not touched.
	[ $parts = some ] || choice+=(--write README.md)
	exec .demo/bench "${choice[@]}" "$@"
	;;
*)
	echo "cluster.sh: unknown word: $what" >&2
	exit 64
	;;
esac
