/** The near caches of a run, with the replicas and proxies between them and Redis. */
import type { Random } from '../../loadtest/support/random.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { CLIENT_ROUNDS, type Fault, isClientFault, repeat } from './faults.ts';
import { Mortal } from './mortal.ts';
import { NearReader } from './near-reader.ts';

/** Entries of the near cache of each reader in turn: all keys, or so few that many entries are evicted. */
const SIZES = [10_000, 300];

export interface NearStage {
  readonly readers: readonly NearReader[];
  readonly pids: () => readonly number[];
  /** Repeats a client fault until `stopped`, and returns the number of rounds. */
  readonly afflict: (random: Random, stopped: () => boolean) => Promise<number>;
}

/**
 * Opens one reader for each replica. A fault puts a proxy before each replica, or gives the readers two replicas that are
 * killed in turn.
 * @param cleanup receives what ends the stage
 */
export async function openNearCaches(
  services: readonly Service[],
  fault: Fault,
  env: Readonly<Record<string, string>>,
  cleanup: (() => unknown)[],
): Promise<NearStage> {
  const mortals = fault === 'replica-killed' ? [await Mortal.start(env), await Mortal.start(env)] : [];
  for (const mortal of mortals) cleanup.push(() => mortal.stop());
  const replicas = mortals.length > 0 ? mortals : services;
  const proxies = isClientFault(fault) ? await Promise.all(replicas.map(startTcpProxy)) : [];
  for (const proxy of proxies) cleanup.push(() => proxy.close());
  const ports = (isClientFault(fault) ? proxies : replicas).map(({ port }) => port);
  const readers = await Promise.all(
    ports.map((port, place) => {
      const next = ports[(place + 1) % ports.length]!;
      // Every second reader may switch to another replica, but only where that is the fault.
      const addresses = isClientFault(fault) && place % 2 === 1 ? [port, next] : [port];
      return NearReader.open(addresses, place, SIZES[place % SIZES.length]!);
    }),
  );
  for (const reader of readers) cleanup.push(() => reader.close());
  return {
    readers,
    pids: () => mortals.map(({ pid }) => pid),
    async afflict(random, stopped) {
      if (!isClientFault(fault)) return 0;
      const { restMs, round } = CLIENT_ROUNDS[fault];
      return repeat(fault, restMs, random, () => round({ proxies, mortals, random }), stopped);
    },
  };
}
