/** The near caches of a run, with the replicas and proxies between them and Redis. */
import type { Random } from '../../loadtest/support/random.ts';
import type { Service } from '../../loadtest/target/service.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { CLIENT_ROUNDS, type Fault, isClientFault, repeat } from './faults.ts';
import { Mortal } from './mortal.ts';
import { NearReader, type NearReading } from './near-reader.ts';
import { PythonReader } from './python-reader.ts';

/** Entries of the near cache of each reader in turn: all keys, or so few that many entries are evicted. */
const SIZES = [10_000, 300];

/** The clients that read. A defect is put into the Python client. */
export interface NearClients {
  readonly typescript: boolean;
  readonly python: boolean;
  readonly defect?: string | undefined;
}

export interface NearStage {
  readonly readers: readonly NearReading[];
  /** The processes of readers other than this one. */
  readonly readerPids: () => readonly number[];
  readonly pids: () => readonly number[];
  /** Repeats a client fault until `stopped`, and returns the number of rounds. */
  readonly afflict: (random: Random, stopped: () => boolean) => Promise<number>;
}

/**
 * Opens one reader of each client for each replica. A fault puts a proxy before each replica, or gives the readers two replicas that are
 * killed in turn.
 * @param cleanup receives what ends the stage
 */
export async function openNearCaches(
  services: readonly Service[],
  clients: NearClients,
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
  const addressesOf = (place: number) => {
    const [own, next] = [ports[place]!, ports[(place + 1) % ports.length]!];
    // Every second reader may switch to another replica, but only where that is the fault.
    return isClientFault(fault) && place % 2 === 1 ? [own, next] : [own];
  };
  const places = ports.map((_, place) => place);
  const typescript = await Promise.all(
    (clients.typescript ? places : []).map((place) =>
      NearReader.open(addressesOf(place), place, SIZES[place % SIZES.length]!),
    ),
  );
  const python = await Promise.all(
    (clients.python ? places : []).map((place) =>
      PythonReader.open(addressesOf(place), ports.length + place, clients.defect),
    ),
  );
  const readers: NearReading[] = [...typescript, ...python];
  for (const reader of readers) cleanup.push(() => reader.close());
  return {
    readers,
    readerPids: () => python.map(({ pid }) => pid),
    pids: () => mortals.map(({ pid }) => pid),
    async afflict(random, stopped) {
      if (!isClientFault(fault)) return 0;
      const { restMs, round } = CLIENT_ROUNDS[fault];
      return repeat(fault, restMs, random, () => round({ proxies, mortals, random }), stopped);
    },
  };
}
