import { typeOf } from '../../key.ts';
import type { CoherenceState, KeyChange } from '../bus.ts';
import { lesserState } from '../bus.ts';
import type { Entry } from '../entry.ts';
import type { Match } from '../match.ts';
import { isForeign, type Version, type VersionClock } from '../version.ts';
import { InputChanges, isNewer } from './input-changes.ts';
import type { Rule } from './rules.ts';

export interface DependentsDeps {
  readonly versions: VersionClock;
  /** The worst state of all servers: an input may be on another server than its dependent. */
  readonly state: () => CoherenceState;
  /** Whether L2 is one server, whose link reports the changes of all keys in order. */
  readonly isOneServer: boolean;
  /** Reads an input from L2. Undefined without L2: this process then knows all changes since it started. */
  readonly read: ((key: string) => Promise<Entry | undefined>) | undefined;
  /** Called when the dependents of an input may be outdated; undefined for all inputs. */
  readonly onChange: (input: string | undefined) => void;
}

/** An entry that Redis has confirmed although it is older than the floor. */
interface Verified {
  readonly version: Version;
  readonly floor: Version;
}

/** The entries that stay verified. */
const MOST_VERIFIED = 10_000;

/**
 * Decides whether a dependent, such as a stored calculation, may be served: only while none of its inputs has changed
 * since it was stored. An entry that is older than the floor of `InputChanges` is compared with its inputs in L2. An
 * input that L2 does not have may have been deleted since, so the entry is not served.
 */
export class Dependents {
  readonly changes: InputChanges;
  readonly #deps: DependentsDeps;
  readonly #types: number;
  #verified = new Map<string, Verified>();

  constructor(rules: readonly Rule[], deps: DependentsDeps) {
    this.changes = new InputChanges(rules);
    this.#types = this.changes.types;
    this.#deps = deps;
  }

  /** Whether entries of this type may depend on others. All that a hit of another type costs. */
  concerns(entry: Entry): boolean {
    return ((this.#types >> entry.type) & 1) !== 0;
  }

  /** Whether the key depends on others. */
  isDependent(key: string): boolean {
    return ((this.#types >> typeOf(key)) & 1) !== 0 && this.changes.isDependent(key);
  }

  /** Returns the input that has changed since the entry was stored, if one is known. */
  outdates(entry: Entry): string | undefined {
    return this.concerns(entry) ? this.changes.changeAfter(entry)?.input : undefined;
  }

  /** Whether L1 may serve the entry without asking L2. */
  admits(entry: Entry): boolean {
    if (!this.isCurrent(entry)) return false;
    return lesserState(this.#deps.state()) === undefined || !this.isDependent(entry.key);
  }

  /** Whether a value that was read may still be sent: no input has changed since, or may have changed unnoticed. */
  isCurrent(entry: Entry): boolean {
    if (!this.concerns(entry)) return true;
    if (this.changes.changeAfter(entry) !== undefined) return false;
    return this.#isCompared(entry) || !this.isDependent(entry.key);
  }

  #isKnown(entry: Entry): boolean {
    return lesserState(this.#deps.state()) === undefined && this.#isCompared(entry);
  }

  /** Whether all changes since the entry was stored are known, or the entry was compared since the floor rose. */
  #isCompared(entry: Entry): boolean {
    if (this.changes.knows(entry)) return true;
    const verified = this.#verified.get(entry.key);
    return verified?.version === entry.version && verified.floor === this.changes.floor;
  }

  /**
   * Returns an input that has changed, or may have changed, since the entry was stored; undefined where the entry may be
   * served. Inputs are read together with all other reads of this turn.
   * @throws StoreError where L2 does not answer
   */
  async check(entry: Entry): Promise<string | undefined> {
    const known = this.outdates(entry);
    const { state, read } = this.#deps;
    // Without a link nothing is reported, so a value that L2 returns is always compared.
    if (known !== undefined || (state() !== 'off' && this.#isKnown(entry))) return known;
    const inputs = this.changes.inputsOf(entry.key);
    if (inputs.length === 0) return undefined;
    if (read === undefined) return this.changes.knows(entry) ? undefined : inputs[0];
    const { floor } = this.changes;
    const stored = await Promise.all(inputs.map(read));
    const newer = stored.findIndex((input) => !isOlder(input, entry));
    const outdated = newer < 0 ? this.outdates(entry) : inputs[newer];
    if (outdated !== undefined) return outdated;
    if (this.#verified.size >= MOST_VERIFIED) this.#verified.clear();
    this.#verified.set(entry.key, { version: entry.version, floor });
    return undefined;
  }

  /** This process changed a key. */
  changed(key: string, version: Version): void {
    if (this.changes.changed(key, version)) this.#deps.onChange(key);
  }

  /**
   * Orders changes whose order in L2 is not known. Inputs with a version come first: their versions and those of the
   * dependents decide. Inputs without a version come last, so that the dependents count as older.
   */
  inOrder(changes: readonly KeyChange[]): readonly KeyChange[] {
    const isOfDependents = (key: string) => ((this.#types >> typeOf(key)) & 1) !== 0;
    if (!changes.some(({ key }) => isOfDependents(key))) return changes;
    const place = ({ key, announced }: KeyChange) =>
      isOfDependents(key) ? 1 : announced?.version === undefined ? 2 : 0;
    return changes.toSorted((a, b) => place(a) - place(b));
  }

  /** The link reports a change of a key. */
  heard(key: string, version: Version | undefined): void {
    const { versions, isOneServer, onChange } = this.#deps;
    if (this.changes.heard(key, version, () => versions.bound(), isOneServer)) onChange(key);
  }

  /** All matching keys may have changed. */
  matchChanged(match: Match): void {
    if (!this.changes.mayCover(match)) return;
    this.changes.raiseFloor(this.#deps.versions.next());
    this.#deps.onChange(undefined);
  }

  /** Any key may have changed, and clients drop all their entries. */
  allChanged(): void {
    this.changes.raiseFloor(this.#deps.versions.next());
  }
}

/** Whether the input was certainly stored before the dependent. */
function isOlder(input: Entry | undefined, dependent: Entry): boolean {
  return input !== undefined && !isForeign(input.version) && isNewer(dependent, input.version);
}
