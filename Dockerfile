# syntax=docker/dockerfile:1
# Three stages: `build` has compilers and development tools, `app` what runs, `gateway` (the last one, the default) starts it.
# `simulator` is the same with the demo's senders. Every step is tried without Docker by `npm run e2e -- image`.
FROM node:24-slim AS build
# re2 is native; where its prebuilt binary cannot be had it is compiled.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ make python3 \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim AS app
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/LICENSE /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
RUN mkdir -p /var/lib/algoflow-gateway && chown 1000:1000 /var/lib/algoflow-gateway
# Everything that is written is written here; the rest may be read-only.
WORKDIR /var/lib/algoflow-gateway
# `node` of the base image; as a number, so that Kubernetes sees that it is not root.
USER 1000:1000

FROM app AS simulator
ENTRYPOINT ["node", "/app/dist/clients/simulator/main.js"]

FROM app AS gateway
COPY charts/docker/gateway.yaml /etc/algoflow-gateway/gateway.yaml
VOLUME /var/lib/algoflow-gateway
EXPOSE 4317 4318 8888
# Alive, not ready: a gateway whose queue is full answers senders and must not be restarted.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8888/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/services/ctl/main.js"]
CMD ["start", "--config", "/etc/algoflow-gateway/gateway.yaml"]
