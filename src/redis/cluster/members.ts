import type { Address } from './address.ts';
import type { Member } from './member.ts';
import type { SlotTable } from './slot-table.ts';
import { SLOT_COUNT, tagOf } from './slots.ts';

export interface MembersDeps {
  readonly open: (address: Address) => Member;
  /** The member owns these slots from now on. */
  readonly onAssigned: (member: Member, slots: ReadonlySet<number>) => void;
}

/**
 * The masters of the Cluster, and the slots that each of them owns. Replicas are connected in advance: when one of them
 * replaces its master, the first redirect finds a connection that is ready.
 */
export class Members {
  readonly #deps: MembersDeps;
  readonly #members = new Map<Address, Member>();
  readonly #owners: (Member | undefined)[] = Array(SLOT_COUNT).fill(undefined);
  /** The highest slot of each member that owns one. Its hash tag names the canary and the channel of the member. */
  readonly #anchors = new Map<Member, number>();
  /**
   * A slot of each member that owns one, by which `masters` is ordered. A member keeps its place while it owns this slot, and
   * an heir takes it over. So a listing in this order skips no master because some slots have moved meanwhile.
   */
  readonly #places = new Map<Member, number>();
  /** Nodes that a redirect named and that own no slot yet. */
  readonly #guests = new Set<Member>();
  /** The replicas. */
  readonly #standbys = new Set<Member>();

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  /** All masters that own slots, by their places, the highest first. */
  get masters(): Member[] {
    return [...this.#places].sort(([, a], [, b]) => b - a).map(([member]) => member);
  }

  /** All members, also those without slots and replicas. */
  get all(): Member[] {
    return [...this.#members.values()];
  }

  ownerOf(slot: number): Member | undefined {
    return this.#owners[slot];
  }

  /** Returns the hash tag of the highest slot of the member; undefined while it owns no slot. */
  tag(address: Address): string | undefined {
    const member = this.#members.get(address);
    const anchor = member && this.#anchors.get(member);
    return anchor === undefined ? undefined : tagOf(anchor);
  }

  placeOf(member: Member): number | undefined {
    return this.#places.get(member);
  }

  /** Returns the member at the address. Connects to a node that a redirect names for the first time. */
  at(address: Address): Member {
    const known = this.#members.get(address);
    if (known !== undefined && !this.#standbys.has(known)) return known;
    const guest = this.#openUsed(address);
    this.#guests.add(guest);
    return guest;
  }

  /** A redirect says that the node owns the slot. */
  moved(slot: number, address: Address): void {
    if (this.#owners[slot]?.address !== address) this.#assign(new Map([[address, new Set([slot])]]));
  }

  /**
   * Takes over a table. Connects to its nodes, and closes the connections to nodes that left it. A master that became a
   * replica is connected anew, because its link would report each change a second time.
   */
  apply({ owners, nodes }: SlotTable): void {
    const changed = new Map<Address, Set<number>>();
    owners.forEach((address, slot) => {
      if (address === undefined || this.#owners[slot]?.address === address) return;
      const slots = changed.get(address) ?? new Set();
      changed.set(address, slots.add(slot));
    });
    this.#assign(changed);
    for (const member of this.#members.values()) {
      const needed = this.#standbys.has(member) ? nodes.has(member.address) : this.#guests.has(member);
      if (!this.#anchors.has(member) && !needed) this.#retire(member);
    }
    for (const address of nodes) if (!this.#members.has(address)) this.#standbys.add(this.#open(address));
  }

  #assign(changed: ReadonlyMap<Address, ReadonlySet<number>>): void {
    if (changed.size === 0) return;
    for (const [address, slots] of changed) {
      const member = this.#openUsed(address);
      this.#guests.delete(member);
      for (const slot of slots) this.#owners[slot] = member;
    }
    this.#anchors.clear();
    let last: Member | undefined;
    this.#owners.forEach((owner, slot) => {
      if (last !== undefined && owner !== last) this.#anchors.set(last, slot - 1);
      last = owner;
    });
    if (last !== undefined) this.#anchors.set(last, SLOT_COUNT - 1);
    this.#place();
    for (const [address, slots] of changed) this.#deps.onAssigned(this.#members.get(address)!, slots);
  }

  #place(): void {
    const before = new Map(this.#places);
    const free = [...before.values()].sort((a, b) => b - a);
    this.#places.clear();
    for (const [member, anchor] of this.#anchors) {
      const place = before.get(member);
      if (place !== undefined && this.#owners[place] === member) this.#places.set(member, place);
      // A lower place than before: a listing comes to the member once more, rather than never.
      else if (place !== undefined) this.#places.set(member, this.#ownedBelow(place, member) ?? anchor);
      else this.#places.set(member, free.find((slot) => this.#owners[slot] === member) ?? anchor);
    }
  }

  /** The highest slot below this one that the member owns. */
  #ownedBelow(slot: number, member: Member): number | undefined {
    const below = this.#owners.lastIndexOf(member, slot);
    return below < 0 ? undefined : below;
  }

  /** Returns the member at the address, whose changes the cache follows. */
  #openUsed(address: Address): Member {
    const known = this.#members.get(address);
    if (known !== undefined && !this.#standbys.delete(known)) return known;
    const member = known ?? this.#open(address);
    member.follow();
    return member;
  }

  #open(address: Address): Member {
    const member = this.#deps.open(address);
    this.#members.set(address, member);
    return member;
  }

  #retire(member: Member): void {
    this.#members.delete(member.address);
    this.#standbys.delete(member);
    member.retire();
  }
}
