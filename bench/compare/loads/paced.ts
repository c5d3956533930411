/** Latency at a rate: reads that are sent by the clock, whatever became of those before. */
import type { Generated } from '../../../loadtest/generator/job.ts';
import { isSaturated } from '../../../loadtest/saturation.ts';
import type { Running } from '../../peers/peer.ts';
import type { Load, Outcome } from '../row.ts';
import { inChild } from './child.ts';
import { oneAnswer } from './one-answer.ts';
import type { PacedJob, PacedTold } from './paced-child.ts';

type Requests = (server: Running) => readonly string[];

export interface PacedOptions {
  readonly requests: Requests;
  readonly connections: number;
  /** A second, or a share of what the generator gets at most from the first server that it meets. */
  readonly rate: number | { readonly ofMost: number };
  /** Others that read meanwhile, paced too. */
  readonly beside?: { readonly requests: Requests; readonly connections: number; readonly rate: number };
}

/** How long the most is looked for. */
const FLOOD_MS = 2000;

export function paced({ requests, connections, rate, beside }: PacedOptions): Load {
  let ratePerSecond = typeof rate === 'number' ? rate : undefined;
  return {
    warmsUp: true,
    example: (server) => oneAnswer(server.port, requests(server)[0]!),
    run: async (server, seconds) => {
      const ms = seconds * 1000;
      const { port } = server;
      const job = { port, requests: requests(server), connections };
      if (typeof rate !== 'number') ratePerSecond ??= rate.ofMost * (await most(job));
      const others = beside && {
        ...{ port, requests: beside.requests(server), connections: beside.connections },
        ...{ ratePerSecond: beside.rate, ms: ms + MARGIN_MS },
      };
      const besides = others && inChild<PacedJob, PacedTold>('paced-child.ts', others, { ms, humble: true });
      const [generated, othersToo] = await Promise.all([
        inChild<PacedJob, PacedTold>('paced-child.ts', { ...job, ratePerSecond, ms }, { ms }),
        besides,
      ]);
      const faults =
        othersToo === undefined ? [] : faultsOf(othersToo as Generated).map((each) => `beside: ${each}`);
      const outcome = outcomeOf(generated as Generated);
      return { ...outcome, faults: [...outcome.faults, ...faults] };
    },
  };
}

/** So that the others are there from the first measured read to the last. */
const MARGIN_MS = 300;

async function most(job: Omit<PacedJob, 'ratePerSecond' | 'ms'>): Promise<number> {
  const flooding = { ...job, ratePerSecond: undefined, ms: FLOOD_MS };
  const told = await inChild<PacedJob, PacedTold>('paced-child.ts', flooding, { ms: FLOOD_MS });
  return (told as { perSecond: number }).perSecond;
}

function outcomeOf(generated: Generated): Outcome {
  const { requests, throughputPerSecond, latency } = generated;
  const { p50Us, p99Us, p999Us } = latency;
  return {
    requests: requests.completed,
    seconds: requests.completed / throughputPerSecond,
    latency: { p50Us, p99Us, p999Us },
    faults: [...faultsOf(generated), ...lateness(generated)],
  };
}

function faultsOf({ requests }: Generated): string[] {
  const { sent, completed, errors, timeouts, byStatus } = requests;
  const faults: string[] = [];
  if (errors > 0) faults.push(`${errors} errors`);
  if (timeouts > 0) faults.push(`${timeouts} time-outs`);
  const answered = byStatus['200'] ?? 0;
  if (answered < completed) faults.push(`${completed - answered} answers that are not 200`);
  if (completed < sent) faults.push(`${sent - completed} of ${sent} without an answer`);
  return faults;
}

/** Much less than it can is asked of it, so what makes it late is that its core is not its own. */
function lateness({ cpuShare, lateP99Us }: Generated): string[] {
  return isSaturated({ cpuShare, lateP99Us, ceilingPerSecond: Number.POSITIVE_INFINITY }, 0)
    ? [`the generator was the limit: 1 % of its reads were ${lateP99Us} µs late`]
    : [];
}
