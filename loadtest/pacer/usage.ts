/** CPU of this process from now on, all its threads together, as a share of a core. */
export class Usage {
  readonly #cpu = process.cpuUsage();
  readonly #at = performance.now();

  /** 0 to 1, or more if threads run on other cores too. */
  share(): number {
    const { user, system } = process.cpuUsage(this.#cpu);
    const elapsedUs = (performance.now() - this.#at) * 1000;
    return elapsedUs === 0 ? 0 : (user + system) / elapsedUs;
  }
}
