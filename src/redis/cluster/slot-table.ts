import { StoreError } from '../../cache/store.ts';
import type { Address, AddressMap } from './address.ts';
import { SLOT_COUNT } from './slots.ts';

/** Which master owns which slot, as one node sees it. */
export interface SlotTable {
  /** Grows with every failover and every moved slot. Of two tables, the one with the greater epoch is newer. */
  readonly epoch: number;
  /** The owner of each slot; undefined for a slot without an owner. */
  readonly owners: readonly (Address | undefined)[];
  /** All nodes in the table, replicas too. */
  readonly nodes: ReadonlySet<Address>;
}

/**
 * Reads the replies to `CLUSTER INFO` and `CLUSTER SLOTS`.
 * @param answered the node that answered
 * @returns undefined if the node cannot serve, because the majority of the masters or a slot is missing
 * @throws StoreError where the replies do not match the commands
 */
export function slotTable(
  info: unknown,
  slots: unknown,
  answered: Address,
  addresses: AddressMap,
): SlotTable | undefined {
  const epoch = /^cluster_current_epoch:(\d+)/m.exec(String(info))?.[1];
  if (epoch === undefined || !Array.isArray(slots)) throw garbage();
  if (!/^cluster_state:ok/m.test(String(info))) return undefined;
  const owners: (Address | undefined)[] = Array(SLOT_COUNT).fill(undefined);
  const nodes = new Set<Address>();
  for (const range of slots) {
    if (!Array.isArray(range) || range.length < 3) throw garbage();
    const [first, last, ...listed] = range;
    const [master, ...replicas] = listed.map((node) => nodeOf(node, answered, addresses));
    owners.fill(master, first, last + 1);
    for (const node of [master!, ...replicas]) nodes.add(node);
  }
  return { epoch: Number(epoch), owners, nodes };
}

function nodeOf(node: unknown, answered: Address, addresses: AddressMap): Address {
  if (!Array.isArray(node) || typeof node[1] !== 'number') throw garbage();
  const host = node[0] === null ? null : String(node[0]);
  return addresses.resolve(host, node[1], answered);
}

function garbage(): StoreError {
  return new StoreError('timeout', 'the reply of Redis does not match the command', { kind: 'garbage' });
}
