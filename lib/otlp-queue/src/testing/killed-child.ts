import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { DiskQueue, QueueItem } from '../disk-queue.ts';

/**
 * Runs a script of ours, kills it once it printed `killAfterLines`, and returns the whole lines it
 * printed. Rejects when it ended in another way. `onStart` gets the child for the test's clean-up.
 */
export async function runUntilKilled(
  script: string,
  args: readonly string[],
  killAfterLines: number,
  onStart: (child: ChildProcess) => void = () => undefined,
): Promise<string[]> {
  const child = spawn(process.execPath, ['--no-warnings', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onStart(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (output.split('\n').length > killAfterLines) child.kill('SIGKILL');
  });
  await once(child, 'close');
  if (child.signalCode !== 'SIGKILL') {
    throw new Error(
      `${script} ended by ${child.signalCode ?? String(child.exitCode)}, not SIGKILL`,
    );
  }
  return output.split('\n').slice(0, -1);
}

/** Everything in the queue, oldest first; it is empty afterwards. */
export function drain(queue: DiskQueue): QueueItem[] {
  const items: QueueItem[] = [];
  for (let item = queue.oldest(); item !== undefined; item = queue.oldest()) {
    items.push(item);
    queue.acknowledge(item.id);
  }
  return items;
}
