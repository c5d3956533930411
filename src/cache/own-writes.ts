import type { Version } from './version.ts';

/** What happened to a key while an own write of it was in flight. */
export interface Meanwhile {
  /** Whether the link reported a change. */
  readonly touched: boolean;
  /** The newest change of the key that Redis is known to have made, from an acknowledgement or from the link. */
  readonly made: Version;
  /** The newest own change that Redis acknowledged. */
  readonly acknowledged: Version;
}

/** The writes of one key that have left for L2 and have not been answered. */
interface InFlight extends Meanwhile {
  writes: number;
  touched: boolean;
  made: Version;
  acknowledged: Version;
}

/** No event happened. */
export const NOTHING: Meanwhile = { touched: false, made: '', acknowledged: '' };

/**
 * Records what happens to a key while own writes of it are in flight:
 *
 * 1. Whether the link reported a change. The report may be of the own write or of a later one, and several changes in
 *    one turn of Redis's loop are one report. So once the write is answered, the value is read from L2 for the clients.
 * 2. The newest change that Redis is known to have made. A write that times out after a newer change must not become
 *    pending.
 */
export class OwnWrites {
  readonly #inFlight = new Map<string, InFlight>();

  begin(key: string): void {
    const known = this.#inFlight.get(key);
    if (known === undefined) this.#inFlight.set(key, { writes: 1, ...NOTHING });
    else known.writes++;
  }

  /** A write was answered, or failed. Returns what happened to the key since its first write in flight began. */
  end(key: string): Meanwhile {
    const known = this.#inFlight.get(key)!;
    if (--known.writes === 0) this.#inFlight.delete(key);
    return known;
  }

  /**
   * An invalidation arrived.
   * @param version of the change, if a replica announced it
   * @returns whether an own write of the key is in flight
   */
  touch(key: string, version: Version | undefined): boolean {
    const known = this.#inFlight.get(key);
    if (known === undefined) return false;
    known.touched = true;
    if (version !== undefined && version > known.made) known.made = version;
    return true;
  }

  /** As `touch`, for every key that matches. */
  touchWhere(matches: (key: string) => boolean, version?: Version): void {
    for (const key of this.#inFlight.keys()) if (matches(key)) this.touch(key, version);
  }

  /** Redis acknowledged an own change of the key with this version. */
  acknowledged(key: string, version: Version): void {
    const known = this.#inFlight.get(key);
    if (known === undefined) return;
    if (version > known.made) known.made = version;
    if (version > known.acknowledged) known.acknowledged = version;
  }
}
