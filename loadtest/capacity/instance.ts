/** One service with its Redis, on which the steps of a search run in turn. */
import type { Profile } from '../profile.ts';
import type { RunResult } from '../result.ts';
import { measure } from '../run-profile.ts';
import { limitCpu } from '../support/cpu-quota.ts';
import { startTarget } from '../target/target.ts';
import type { Scenario } from './scenario.ts';
import type { Measure } from './search.ts';

/** Before the measured part of each step, so that the queue of a previous, too fast step is empty. */
const WARMUP_SECONDS = 1;
/** Duration of the ceiling measurement in each step. */
const CEILING_MS = 600;

export interface Instance {
  readonly measure: Measure<Scenario>;
  /** Redis commands for each request of a step that ran here; null if they are unknown. */
  redisCommandsPerRequest(result: RunResult): number | null;
  /** Connections of the service to Redis. */
  redisConnections(): Promise<number>;
  /**
   * Limits the service to this share of its core from now on; Redis may use the rest.
   * @returns false if the system does not allow that
   */
  limitCpu(share: number): boolean;
  stop(): Promise<void>;
}

export async function startInstance(scenario: Scenario, seed: number): Promise<Instance> {
  const target = await startTarget(scenario.profile, seed);
  const commands = new WeakMap<RunResult, number>();
  let release: (() => void) | undefined;
  const counted = async (section: string, field: string) => {
    const info = await target.redis!.cli('INFO', section);
    return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1]);
  };
  return {
    async measure(step, ratePerSecond, seconds) {
      const before = await counted('stats', 'total_commands_processed');
      const result = await measure(profileOf(step, ratePerSecond, seconds), target, {
        seed,
        ceilingMs: CEILING_MS,
      });
      const after = await counted('stats', 'total_commands_processed');
      const sent = result.requests.sent * (1 + WARMUP_SECONDS / seconds);
      // This includes heartbeats and the INFO commands here: some ten a second, few compared with the requests.
      commands.set(result, (after - before) / sent);
      return result;
    },
    redisCommandsPerRequest: (result) => commands.get(result) ?? null,
    // Without the connection of this INFO command.
    redisConnections: async () => (await counted('clients', 'connected_clients')) - 1,
    limitCpu(share) {
      release?.();
      release = limitCpu(share, target.pid!);
      return release !== undefined;
    },
    async stop() {
      release?.();
      await target.stop();
    },
  };
}

function profileOf(scenario: Scenario, ratePerSecond: number, seconds: number): Profile {
  const { name, question, profile, connections } = scenario;
  return {
    name: `capacity-${name}`,
    question,
    ...profile,
    load: { kind: 'open', connections, ratePerSecond, warmupSeconds: WARMUP_SECONDS, seconds },
  };
}
