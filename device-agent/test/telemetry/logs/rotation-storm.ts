import { dirname } from 'node:path';

export type Rotation = 'rename' | 'copytruncate';

export interface StormOptions {
  readonly kind: Rotation;
  readonly path: string;
  readonly rotations: number;
  readonly linesPerFile: number;
}

/** The real one, also where a test stands in for the module. */
const fs = process.getBuiltinModule('node:fs');

/**
 * Lines written to a log, and rotation after each few, as a program and logrotate do it: one call to
 * the file system per step. Nothing is written while a copy is taken, such lines are lost by the
 * rotation. The lines are `line 0`, `line 1` …; each step gives the number of the next one.
 */
export function* stormOf({
  kind,
  path,
  rotations,
  linesPerFile,
}: StormOptions): Generator<number, void> {
  fs.mkdirSync(dirname(path), { recursive: true });
  for (let rotation = 0, line = 0; rotation < rotations; rotation += 1) {
    for (const end = line + linesPerFile; line < end; line += 1) {
      fs.appendFileSync(path, `line ${line}\n`);
      yield line + 1;
    }
    for (let age = rotation; age >= 1; age -= 1) {
      fs.renameSync(`${path}.${age}`, `${path}.${age + 1}`);
      yield line;
    }
    yield* kind === 'rename' ? renamed(path, line) : copied(path, line);
  }
}

function* renamed(path: string, nextLine: number): Generator<number, void> {
  fs.renameSync(path, `${path}.1`);
  yield nextLine;
  fs.writeFileSync(path, '');
  yield nextLine;
}

/** The copy grows in two steps. */
function* copied(path: string, nextLine: number): Generator<number, void> {
  const bytes = fs.readFileSync(path);
  const half = Math.floor(bytes.length / 2);
  for (const part of ['', bytes.subarray(0, half), bytes.subarray(half)]) {
    fs.appendFileSync(`${path}.1`, part);
    yield nextLine;
  }
  fs.truncateSync(path);
  yield nextLine;
}
