import type { Entry } from '../../cache/entry.ts';
import type { Match } from '../../cache/match.ts';
import {
  type Listing,
  type Removal,
  type RemovalOutcome,
  type Store,
  StoreError,
  type Write,
  type WriteOutcome,
} from '../../cache/store.ts';
import type { Version } from '../../cache/version.ts';
import type { TraceSpan } from '../../tracing/tracing.ts';
import type { Change } from '../change-call.ts';
import { removeMatching } from '../match-deletion.ts';
import type { ChangeOutcome } from '../redis-store.ts';
import { isRedirect } from '../refusal.ts';
import type { AddressMap } from './address.ts';
import type { Member } from './member.ts';
import type { Members } from './members.ts';
import { redirectOf } from './redirect.ts';
import { SLOT_COUNT } from './slots.ts';
import type { Topology } from './topology.ts';

export interface ClusterStoreDeps {
  readonly members: Members;
  readonly topology: Pick<Topology, 'suspect' | 'reading' | 'refresh'>;
  readonly addresses: AddressMap;
  readonly slotOf: (key: string) => number;
  readonly commandTimeoutMs: number;
  /** The key is read from a master whose changes are not reported yet: the read must not fill L1. */
  readonly onUnreported: (key: string) => void;
}

/** One operation on a key, and how a master makes it. */
interface Operation<T> {
  readonly key: string;
  readonly send: (member: Member) => Promise<T>;
  /** Whether it may be repeated after the connection was lost. */
  readonly repeatable?: boolean;
  /** As `send`, where the slot of the key is moving to this master. */
  readonly ask: (member: Member) => Promise<T>;
}

/** The most redirects of one operation. */
const MOST_HOPS = 5;

/**
 * L2 in a Redis Cluster. Each master has its own `RedisStore`, which batches the operations of a turn. So the batches of
 * all masters leave in parallel, and a slow master delays its own keys only.
 *
 * An operation that Redis redirects is repeated at the other master, until the command time-out has passed. A change
 * without an answer is not repeated, because it may have taken effect.
 */
export class ClusterStore implements Store {
  readonly #deps: ClusterStoreDeps;

  constructor(deps: ClusterStoreDeps) {
    this.#deps = deps;
  }

