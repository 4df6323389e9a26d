import { encodeGrub, grubValues, GRUB_BLOCK_BYTES } from '../boot/grub-environment.ts';
import { saveIntoBlock } from '../boot/grub-save.ts';
import { toVariables, UNKNOWN_STATE } from '../boot/boot-variables.ts';
import { decideLoaderBoot } from '../boot/loader-decision.ts';
import type { LoaderEnvironment } from '../boot/loader-environment.ts';
import { chooseCopy } from '../boot/simulated-loader.ts';
import { encodeUboot } from '../boot/uboot-environment.ts';
import { encodeCopy, OWN_FORMAT } from '../slots/boot-environment.ts';
import { decideBoot, type BootEnvironment } from '../slots/domain/boot-decision.ts';
import { SLOT_NAMES, type SlotName, type SlotState } from '../slots/domain/slot-state.ts';
import { MUTATIONS } from './buffer-mutations.ts';

export const FUZZED_FORMATS = ['own', 'uboot', 'grub'] as const;
export type FuzzedFormat = (typeof FUZZED_FORMATS)[number];

export interface BootFuzzCounts {
  readonly inputs: number;
  /** Which of the two environments was in force. */
  newer: number;
  older: number;
  /**
   * The older one although the newer one is whole: U-Boot's counter is not under its checksum, so a bit
   * that flips there, and in nothing else, puts the copy before in force.
   */
  stale: number;
  /** Neither: both copies were damaged. */
  lost: number;
  /** What must never be; the first few. */
  readonly violations: string[];
}

const TRIES = 3;
const UBOOT_BYTES = 512;
const MAX_VIOLATIONS = 5;
const at = (path: string) => ({ path, offsetBytes: 0 });
const LOADERS: Readonly<Record<'uboot' | 'grub', LoaderEnvironment>> = {
  uboot: { loader: 'uboot', sizeBytes: UBOOT_BYTES, locations: [at('0'), at('1')] },
  grub: { loader: 'grub', folder: '.' },
};
const STATES: readonly SlotState['kind'][] = [
  'empty',
  'writing',
  'written',
  'trial',
  'good',
  'bad',
];

interface Input {
  readonly copies: readonly [Buffer, Buffer];
  readonly older: BootEnvironment;
  readonly newer: BootEnvironment;
  /** Whether any byte of the copy with that environment was changed. */
  readonly isDamaged: { readonly older: boolean; readonly newer: boolean };
}

/**
 * Two random environments, one after the other, as copies of which none, one or both are then damaged.
 * Whatever was done to them, what starts is what one of the two allows, and the newer one is in force
 * when its copy is whole; a new start takes damage to both.
 */
export function fuzzBoot(
  format: FuzzedFormat,
  inputs: number,
  random: () => number,
): BootFuzzCounts {
  const counts: BootFuzzCounts = { inputs, newer: 0, older: 0, stale: 0, lost: 0, violations: [] };
  for (let index = 0; index < inputs; index += 1) {
    const input = randomInput(format, random);
    const fault = judge(format, input, counts);
    if (fault !== null && counts.violations.length < MAX_VIOLATIONS) {
      counts.violations.push(`${format}, input ${index}: ${fault}`);
    }
  }
  return counts;
}

function judge(format: FuzzedFormat, input: Input, counts: BootFuzzCounts): string | null {
  const { older, newer, isDamaged } = input;
  let outcome: { environment: BootEnvironment | null; slot: SlotName | null };
  try {
    outcome = format === 'own' ? startOwn(input) : startLoader(LOADERS[format], input);
  } catch (error) {
    return `threw ${String(error)}`;
  }
  const { environment, slot } = outcome;
  if (environment === null) {
    counts.lost += 1;
    return isDamaged.older && isDamaged.newer ? null : 'lost with a whole copy';
  }
  if (isSame(environment, newer)) counts.newer += 1;
  else if (format === 'uboot' && !isDamaged.newer && isDamaged.older && isSame(environment, older))
    counts.stale += 1;
  else if (!isDamaged.newer) return 'the newer copy is whole and not in force';
  else if (isSame(environment, older)) counts.older += 1;
  else return `an environment that nobody wrote: ${JSON.stringify(environment)}`;
  return slot === null || mayStart(environment.slots[slot]) ? null : `slot ${slot} was started`;
}

