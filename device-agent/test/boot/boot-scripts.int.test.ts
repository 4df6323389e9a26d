import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeGrub, encodeGrub, grubValues } from '../../src/boot/grub-environment.ts';
import { saveIntoBlock } from '../../src/boot/grub-save.ts';
import { chooseUncounted, decideLoaderBoot, giveUp } from '../../src/boot/loader-decision.ts';
import { chooseCopy, simulateBoot } from '../../src/boot/simulated-loader.ts';
import { writeThrough } from '../../src/disk/durable-step.ts';
import { MUTATIONS } from '../../src/testing/buffer-mutations.ts';

const script = (name: string) =>
  fileURLToPath(new URL(`../../boot-scripts/${name}`, import.meta.url));

interface Slot {
  readonly state: string;
  readonly left: string;
}

const SLOTS: readonly Slot[] = [
  { state: 'empty', left: '0' },
  { state: 'writing', left: '0' },
  { state: 'writing', left: '3' },
  { state: 'written', left: '0' },
  { state: 'bad', left: '0' },
  { state: 'trial', left: '0' },
  { state: 'trial', left: '1' },
  { state: 'trial', left: '9' },
  { state: 'good', left: '0' },
  { state: 'good', left: '3' },
  { state: 'unknown', left: '0' },
  { state: 'unknown', left: '2' },
];

interface Row {
  readonly variables: ReadonlyMap<string, string>;
  /** How many slots cannot be started before one can. */
  readonly failures: number;
}

function table(): Row[] {
  const rows: Row[] = [];
  for (const order of ['A B', 'B A']) {
    for (const a of SLOTS) {
      for (const b of SLOTS) {
        const variables = new Map([
          ['BOOT_ORDER', order],
          ['BOOT_TRIES', '4'],
          ['BOOT_A_LEFT', a.left],
          ['BOOT_A_STATE', a.state],
          ['BOOT_B_LEFT', b.left],
          ['BOOT_B_STATE', b.state],
        ]);
        rows.push({ variables, failures: rows.length % 3 });
      }
    }
  }
  return rows;
}

/** What the simulated loader makes of it. */
function expected({ variables, failures }: Row): string {
  let now = variables;
  for (let round = 0; ; round += 1) {
    const decision = decideLoaderBoot(now);
    if (round === failures) return line(decision.slot, decision.variables);
    now = giveUp(decision.variables, decision.slot);
  }
}

const NAMES = [
  'BOOT_ORDER',
  'BOOT_TRIES',
  'BOOT_A_LEFT',
  'BOOT_A_STATE',
  'BOOT_B_LEFT',
  'BOOT_B_STATE',
];

