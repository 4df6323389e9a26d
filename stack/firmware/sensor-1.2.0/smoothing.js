/** Exponential smoothing; the first value starts the average. */
export class Smoothing {
  #value = null;
  #weight;

  constructor(weight) {
    this.#weight = weight;
  }

  add(value) {
    this.#value = this.#value === null ? value : this.#value + this.#weight * (value - this.#value);
    return this.#value;
  }
}
