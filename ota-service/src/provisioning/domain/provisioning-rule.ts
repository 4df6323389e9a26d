export interface RuleMatch {
  readonly priority: number;
  readonly name: string;
  readonly model: string | null;
  readonly serial_prefix: string | null;
}

/** Of the rules that fit, the one of the highest priority; of several, the first by name. */
export function chooseRule<T extends RuleMatch>(
  rules: readonly T[],
  device: { readonly serial: string; readonly model: string },
): T | null {
  const fitting = rules.filter(
    ({ model, serial_prefix: prefix }) =>
      (model === null || model === device.model) &&
      (prefix === null || device.serial.startsWith(prefix)),
  );
  const [chosen] = fitting.toSorted(
    (a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1),
  );
  return chosen ?? null;
}
