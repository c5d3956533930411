import type { Address } from './address.ts';
import type { Member } from './member.ts';
import type { SlotTable } from './slot-table.ts';
import { SLOT_COUNT, tagOf } from './slots.ts';

export interface MembersDeps {
  readonly open: (address: Address) => Member;
  /** The member owns these slots from now on. */
  readonly onAssigned: (member: Member, slots: ReadonlySet<number>) => void;
}

/** The masters of the Cluster, and the slots that each of them owns. */
export class Members {
  readonly #deps: MembersDeps;
  readonly #members = new Map<Address, Member>();
  readonly #owners: (Member | undefined)[] = Array(SLOT_COUNT).fill(undefined);
  /** The highest slot of each member that owns one. Its hash tag names the canary and the channel of the member. */
  readonly #anchors = new Map<Member, number>();
  /** Nodes that a redirect named and that own no slot yet. */
  readonly #guests = new Set<Member>();

  constructor(deps: MembersDeps) {
    this.#deps = deps;
  }

  /** All masters that own slots, by their highest slot, the highest first. */
  get masters(): Member[] {
    return [...this.#anchors].sort(([, a], [, b]) => b - a).map(([member]) => member);
  }

  /** All members, also those without slots. */
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

  anchorOf(member: Member): number | undefined {
    return this.#anchors.get(member);
  }

  /** Returns the member at the address. Connects to a node that a redirect names for the first time. */
  at(address: Address): Member {
    const known = this.#members.get(address);
    if (known !== undefined) return known;
    const guest = this.#open(address);
    this.#guests.add(guest);
    return guest;
  }

  /** A redirect says that the node owns the slot. */
  moved(slot: number, address: Address): void {
    if (this.#owners[slot]?.address !== address) this.#assign(new Map([[address, new Set([slot])]]));
  }

  /** Takes over a table. Connects to new masters, and closes the connections to nodes that are masters no longer. */
  apply({ owners }: SlotTable): void {
    const changed = new Map<Address, Set<number>>();
    owners.forEach((address, slot) => {
      if (address === undefined || this.#owners[slot]?.address === address) return;
      const slots = changed.get(address) ?? new Set();
      changed.set(address, slots.add(slot));
    });
    this.#assign(changed);
    for (const member of this.#members.values())
      if (!this.#anchors.has(member) && !this.#guests.has(member)) this.#retire(member);
  }

  #assign(changed: ReadonlyMap<Address, ReadonlySet<number>>): void {
    if (changed.size === 0) return;
    for (const [address, slots] of changed) {
      const member = this.#members.get(address) ?? this.#open(address);
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
    for (const [address, slots] of changed) this.#deps.onAssigned(this.#members.get(address)!, slots);
  }

  #open(address: Address): Member {
    const member = this.#deps.open(address);
    this.#members.set(address, member);
    return member;
  }

  #retire(member: Member): void {
    this.#members.delete(member.address);
    member.retire();
  }
}
