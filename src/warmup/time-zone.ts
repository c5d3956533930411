const DAY_MS = 86_400_000;

/** Converts local times of one time zone, daylight saving included. The rules are those of the runtime (`Intl`). */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  /** @throws RangeError if the runtime does not know the name, such as `America/New_York` */
  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /**
   * Returns the instant of a local time, in ms since 1970. A local time that occurs twice, when daylight saving ends, is
   * the earlier instant: data must not appear newer than it is. A local time that daylight saving skips is undefined.
   * @param local the local time, in ms since 1970 as if it were UTC
   */
  instantOf(local: number): number | undefined {
    // The offsets of the day before and of the day after are the only candidates around a change of the clocks.
    for (const offset of [this.#offsetAt(local - DAY_MS), this.#offsetAt(local + DAY_MS)]) {
      const instant = local - offset;
      if (this.#offsetAt(instant) === offset) return instant;
    }
    return undefined;
  }

  /** The local time minus UTC, in ms. */
  #offsetAt(instant: number): number {
    const parts = new Map(
      this.#format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]),
    );
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name)!;
    const date = [part('year'), part('month') - 1, part('day')] as const;
    return Date.UTC(...date, part('hour'), part('minute'), part('second')) - instant;
  }
}
