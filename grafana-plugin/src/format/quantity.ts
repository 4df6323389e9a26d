const KIB = 1024;
const NO_BREAK = '\u00a0';

/** Bytes with a binary unit (IEC 80000-13): `512 B`, `75.9 KiB`, `1.2 MiB`. */
export function bytes(sizeBytes: number): string {
  if (sizeBytes < KIB) return `${sizeBytes}${NO_BREAK}B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = sizeBytes / KIB;
  let unit = 0;
  while (value >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit += 1;
  }
  return `${value.toFixed(value < 100 ? 1 : 0)}${NO_BREAK}${units[unit] ?? 'TiB'}`;
}

/** A share of 0 to 1 as a percentage with at most one decimal, never rounded onto 0 or 100. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return `<0.1${NO_BREAK}%`;
  if (value < 100 && value > 99.9) return `>99.9${NO_BREAK}%`;
  return `${Number(value.toFixed(1))}${NO_BREAK}%`;
}

/** `1 device`, `10 devices`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}
