import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Deployment } from '@flotilla/contracts';

/** What an attacker who holds the network, or ota-service itself, does to one device's answers. */
export interface Attack {
  /** Changes the deployment a poll hands out. */
  readonly deployment?: (deployment: Deployment) => Deployment | Promise<Deployment>;
  /** Changes the bytes of the transfer with this path. */
  readonly transfer?: (path: string, body: Buffer) => Buffer;
}

/** A proxy before ota-service that alters what chosen devices see; everything else passes unchanged. */
export class HostileNetwork {
  readonly #server: Server;
  readonly #attacks = new Map<string, Attack>();

  private constructor(otaUrl: string) {
    this.#server = createServer((incoming, outgoing) => {
      this.#forward(otaUrl, incoming, outgoing).catch(() => outgoing.destroy());
    });
  }

  static async start(otaUrl: string): Promise<HostileNetwork> {
    const network = new HostileNetwork(otaUrl);
    await new Promise<void>((resolve) => network.#server.listen(0, '127.0.0.1', () => resolve()));
    return network;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `http://127.0.0.1:${address.port}`;
  }

  attack(deviceId: string, attack: Attack): void {
    this.#attacks.set(deviceId, attack);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #forward(otaUrl: string, incoming: IncomingMessage, outgoing: ServerResponse) {
    const path = incoming.url ?? '/';
    const attack = this.#attacks.get(deviceOf(incoming));
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const answer = await fetch(new URL(path, otaUrl), {
      method: incoming.method ?? 'GET',
      headers: passedOn(incoming),
      ...(body.length > 0 && { body }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const altered = answer.ok && attack ? await alter(attack, path, bytes) : bytes;
    outgoing.writeHead(answer.status, {
      'content-type': answer.headers.get('content-type') ?? 'application/octet-stream',
      'content-length': altered.length,
    });
    outgoing.end(altered);
  }
}

async function alter(attack: Attack, path: string, bytes: Buffer): Promise<Buffer> {
  if (path === '/device/v1/poll' && attack.deployment !== undefined) {
    const answer = JSON.parse(bytes.toString('utf8')) as { deployment: Deployment | null };
    if (answer.deployment === null) return bytes;
    const deployment = await attack.deployment(answer.deployment);
    return Buffer.from(JSON.stringify({ ...answer, deployment }));
  }
  return attack.transfer?.(path, bytes) ?? bytes;
}

/** Without Range: the altered body is always sent whole. */
function passedOn(incoming: IncomingMessage): Record<string, string> {
  const { authorization, 'content-type': type } = incoming.headers;
  return {
    ...(authorization !== undefined && { authorization }),
    ...(type !== undefined && { 'content-type': type }),
  };
}

/** The subject of the device's token, unverified: this proxy only sorts. */
function deviceOf(incoming: IncomingMessage): string {
  const payload = incoming.headers.authorization?.split('.')[1];
  if (payload === undefined) return '';
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { sub?: string };
  return claims.sub ?? '';
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
