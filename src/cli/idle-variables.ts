/** The flags of `ratecache serve` that have no effect under some configurations. */

import { type Config, flagOf, VARIABLE_NAMES, VARIABLES, type VariableName } from '../config/config.ts';
import type { Group } from '../config/kinds.ts';
import { idleFault } from './idle-flags.ts';

interface Idle {
  readonly names: readonly VariableName[];
  readonly when: (config: Config) => boolean;
  /** The end of the sentence "… has no effect". */
  readonly why: string;
}

const IDLE: readonly Idle[] = [
  {
    names: [
      ...ofGroups('redis', 'store', 'pubsub'),
      'READY_REQUIRES_REDIS',
      'BREAKER_FAILURES',
      'PENDING_WRITES_MAX_ENTRIES',
      'PENDING_WRITES_MAX_BYTES',
      'CACHE_REWARM_ON_DATA_LOSS',
      'LOCAL_CACHE_TTL',
      'STATS_MAX_AGE_SECONDS',
      'CACHE_WARMUP_PATTERN',
    ],
    when: ({ standalone }) => standalone,
    why: 'in standalone mode, which uses no Redis',
  },
  {
    names: ofGroups('pubsub').filter((name) => name !== 'ENABLE_PUBSUB'),
    when: ({ pubsub }) => !pubsub.enabled,
    why: 'with ENABLE_PUBSUB=false',
  },
  {
    names: [
      ...ofGroups('local').filter((name) => name !== 'ENABLE_LOCAL_CACHE'),
      'CACHE_REWARM_ON_DATA_LOSS',
      'CACHE_WARMUP_PATTERN',
    ],
    when: ({ local }) => !local.enabled,
    why: 'with ENABLE_LOCAL_CACHE=false',
  },
  {
    names: ['PENDING_WRITES_MAX_BYTES', 'CACHE_REWARM_ON_DATA_LOSS'],
    when: ({ faults }) => faults.pendingWritesMaxEntries === 0,
    why: 'with PENDING_WRITES_MAX_ENTRIES=0',
  },
  {
    names: ofGroups('warmup').filter((name) => name !== 'CACHE_WARMUP_ON_STARTUP'),
    when: ({ warmup }) => !warmup.onStartup,
    why: 'without CACHE_WARMUP_ON_STARTUP',
  },
  {
    names: ['CACHE_WARMUP_FORMAT', 'CACHE_WARMUP_MAX_AGE'],
    when: ({ warmup }) => warmup.file === undefined,
    why: 'without CACHE_WARMUP_FILE',
  },
  {
    names: ['CACHE_WARMUP_PATTERN'],
    when: ({ warmup }) => warmup.file !== undefined,
    why: 'with CACHE_WARMUP_FILE',
  },
  {
    names: ['CACHE_WARMUP_ON_STARTUP'],
    when: ({ standalone, warmup }) => standalone && warmup.onStartup && warmup.file === undefined,
    why: 'in standalone mode without CACHE_WARMUP_FILE',
  },
  {
    names: ['STATS_MAX_AGE_SECONDS'],
    when: ({ stats }) => !stats.enabled,
    why: 'with ENABLE_CACHE_STATS=false',
  },
  {
    names: ofGroups('tracing').filter(
      (name) => name !== 'OTEL_TRACES_EXPORTER' && name !== 'OTEL_SDK_DISABLED',
    ),
    when: ({ tracing }) => tracing === undefined,
    why: 'without OTEL_TRACES_EXPORTER=otlp, and with OTEL_SDK_DISABLED=true',
  },
];

/** @param given the variables whose flags the command line contains. @throws Failure for a flag without effect */
export function refuseIdleVariables(config: Config, given: readonly VariableName[]): void {
  for (const { names, when, why } of IDLE) {
    const idle = given.find((name) => names.includes(name));
    if (idle !== undefined && when(config)) throw idleFault(flagOf(idle), why);
  }
}

function ofGroups(...groups: readonly Group[]): VariableName[] {
  return VARIABLE_NAMES.filter((name) => groups.includes(VARIABLES[name].group));
}
