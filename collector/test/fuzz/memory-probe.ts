/** What was leaked on purpose, to show that whoever looks for leaks finds one. */
const leaked: Buffer[] = [];

/**
 * Loaded into a collector with `--import`: answers `memory` over IPC with what is held after a full
 * collection, so that a test sees leaks and not garbage; `{ leak: bytes }` makes it leak. Needs
 * `--expose-gc`.
 */
process.on('message', (message: unknown) => {
  if (typeof message === 'object' && message !== null && 'leak' in message) {
    leaked.push(Buffer.alloc(Number(message.leak), 1));
    process.send?.({ type: 'leaked' });
  }
  if (message !== 'memory') return;
  void settle().then(() => process.send?.({ type: 'memory', ...process.memoryUsage() }));
});

/** Buffers of native code are freed a turn after the object that held them. */
async function settle(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
