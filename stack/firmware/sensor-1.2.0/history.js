/**
 * The last readings, oldest first. This release is the bad one of the demo: the ring's index is
 * never wrapped, so the eleventh reading (about 2.5 seconds after start) writes past the end.
 */
export class History {
  #readings;
  #next = 0;

  constructor(size) {
    this.#readings = new Float64Array(size);
  }

  add(value) {
    if (this.#next >= this.#readings.length) {
      throw new RangeError(`history index ${this.#next} is outside the ring`);
    }
    this.#readings[this.#next] = value;
    this.#next += 1;
  }

  values() {
    return [...this.#readings.subarray(0, this.#next)];
  }
}
