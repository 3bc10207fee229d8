# The product's image: two static binaries, CA certificates and a user without rights.
# `go run ./testdata/image core` makes the same image where there is neither docker nor buildah.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=v1.2.3 .
#   buildah bud --platform linux/arm64 --build-arg BUILDPLATFORM=linux/amd64 --build-arg VERSION=v1.2.3 .
#
# (buildah of 2022, as in Debian 12, does not know BUILDPLATFORM by itself.)
#
# The agent is called as /assay-agent in every pod.

# The builder needs Go, a shell and /etc/ssl/certs/ca-certificates.crt.
ARG GO_IMAGE=docker.io/library/golang:1.26.8-bookworm

# Only the builder's platform is ever executed; Go compiles for the others. (No defaults for the
# platform arguments: a default would win over what the builder fills in.)
FROM --platform=${BUILDPLATFORM} ${GO_IMAGE} AS build
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
# Where modules come from, where it is not Go's default; a file:// proxy makes the build work without network.
ARG GOPROXY=
ENV GOPROXY=${GOPROXY} GOTOOLCHAIN=local CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
COPY cmd cmd
COPY core core
COPY integrations integrations
RUN mkdir -p /out/bin /out/etc/ssl/certs /out/home /out/tmp /home/nonroot \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
 && chmod 1777 /out/tmp \
 && for name in assay assay-agent; do \
      GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false \
        -ldflags "-s -w -X main.version=${VERSION}" -o /out/bin/${name} ./cmd/${name} || exit 1; \
    done \
 && mv /out/bin/assay-agent /out/assay-agent
COPY testdata/image/passwd testdata/image/group /out/etc/

FROM scratch
ARG VERSION=dev
ARG REVISION=
LABEL org.opencontainers.image.title="Assay" \
      org.opencontainers.image.description="Runs tests inside the Kubernetes cluster the software ships to, keeps the evidence and says whether it is ready." \
      org.opencontainers.image.source="https://github.com/assay-dev/assay" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
COPY --from=build /out /
COPY --from=build --chown=65532:65532 /home/nonroot /home/nonroot
WORKDIR /home/nonroot
USER 65532:65532
ENTRYPOINT ["/bin/assay"]
