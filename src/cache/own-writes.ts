import type { Version } from './version.ts';

/** What happened to a key while an own write of it was in flight. */
export interface Meanwhile {
  /** Whether the link reported a change. */
  readonly touched: boolean;
  /** The newest change of the key that Redis is known to have made, from an acknowledgement or from the link. */
  readonly made: Version;
  /** The newest own change that Redis acknowledged. */
  readonly acknowledged: Version;
  /** Set where the last report had no version: another program may have made the change. */
  readonly foreign: ForeignReport | undefined;
}

/** A report of a change without a version. */
interface ForeignReport {
  /** `made` at the time of the report. */
  readonly after: Version;
  /** The greatest stamp of an own write that had begun then. */
  readonly begun: Version;
}

/** The writes of one key that have left for L2 and have not been answered. */
interface InFlight extends Meanwhile {
  writes: number;
  /** The greatest stamp of these writes. */
  begun: Version;
  touched: boolean;
  made: Version;
  acknowledged: Version;
  foreign: ForeignReport | undefined;
}

/** No event happened. */
export const NOTHING: Meanwhile = { touched: false, made: '', acknowledged: '', foreign: undefined };

/**
 * Returns whether Redis is known to have made another change of the key after the own change with this version. A report
 * without a version counts only after that of the own change, because it may be of the own change.
 */
export function isOvertaken(version: Version, { made, foreign }: Meanwhile): boolean {
  return made > version || (foreign !== undefined && foreign.after >= version);
}

/**
 * Returns whether another program may have changed the key after the own write with this stamp. The report may also be of
 * the own write. That does no harm: if L2 then has the own version, the replay finds it.
 */
export function isContested(stamp: Version, { foreign }: Meanwhile): boolean {
  return foreign !== undefined && foreign.begun >= stamp;
}

/**
 * Records what happens to a key while own writes of it are in flight:
 *
 * 1. Whether the link reported a change. The report may be of the own write or of a later one, and several changes in
 *    one turn of Redis's loop are one report. So once the write is answered, the value is read from L2 for the clients.
 * 2. The newest change that Redis is known to have made. A write that times out after a newer change must not become
 *    pending.
 * 3. Whether the last report may be of another program. Then a write that becomes pending must not replace its value.
 */
export class OwnWrites {
  readonly #inFlight = new Map<string, InFlight>();

  /** A write with this stamp leaves for L2. */
  begin(key: string, stamp: Version): void {
    const known = this.#inFlight.get(key);
    if (known === undefined) {
      this.#inFlight.set(key, { writes: 1, begun: stamp, ...NOTHING });
      return;
    }
    known.writes++;
    if (stamp > known.begun) known.begun = stamp;
  }

  /** A write was answered, or failed. Returns what happened to the key since its first write in flight began. */
  end(key: string): Meanwhile {
    const known = this.#inFlight.get(key)!;
    if (--known.writes === 0) this.#inFlight.delete(key);
    return known;
  }

  /**
   * The link reports a change of the key.
   * @param version of the change, if a replica announced it
   * @returns whether an own write of the key is in flight
   */
  changed(key: string, version: Version | undefined): boolean {
    const known = this.#inFlight.get(key);
    if (known === undefined) return false;
    touch(known, version);
    known.foreign = version === undefined ? { after: known.made, begun: known.begun } : undefined;
    return true;
  }

  /** Any matching key may have changed. @param version of a deletion that L2 has made */
  touchWhere(matches: (key: string) => boolean, version?: Version): void {
    for (const [key, known] of this.#inFlight) if (matches(key)) touch(known, version);
  }

  /** Redis acknowledged an own change of the key with this version. */
  acknowledged(key: string, version: Version): void {
    const known = this.#inFlight.get(key);
    if (known === undefined) return;
    if (version > known.made) known.made = version;
    if (version > known.acknowledged) known.acknowledged = version;
  }
}

function touch(known: InFlight, version: Version | undefined): void {
  known.touched = true;
  if (version !== undefined && version > known.made) known.made = version;
}
