import { createServer } from 'node:net';

/** Ports free on the loopback address right now; held together while looking, so none comes twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => portOf(server));
  await Promise.all(servers.map((server) => close(server)));
  return ports;
}

/** The wanted port when it is free, otherwise null. */
export async function ifFree(port: number): Promise<number | null> {
  try {
    await close(await listen(port));
    return port;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
}

type Listening = ReturnType<typeof createServer>;

function listen(port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function portOf(server: Listening): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

function close(server: Listening): Promise<void> {
  return new Promise((resolve, reject) =>
    server.close((error) => (error ? reject(error) : resolve())),
  );
}
