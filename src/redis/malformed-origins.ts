const MOST_ORIGINS = 100;

/** Reports malformed messages of the invalidation channel, once for each origin. */
export class MalformedOrigins {
  readonly #report: (origin: string, message: string) => void;
  readonly #origins = new Set<string>();

  constructor(report: (origin: string, message: string) => void) {
    this.#report = report;
  }

  add(text: string): void {
    const origin = /"origin"\s*:\s*"([^"]{1,64})"/.exec(text)?.[1] ?? 'unknown';
    if (this.#origins.has(origin) || this.#origins.size >= MOST_ORIGINS) return;
    this.#origins.add(origin);
    this.#report(origin, text.slice(0, 200));
  }
}
