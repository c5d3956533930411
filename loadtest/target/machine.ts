import { availableParallelism, cpus, release } from 'node:os';
import type { Machine } from '../result.ts';
import type { Target } from './target.ts';

export async function machineOf({ redis }: Target): Promise<Machine> {
  const info = await redis?.cli('INFO', 'server').catch(() => undefined);
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
    redis: info === undefined ? null : (/redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown'),
  };
}