  read(key: string, span?: TraceSpan): Promise<Entry | undefined> {
    return this.#make({
      key,
      repeatable: true,
      send: ({ store }) => store.read(key, span),
      ask: (member) => {
        if (!member.coherent) this.#deps.onUnreported(key);
        return member.store.readAsking(key, span);
      },
    });
  }

  write(write: Write): Promise<WriteOutcome> {
    return this.#change(write, ({ store }) => store.write(write)) as Promise<WriteOutcome>;
  }

  remove(removal: Removal): Promise<RemovalOutcome> {
    return this.#change(removal, ({ store }) => store.remove(removal)) as Promise<RemovalOutcome>;
  }

  removeMatching(match: Match, version: Version, stopped?: () => boolean): Promise<number> {
    return removeMatching(
      this.#masters().map(({ store }) => store),
      match,
      version,
      stopped,
    );
  }

  /**
   * Lists one master after the other, in the order of `Members`. The cursor contains the place of the master, a hash of its
   * address, and its own cursor, which is of no use for an heir of its slots: that list begins at the start.
   */
  async list(match: Match, cursor: string | undefined, limit: number): Promise<Listing> {
    const { members, slotOf } = this.#deps;
    const masters = this.#masters();
    const at = cursor === undefined ? START : splitCursor(cursor);
    const placeOf = (member: Member) => members.placeOf(member)!;
    const member = masters.find((each) => placeOf(each) <= at.place);
    if (member === undefined) return { keys: [], cursor: undefined };
    const startOf = (each: Member): Cursor => ({
      place: placeOf(each),
      hash: slotOf(each.address),
      inner: '0',
    });
    // Read before the wait: the masters may own other slots after it.
    const start = startOf(member);
    const next = masters[masters.indexOf(member) + 1];
    const following = next && joinCursor(startOf(next));
    const isSame = at.place === start.place && at.hash === start.hash;
    const page = await member.store.list(match, isSame ? at.inner : undefined, limit);
    return {
      ...page,
      cursor: page.cursor === undefined ? following : joinCursor({ ...start, inner: page.cursor }),
    };
  }

  /** Handles the error of a deletion whose key may have moved after a scan found it. */
  readonly onMoved =
    (removal: Removal) =>
    (error: unknown): Promise<ChangeOutcome> => {
      if (isRedirect(error)) return this.remove(removal);
      throw error;
    };

  #masters(): Member[] {
    const { masters } = this.#deps.members;
    if (masters.length === 0) throw unavailable();
    return masters;
  }

  #change(change: Change, send: (member: Member) => Promise<ChangeOutcome>): Promise<ChangeOutcome> {
    return this.#make({ key: change.key, send, ask: ({ store }) => store.changeAsking(change) });
  }

  #make<T>(operation: Operation<T>): Promise<T> {
    const owner = this.#deps.members.ownerOf(this.#deps.slotOf(operation.key));
    if (owner === undefined) return Promise.reject(unavailable());
    const startedAt = performance.now();
    return operation.send(owner).catch((error) => this.#elsewhere(operation, owner, error, startedAt));
  }

  /** Follows redirects until the operation has an answer. @throws the last error */
  async #elsewhere<T>(
    operation: Operation<T>,
    first: Member,
    reason: unknown,
    startedAt: number,
  ): Promise<T> {
    const { members, addresses, topology, slotOf, commandTimeoutMs } = this.#deps;
    const slot = slotOf(operation.key);
    const leftMs = () => commandTimeoutMs - (performance.now() - startedAt);
    let member = first;
    let error = reason;
    for (let hop = 0; hop < MOST_HOPS && leftMs() > 0; hop++) {
      const redirect = redirectOf(error, member.address, addresses);
      let { send } = operation;
      if (redirect === undefined) {
        // The master may have left the Cluster. Its slots have another owner then.
        const lost = isLost(error);
        if (lost ? !operation.repeatable : !isUnsentTo(member, error)) throw error;
        const reading = lost ? topology.refresh() : topology.reading;
        if (reading === undefined) throw error;
        await within(reading, leftMs());
        const owner = members.ownerOf(slot);
        if (owner === undefined || owner === member) throw error;
        member = owner;
      } else {
        if (redirect.kind === 'moved') {
          members.moved(slot, redirect.to);
          topology.suspect();
        } else send = operation.ask;
        member = members.at(redirect.to);
      }
      if (!member.ready) await member.whenReady(Math.max(0, leftMs()));
      try {
        return await send(member);
      } catch (next) {
        error = next;
      }
    }
    throw error;
  }
}

/** Whether the command was not sent because the master is not connected. */
function isUnsentTo({ ready }: Member, error: unknown): boolean {
  return error instanceof StoreError && error.reason === 'unavailable' && !ready;
}

/** Whether the connection was lost while the command was in flight. A time-out has no cause. */
function isLost(error: unknown): boolean {
  return error instanceof StoreError && error.reason === 'timeout' && error.cause !== undefined;
}

function unavailable(): StoreError {
  return new StoreError('unavailable', 'the masters of the Cluster are not known yet');
}

function within(work: Promise<void>, ms: number): Promise<void> {
  return Promise.race([work, new Promise<void>((resolve) => setTimeout(resolve, ms).unref())]);
}

interface Cursor {
  readonly place: number;
  /** Of the address of the master, below `SLOT_COUNT`. */
  readonly hash: number;
  /** The cursor of its SCAN. */
  readonly inner: string;
}

/** Before the first master. No address has this hash. */
const START: Cursor = { place: SLOT_COUNT - 1, hash: -1, inner: '0' };

const SLOTS = BigInt(SLOT_COUNT);

// One number of 64 bits. 36 of them are for the cursor of SCAN, which is below the number of buckets.
function joinCursor({ place, hash, inner }: Cursor): string {
  return String((BigInt(inner) * SLOTS + BigInt(hash)) * SLOTS + BigInt(place));
}

function splitCursor(cursor: string): Cursor {
  const joined = BigInt(cursor);
  const rest = joined / SLOTS;
  return { place: Number(joined % SLOTS), hash: Number(rest % SLOTS), inner: String(rest / SLOTS) };
}