function line(slot: string, variables: ReadonlyMap<string, string>): string {
  return [slot, ...NAMES.map((name) => variables.get(name) ?? '')].join('/');
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-scripts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The scripts use no more of their languages than a POSIX shell has too, commands of the loader aside. */
function bash(text: string): string[] {
  const path = join(folder, 'run.sh');
  writeFileSync(path, text);
  const options = { encoding: 'utf8', maxBuffer: 1 << 24, cwd: folder } as const;
  return execFileSync('bash', [path], options).trimEnd().split('\n');
}

describe('the U-Boot script', () => {
  it('decides as the agent does, for every state of both slots', () => {
    const rows = table();
    const run = rows.map(({ variables, failures }) => {
      const sets = [...variables].map(([name, value]) => `${name}="${value}"`).join('; ');
      return `( ${sets}; failures=${failures}; source "${script('flotilla.uboot.txt')}" )`;
    });
    const commands = `
      setenv() { local name=$1; shift; printf -v "$name" '%s' "$*"; }
      setexpr() { printf -v "$1" '%x' $(( $2 $3 $4 )); }
      saveenv() { saved="$BOOT_ORDER/$BOOT_TRIES/$BOOT_A_LEFT/$BOOT_A_STATE/$BOOT_B_LEFT/$BOOT_B_STATE"; }
      run() { if [ $failures = 0 ]; then echo "$flotilla_slot/$saved"; exit; fi; failures=$((failures - 1)); }
    `;
    const lines = bash(commands + run.join('\n'));
    expect(lines).toEqual(rows.map(expected));
  });

  it('starts over when its variables are gone or say nonsense', () => {
    const lines = bash(`
      setenv() { local name=$1; shift; printf -v "$name" '%s' "$*"; }
      setexpr() { printf -v "$1" '%x' $(( $2 $3 $4 )); }
      saveenv() { saved="$BOOT_ORDER/$BOOT_TRIES/$BOOT_A_LEFT/$BOOT_A_STATE/$BOOT_B_LEFT/$BOOT_B_STATE"; }
      run() { echo "$flotilla_slot/$saved"; exit; }
      ( source "${script('flotilla.uboot.txt')}" )
      ( BOOT_ORDER="B A"; BOOT_A_LEFT=3; BOOT_B_LEFT=33; BOOT_A_STATE=good; BOOT_B_STATE=good
        source "${script('flotilla.uboot.txt')}" )
      ( BOOT_ORDER="B A"; BOOT_A_LEFT=3; BOOT_B_LEFT=3; BOOT_A_STATE=good; BOOT_B_STATE=gold
        source "${script('flotilla.uboot.txt')}" )
    `);
    expect(lines).toEqual(Array(3).fill('a/A B/3/2/unknown/3/unknown'));
  });
});

describe('a count that cannot be saved', () => {
  const rows = table().filter(({ failures }) => failures === 0);
  const expectedUncounted = rows.map(({ variables }) =>
    chooseUncounted(decideLoaderBoot(variables)),
  );

  it('has U-Boot start a confirmed slot if there is one', () => {
    const run = rows.map(({ variables }) => {
      const sets = [...variables].map(([name, value]) => `${name}="${value}"`).join('; ');
      return `( ${sets}; source "${script('flotilla.uboot.txt')}" )`;
    });
    const commands = `
      setenv() { local name=$1; shift; printf -v "$name" '%s' "$*"; }
      setexpr() { printf -v "$1" '%x' $(( $2 $3 $4 )); }
      saveenv() { return 1; }
      run() { echo "$flotilla_slot"; exit; }
    `;
    expect(bash(commands + run.join('\n'))).toEqual(expectedUncounted);
  });

  it('has GRUB start a confirmed slot if there is one', async () => {
    for (const [index, { variables }] of rows.entries()) {
      if (index % 9 !== 0) continue;
      // Readable, but save_env refuses a block whose padding does not follow a line.
      for (const name of ['env0', 'env1']) {
        put(name, unsavable(encodeGrub(variables, name === 'env0' ? 0 : 1)));
      }
      expect(runGrub(0)).toBe(expectedUncounted[index]);
      expect(await simulate()).toBe(expectedUncounted[index]);
    }
  });
});

/** load_env and save_env over real blocks: GRUB's own tool reads and writes them. */
const GRUB_COMMANDS = `
  set() { printf -v "\${1%%=*}" '%s' "\${1#*=}"; }
  load_env() {
    local name value
    while IFS='=' read -r name value; do
      case " $* " in *" $name "*) printf -v "$name" '%s' "$value";; esac
    done < <(grub-editenv "$2" list 2>/dev/null)
  }
  save_env() {
    local file=$2 name list=(); shift 2
    for name; do list+=("$name=\${!name}"); done
    grub-editenv "$file" set "\${list[@]}" 2>/dev/null
  }
  flotilla_start() {
    if [ $failures = 0 ]; then echo "$flotilla_slot"; exit; fi
    failures=$((failures - 1))
  }
`;

function runGrub(failures: number): string {
  const [slot = ''] = bash(`
    ${GRUB_COMMANDS}
    flotilla_env="${folder}"; failures=${failures}
    source "${script('flotilla.grub.cfg')}"
  `);
  return slot;
}

const block = (name: string) => readFileSync(join(folder, name));
const put = (name: string, bytes: Buffer) => writeFileSync(join(folder, name), bytes);

/** What the simulated loader starts on the same blocks. */
const simulate = () =>
  simulateBoot({
    environment: { loader: 'grub', folder },
    canStart: () => Promise.resolve(true),
    step: writeThrough,
  });

function unsavable(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  damaged.write('x', damaged.length - 1);
  return damaged;
}

describe('the GRUB script', () => {
  it('is a script for GRUB', () => {
    execFileSync('grub-script-check', [script('flotilla.grub.cfg')]);
  });

  it('decides as the agent does and leaves a block that the agent reads', () => {
    const rows = table().filter((_, index) => index % 11 === 0);
    for (const [index, row] of rows.entries()) {
      const old = new Map([...row.variables, ['BOOT_ORDER', 'A B'], ['BOOT_A_STATE', 'bad']]);
      const sequence = index % 3;
      put('env0', encodeGrub(row.variables, sequence));
      put('env1', encodeGrub(old, (sequence + 2) % 3));
      const slot = runGrub(row.failures);
      const written = decodeGrub(block(row.failures === 1 ? 'env0' : 'env1'));
      expect(written, JSON.stringify([...row.variables])).not.toBeNull();
      expect(line(slot, written!.variables)).toBe(expected(row));
      expect(written!.sequence).toBe((sequence + 1 + row.failures) % 3);
    }
  });

  it.each(['env0', 'env1'])('goes by the other block when %s is damaged', (damaged) => {
    const [row] = table().slice(-20);
    const whole = damaged === 'env0' ? 'env1' : 'env0';
    put(whole, encodeGrub(row!.variables, 1));
    const torn = encodeGrub(giveUp(row!.variables, 'a'), 2);
    const text = torn.toString('latin1').replace('BOOT_A_STATE=bad....', 'BOOT_A_STATE=good...');
    put(damaged, Buffer.from(text, 'latin1'));
    expect(decodeGrub(block(damaged))).toBeNull();
    const slot = runGrub(0);
    const written = decodeGrub(block(damaged));
    expect(line(slot, written!.variables)).toBe(expected({ ...row!, failures: 0 }));
    expect(decodeGrub(block(whole))!.sequence).toBe(1);
  });

  it('counts in place where the other block cannot be written', () => {
    const [row] = table().slice(-20);
    put('env0', encodeGrub(row!.variables, 0));
    put('env1', Buffer.alloc(1024));
    const slot = runGrub(0);
    const written = decodeGrub(block('env0'));
    expect(line(slot, written!.variables)).toBe(expected({ ...row!, failures: 0 }));
  });

  it('does not fall back to an older block that can be read but not written', async () => {
    const [row] = table().slice(-20);
    const older = giveUp(row!.variables, 'a');
    for (const run of [() => Promise.resolve(runGrub(0)), simulate]) {
      put('env0', encodeGrub(row!.variables, 1));
      put('env1', unsavable(encodeGrub(older, 0)));
      expect(decodeGrub(block('env1'))).not.toBeNull();
      expect(await run()).toBe(expected({ ...row!, failures: 0 })[0]);
      const written = decodeGrub(block('env0'))!;
      expect(line('', written.variables)).toBe(expected({ ...row!, failures: 0 }).slice(1));
      const copies = [block('env0'), block('env1')] as const;
      expect(chooseCopy({ loader: 'grub', folder }, copies).newest).toBe(0);
    }
  });

  it('saves into a damaged block what the simulated loader saves', () => {
    const [row] = table().slice(-20);
    const values = grubValues(row!.variables, 2);
    const whole = encodeGrub(giveUp(row!.variables, 'b'), 1);
    const other = encodeGrub(new Map(), 0);
    for (let index = 0; index < 60; index += 1) {
      const mutate = MUTATIONS[index % MUTATIONS.length]!;
      const damaged = mutate(whole, other, Math.random);
      // A write in place never changes a file's length.
      if (damaged.length !== whole.length) continue;
      put('env0', damaged);
      const list = [...values].map(([name, value]) => `${name}=${value}`);
      const { status } = spawnSync('grub-editenv', [join(folder, 'env0'), 'set', ...list]);
      const saved = saveIntoBlock(damaged, values);
      const shown = JSON.stringify(damaged.toString('latin1'));
      expect(block('env0').equals(saved ?? damaged), shown).toBe(true);
      expect(status === 0, shown).toBe(saved !== null);
    }
  });

  it('tries both slots in turn when both blocks are damaged, and never one alone', () => {
    const text = encodeGrub(new Map(), 0);
    put('env0', text);
    put('env1', text);
    expect(decodeGrub(text)).toBeNull();
    const slots = Array.from({ length: 12 }, () => runGrub(0));
    expect(slots.join('')).toBe('aaabbbaaabbb');
  });
});
