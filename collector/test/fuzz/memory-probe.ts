/**
 * Loaded into a collector with `--import`: answers `memory` over IPC with what is held after a full
 * collection, so that a test sees leaks and not garbage. Needs `--expose-gc`.
 */
process.on('message', (message) => {
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
