import type { Row } from '../compare/row.ts';
import { missingFor, Stage } from '../compare/stage.ts';
import type { Running } from '../peers/peer.ts';
import { condense } from './condense.ts';
import { type Costs, costsOf } from './costs.ts';
import { type CpuProfile, Inspector } from './inspector.ts';
import { type Usage, usageOf } from './usage.ts';

export interface Effort {
  /** Of each of the two runs. */
  readonly seconds: number;
  readonly intervalUs: number;
}

export interface RowProfile extends Costs {
  readonly name: string;
  readonly title: string;
  readonly requests: number;
  /** CPU time of a request when nobody looks. */
  readonly plainUs: number;
  /** Of other processes that have a part in the answers: Redis. */
  readonly besideUs: number;
  readonly profile: CpuProfile;
}

/** The code of a new process is not compiled yet. */
const WARMUP_SECONDS = 1.5;

/** Profiles ratecache, the first of the row's contestants, in a process that has done nothing else. */
export async function profileRow({ name, title, contestants }: Row, effort: Effort): Promise<RowProfile> {
  const { peer, load } = contestants[0]!;
  const missing = missingFor(peer);
  if (missing !== undefined) throw new Error(`${missing} is missing`);
  const stage = new Stage();
  try {
    return await stage.awake(peer, async (server) => {
      const run = async (seconds: number) => {
        const { requests, faults } = await load.run(server, seconds);
        if (faults.length > 0) throw new Error(`${name}: ${faults.join(', ')}`);
        return requests;
      };
      await load.verify?.(server);
      // Whose faults do not matter: what `verify` has read is in L1 yet.
      await load.run(server, Math.min(WARMUP_SECONDS, effort.seconds));
      const plain = await accounted(server, () => run(effort.seconds));
      const profiled = await underProfile(server, effort, () => run(effort.seconds));
      return {
        ...costsOf(condense(profiled.profile), profiled.ours, profiled.result),
        name,
        title,
        requests: profiled.result,
        plainUs: ((plain.ours.user + plain.ours.kernel) * 1e6) / plain.result,
        besideUs: (profiled.beside * 1e6) / profiled.result,
        profile: profiled.profile,
      };
    });
  } finally {
    await stage.close();
  }
}

interface Accounted<T> {
  readonly result: T;
  readonly ours: Usage;
  /** CPU seconds of the other processes. */
  readonly beside: number;
}

async function accounted<T>({ pids }: Running, act: () => Promise<T>): Promise<Accounted<T>> {
  const [ours, ...others] = pids.map(usageOf);
  const result = await act();
  const beside = others.map((since) => since()).reduce((sum, { user, kernel }) => sum + user + kernel, 0);
  return { result, ours: ours!(), beside };
}

async function underProfile<T>(
  server: Running,
  { intervalUs }: Effort,
  act: () => Promise<T>,
): Promise<Accounted<T> & { readonly profile: CpuProfile }> {
  const inspector = await Inspector.of(server.pids[0]!);
  try {
    await inspector.start(intervalUs);
    const told = await accounted(server, act);
    return { ...told, profile: await inspector.stop() };
  } finally {
    await inspector.close();
  }
}
