import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';

/**
 * The agent's own metrics for whoever stands beside the device: `GET /metrics` in Prometheus' format, on
 * the loopback interface only. They are the same instruments that go to the collector.
 */
export class LocalMetrics {
  readonly #server: Server;
  #current: PrometheusExporter | null = null;

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url !== '/metrics' || this.#current === null) {
        response.writeHead(404).end();
        return;
      }
      this.#current.getMetricsRequestHandler(request, response);
    });
  }

  /** Port 0 takes any free one. */
  static async listen(port: number): Promise<LocalMetrics> {
    const local = new LocalMetrics();
    local.#server.listen(port, '127.0.0.1');
    await once(local.#server, 'listening');
    return local;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${String(port)}/metrics`;
  }

  /** For the meter provider of a firmware version; from now on its instruments are shown. */
  newReader(): PrometheusExporter {
    this.#current = new PrometheusExporter({ preventServerStart: true });
    return this.#current;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