function mayStart(state: SlotState): boolean {
  return state.kind === 'good' || (state.kind === 'trial' && state.triesLeft > 0);
}

function startOwn({ copies }: Input) {
  const [first, second] = copies.map((copy) => OWN_FORMAT.decode(copy));
  const isSecond = !first || (second && OWN_FORMAT.isNewer(second, first));
  const environment = (isSecond ? second : first)?.environment ?? null;
  const slot = environment === null ? null : decideBoot(environment, TRIES).slot;
  return { environment, slot };
}

/** Saves as GRUB would into each damaged block, too: it must not throw. */
function startLoader(loader: LoaderEnvironment, { copies }: Input) {
  const { variables } = chooseCopy(loader, copies);
  const decision = decideLoaderBoot(variables);
  if (loader.loader === 'grub') {
    const values = grubValues(decision.variables, 1);
    for (const copy of copies) {
      const saved = saveIntoBlock(copy, values);
      if (saved !== null && saved.length !== GRUB_BLOCK_BYTES) throw new Error('grew');
    }
  }
  const environment = environmentOf(variables);
  const isNewStart = decision.variables.get('BOOT_A_STATE') === UNKNOWN_STATE;
  return { environment, slot: isNewStart ? null : decision.slot };
}

function environmentOf(variables: ReadonlyMap<string, string>): BootEnvironment | null {
  const order = variables.get('BOOT_ORDER');
  if (order === undefined) return null;
  const state = (slot: SlotName): SlotState => {
    const name = `BOOT_${slot.toUpperCase()}`;
    const kind = STATES.find((one) => one === variables.get(`${name}_STATE`)) ?? 'empty';
    const triesLeft = Number(variables.get(`${name}_LEFT`));
    return kind === 'trial' || kind === 'good' ? { kind, triesLeft } : { kind };
  };
  return {
    order: order === 'A B' ? ['a', 'b'] : ['b', 'a'],
    slots: { a: state('a'), b: state('b') },
  };
}

function isSame(one: BootEnvironment, other: BootEnvironment): boolean {
  return JSON.stringify(toVariables(one, TRIES)) === JSON.stringify(toVariables(other, TRIES));
}

function randomInput(format: FuzzedFormat, random: () => number): Input {
  const [older, newer] = [randomEnvironment(random), randomEnvironment(random)];
  const counter = Math.floor(random() * 256);
  const wholeOlder = encode(format, older, counter);
  const wholeNewer = encode(format, newer, counter + 1);
  const other = encode(format, randomEnvironment(random), counter);
  const damage = Math.floor(random() * 4);
  const mutate = (copy: Buffer) => {
    const mutation = MUTATIONS[Math.floor(random() * MUTATIONS.length)];
    const mutated = mutation?.(copy, other, random) ?? copy;
    // Torn before its first or behind its last new byte it is no damage, but another whole copy.
    return mutated.equals(other) ? copy : mutated;
  };
  const first = (damage & 1) === 0 ? wholeOlder : mutate(wholeOlder);
  const second = (damage & 2) === 0 ? wholeNewer : mutate(wholeNewer);
  const isDamaged = { older: !first.equals(wholeOlder), newer: !second.equals(wholeNewer) };
  const copies = random() < 0.5 ? ([first, second] as const) : ([second, first] as const);
  return { copies, older, newer, isDamaged };
}

function randomEnvironment(random: () => number): BootEnvironment {
  const state = (): SlotState => {
    const kind = STATES[Math.floor(random() * STATES.length)] ?? 'empty';
    const triesLeft = Math.floor(random() * (TRIES + 1));
    return kind === 'trial' || kind === 'good' ? { kind, triesLeft } : { kind };
  };
  const [first, second] = random() < 0.5 ? SLOT_NAMES : (['b', 'a'] as const);
  return { order: [first, second], slots: { a: state(), b: state() } };
}

function encode(format: FuzzedFormat, environment: BootEnvironment, counter: number): Buffer {
  if (format === 'own') return encodeCopy({ sequence: counter, environment });
  const variables = new Map(Object.entries(toVariables(environment, TRIES)));
  return format === 'grub'
    ? encodeGrub(variables, counter % 3)
    : encodeUboot(variables, counter & 0xff, UBOOT_BYTES);
}
