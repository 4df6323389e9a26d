/** A 12-bit analogue-to-digital converter on a thermistor: a slow drift with a little noise. */
export class Converter {
  #phase = Math.random() * Math.PI * 2;

  read() {
    this.#phase += 0.01;
    const level = 2048 + 400 * Math.sin(this.#phase) + (Math.random() - 0.5) * 8;
    return Math.max(0, Math.min(4095, Math.round(level)));
  }
}
