# syntax=docker/dockerfile:1.7

# docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag ratecache:0.1.0 .

# The Node that goes into the binary is the one of package.json; this one only runs npm. The glibc of Debian 13, which
# goes into the image, is new enough for the newer addon of uWebSockets.js (docs/security.md).
FROM node:22.23.3-trixie-slim AS build
WORKDIR /ratecache
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --loglevel=error
COPY LICENSE ./
COPY scripts ./scripts
COPY src ./src
COPY loadtest ./loadtest
# What `ratecache --version` says, as there is no git here.
ARG REVISION=unknown
RUN RATECACHE_COMMIT="$REVISION" npm run --silent build \
  && scripts/bare-root.sh dist/ratecache /image

# Not from a distroless base: the binary needs seven libraries of glibc and gcc, which the script takes from the stage
# above; certificates, time zones and a user database it needs not. What is here is therefore what `make smoke` proves.
FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ratecache" \
  org.opencontainers.image.description="Two-tier cache service for a borrow-rate and locate-fee pricing engine" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /image /
USER 65532:65532
# Else it would listen inside of the container alone.
ENV HOST=0.0.0.0
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/usr/local/bin/ratecache", "check"]
ENTRYPOINT ["/usr/local/bin/ratecache"]
CMD ["serve"]
