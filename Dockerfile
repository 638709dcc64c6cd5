# The image of the operator and of the portal: two stages, the second with nothing in it but the two
# programs, the Debian libraries that they need, and the certificate authorities - no shell, no
# package manager. hack/image.sh rootfs decides which files those are, and builds the same image
# without a container engine. `command: [/usr/bin/apitoken-portal]` starts the portal.
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" -t apitoken-operator:0.1.0 .
FROM debian:trixie-slim AS build
WORKDIR /src
# Before the sources, so that a change of theirs does not install everything again.
COPY hack/install-deps.sh hack/
RUN apt-get update -q && apt-get install -y -q --no-install-recommends ca-certificates binutils \
    && hack/install-deps.sh --build && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json LICENSE ./
COPY controller controller
COPY portal portal
COPY hack/image.sh hack/
COPY hack/lib/debian.sh hack/lib/
RUN hack/image.sh rootfs --out /rootfs

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG DESCRIPTION="Mints API tokens into Secrets and makes their expiry impossible to miss"
LABEL org.opencontainers.image.title="apitoken-operator" \
      org.opencontainers.image.description="${DESCRIPTION}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/apitoken-dev/apitoken-operator" \
      org.opencontainers.image.documentation="https://github.com/apitoken-dev/apitoken-operator/blob/main/docs/README.md"
COPY --from=build /rootfs /
WORKDIR /
# A thread keeps one freed small block of each size, not seven: dozens of threads would keep 3 MiB.
ENV GLIBC_TUNABLES=glibc.malloc.tcache_count=1
USER 65532:65532
EXPOSE 8080 8081 8444
ENTRYPOINT ["/usr/bin/apitoken-operator"]
