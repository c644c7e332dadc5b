#!/bin/sh
# Builds the real parts that the integration tests run, into bin/: KServe's agent, Knative's broker and event display,
# etcd, kube-apiserver and kubectl, and the CRDs they need (bin/crds). It wants Go and a Go module proxy, nothing else.
#
# A part is built again only when its module, this script or Go itself changed, so a second run takes no time; the
# first one takes a quarter of an hour. The parts differ from the released ones only in where three of them listen, which
# no setting of theirs can say, so that tests can run side by side: event_display and channel_dispatcher take a port of
# our choice (see the Go files in knative/), and the agent's second listener, a unix socket, has no fixed name.
set -eu
cd "$(dirname "$0")"

# Set by the machine or not, these make the same binaries: static ones (no C compiler), from exactly the locked modules.
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false -trimpath"

command -v go >/dev/null || {
    echo "peers: Go is not installed; the tests on KServe's, Knative's and Kubernetes' own parts need it" >&2
    exit 3
}
for module in kserve knative kubernetes; do
    (cd "$module" && message=$(go version 2>&1) || { echo "peers: Go is too old: $message" >&2; exit 3; })
done
mkdir -p bin/stamps/crds

# The directory of a module's sources, in Go's module cache.
sources() { (cd "$1" && go mod download "$2" && go list -m -f '{{.Dir}}' "$2"); }

# Whether a part must be made again; what it depends on is this file, its module and the arguments.
stamp() { (cat build.sh $(find "$1" -type f | sort) && shift && echo "$*" && go version) | cksum; }
stale() { ! [ -e "bin/$1" ] || [ "$(cat "bin/stamps/$1" 2>/dev/null)" != "$2" ]; }
fresh() { printf '%-18s up to date\n' "$1"; }
made() {
    echo "$2" > "bin/stamps/$1"
    printf '%-18s %s in %d s\n' "$1" "$(du -sh "bin/$1" | cut -f 1)" $(($(date +%s) - started))
}

# part NAME MODULE LINKER-FLAGS PACKAGE, where the package is an import path or a folder in bin/src.
part() {
    name=$1 module=$2 flags=$3 package=$4
    started=$(date +%s) now=$(stamp "$module" "$flags" "$package")
    stale "$name" "$now" || { fresh "$name"; return; }
    case $package in bin/src/*) "${name}_sources" "$(sources "$module" knative.dev/eventing)" ;; esac
    (
        cd "$module"
        # Files, because Go takes a folder only from inside the module.
        case $package in bin/src/*) set -- ../"$package"/*.go ;; *) set -- "$package" ;; esac
        go build -ldflags "-s -w $flags" -o "../bin/$name" "$@"
    )
    made "$name" "$now"
}

# Sources that are Knative's but for where they listen, in bin/src/NAME; our Go files beside them say how and why.
must_have() { grep -q "$2" "$1" || { echo "peers: Knative's $1 has changed, and so must build.sh: no '$2'" >&2; exit 1; }; }
event_display_sources() {
    mkdir -p bin/src/event_display && cp knative/event_display/*.go bin/src/event_display/
    must_have "$1/cmd/event_display/main.go" 'cehttp.Option{$'
    awk '{ print } /cehttp\.Option\{$/ { print "\t\t\tonLoopback()," }' "$1/cmd/event_display/main.go" \
        > bin/src/event_display/main.go
}
channel_dispatcher_sources() {
    mkdir -p bin/src/channel_dispatcher && cp knative/channel_dispatcher/*.go bin/src/channel_dispatcher/
    dispatcher=$1/pkg/reconciler/inmemorychannel/dispatcher
    must_have "$dispatcher/controller.go" 'httpPort *= 8080'
    for file in controller inmemorychannel readiness; do
        sed -e 's/^package dispatcher/package main/' -e '/^[[:space:]]*https*Port  *= /d' "$dispatcher/$file.go" \
            > "bin/src/channel_dispatcher/$file.go"
    done
    sed -e '/reconciler\/inmemorychannel\/dispatcher"/d' -e 's/inmemorychannel\.NewController/NewController/' \
        "$1/cmd/in_memory/channel_dispatcher/main.go" > bin/src/channel_dispatcher/main.go
}

# crds NAME MODULE UPSTREAM FILES…: copies YAML that a cluster's administrator would apply.
crds() {
    name=crds/$1 module=$2 upstream=$3; shift 3
    started=$(date +%s) now=$(stamp "$module" "$upstream" "$@")
    stale "$name" "$now" || { fresh "$name"; return; }
    rm -rf "bin/$name" && mkdir -p "bin/$name"
    from=$(sources "$module" "$upstream")
    for pattern in "$@"; do cp "$from"/$pattern "bin/$name/"; done
    chmod -R u+w "bin/$name" # the module cache is read-only
    made "$name" "$now"
}

kubernetes="-X k8s.io/component-base/version.gitVersion=v1.34.4" # without it kubectl cannot read the server's version

crds knative knative knative.dev/eventing 'config/core/resources/*.yaml' \
    'config/channels/in-memory-channel/resources/*.yaml'
crds knative-config knative knative.dev/eventing 'config/core/configmaps/*.yaml'
crds kserve kserve github.com/kserve/kserve 'config/crd/full/serving.kserve.io_*.yaml'
part event_display knative "" bin/src/event_display
part channel_dispatcher knative "" bin/src/channel_dispatcher
part broker_ingress knative "" knative.dev/eventing/cmd/broker/ingress
part broker_filter knative "" knative.dev/eventing/cmd/broker/filter
part etcd kubernetes "" go.etcd.io/etcd/server/v3
part kubectl kubernetes "$kubernetes" k8s.io/kubernetes/cmd/kubectl
part agent kserve "-X main.unixSocketPath=" github.com/kserve/kserve/cmd/agent
part kube-apiserver kubernetes "$kubernetes" k8s.io/kubernetes/cmd/kube-apiserver
