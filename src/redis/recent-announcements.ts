import type { Announced } from '../cache/bus.ts';
import type { Announcement } from './announcement.ts';

const MOST = 10_000;

/** The announcements whose tracking messages have not arrived yet, by key. */
export class RecentAnnouncements {
  #latest = new Map<string, Announced>();
  #before = new Map<string, Announced>();

  add({ keys, versions, reason }: Announcement): void {
    if (this.#latest.size > MOST) this.rotate();
    keys.forEach((key, i) => {
      this.#latest.set(key, { reason, version: versions?.[i] });
    });
  }

  /** The tracking message of the key has arrived. Returns its announcement, if any, and removes it. */
  take(key: string): Announced | undefined {
    const announced = this.#latest.get(key) ?? this.#before.get(key);
    if (announced === undefined) return undefined;
    this.#latest.delete(key);
    this.#before.delete(key);
    return announced;
  }

  /**
   * Called for each canary. A tracking message arrives right after its announcement. If it has not arrived with the
   * second canary from now, it never will, because nothing was deleted. The announcement must then not be used for a
   * later write of the key.
   */
  rotate(): void {
    this.#before = this.#latest;
    this.#latest = new Map();
  }
}
