import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '../../src/supervisor/free-ports.ts';

const alerts = new URL('../../../alerts/', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, alerts), 'utf8');

/** Hold times of seconds, and campaigns of a few devices; the rules themselves stay as they are. */
const hastened = (rules: string) =>
  rules
    .replace(/for: \d+[mh]/g, 'for: 1s')
    .replace('flotilla:campaign_finished:devices >= 20', 'flotilla:campaign_finished:devices >= 1');

export interface Alerting {
  readonly alertmanager: string;
  /** Alert names that Prometheus has firing for a device. */
  firing(device: string): Promise<string[]>;
  stop(): Promise<void>;
}

/** Debian's Prometheus and Alertmanager with our rules and routes, on free ports, looking every second. */
export async function startAlerting(
  folder: string,
  targets: Readonly<Record<string, string>>,
  webhook: { readonly url: string; readonly tokenFile: string },
): Promise<Alerting> {
  mkdirSync(folder, { recursive: true });
  const [prometheusPort = 0, alertmanagerPort = 0] = await freePorts(2);
  const jobs = Object.entries(targets).map(
    ([job, url]) =>
      `  - job_name: ${job}\n    static_configs: [{ targets: ['${new URL(url).host}'] }]`,
  );
  for (const name of readdirSync(alerts).filter((file) => file.endsWith('.rules.yml'))) {
    writeFileSync(join(folder, name), hastened(text(name)));
  }
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['*.rules.yml']
alerting:
  alertmanagers:
    - static_configs: [{ targets: ['127.0.0.1:${String(alertmanagerPort)}'] }]
scrape_configs:
${jobs.join('\n')}
`,
  );
  const routes = text('alertmanager.yml')
    .replace(/group_(wait|interval): \S+/g, 'group_$1: 1s')
    .replace('http://ota-service:8080/api/v1/alerts/webhook', webhook.url)
    .replace('/data/keys/alert-webhook.token', webhook.tokenFile);
  writeFileSync(join(folder, 'alertmanager.yml'), routes);
  const children = [
    start('prometheus-alertmanager', [
      `--config.file=${join(folder, 'alertmanager.yml')}`,
      `--storage.path=${join(folder, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${String(alertmanagerPort)}`,
      '--cluster.listen-address=',
    ]),
    start('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${String(prometheusPort)}`,
    ]),
  ];
  return {
    alertmanager: `http://127.0.0.1:${String(alertmanagerPort)}`,
    async firing(device) {
      const answer = await fetch(`http://127.0.0.1:${String(prometheusPort)}/api/v1/alerts`);
      const body = (await answer.json()) as {
        data: { alerts: { state: string; labels: Record<string, string> }[] };
      };
      return body.data.alerts
        .filter((alert) => alert.state === 'firing' && alert.labels['device'] === device)
        .map((alert) => alert.labels['alertname'] ?? '');
    },
    async stop() {
      await Promise.all(children.map(stopped));
    },
  };
}

function start(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore' });
  child.once('error', (error) => {
    throw new Error(
      `${program} does not start (apt-get install prometheus prometheus-alertmanager)`,
      {
        cause: error,
      },
    );
  });
  return child;
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
