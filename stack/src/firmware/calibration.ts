/** Converter levels: the calibration table has an entry for each. */
const LEVELS = 4096;
const ENTRY_BYTES = 2;
/** Copies of the table a unit carries: one per supply voltage it was calibrated at. */
const VOLTAGES = 12;

/**
 * A factory calibration table as a real unit has it: a thermistor curve plus the measured residual
 * of each level, in hundredths of a degree, signed 16-bit little endian. Deterministic by `seed`.
 */
export function calibrationTable(seed: number): Buffer {
  const table = Buffer.alloc(LEVELS * ENTRY_BYTES * VOLTAGES);
  const noise = linearCongruential(seed);
  for (let entry = 0; entry < LEVELS * VOLTAGES; entry++) {
    const level = (entry % LEVELS) + 1;
    const residual = Math.round((noise() - 0.5) * 60);
    const hundredths = Math.round(betaCelsius(level) * 100) + residual;
    table.writeInt16LE(Math.max(-27_315, Math.min(32_767, hundredths)), entry * ENTRY_BYTES);
  }
  return table;
}

/** Beta equation of an NTC thermistor (10 kΩ at 25 °C, B 3950) under a 10 kΩ divider. */
function betaCelsius(level: number): number {
  const ratio = level / (LEVELS + 1);
  const ohms = (10_000 * ratio) / (1 - ratio);
  return 1 / (1 / 298.15 + Math.log(ohms / 10_000) / 3950) - 273.15;
}

/** Numerical Recipes' 32-bit generator; enough for measurement noise, and the same everywhere. */
function linearCongruential(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
