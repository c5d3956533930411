import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Data } from '../profile.ts';
import { dataSet, ndjson } from '../traffic/data-set.ts';
import { listedNdjson } from '../traffic/listed.ts';
import type { RedisServer } from './redis-server.ts';
import { redisEnv } from './replicas.ts';
import { runMain } from './run-main.ts';

/** Fills Redis with the data of a profile, without the service, so that L1 stays empty. */
export async function fillWithData(redis: RedisServer, data: Data, seed: number): Promise<void> {
  if (data.listed !== undefined) await fillRedis(redis, listedNdjson(data, data.listed));
  else if (data.types.length > 0) await fillRedis(redis, ndjson(data, dataSet(data, seed)));
}

/** Writes the lines of NDJSON to Redis. */
export async function fillRedis(redis: RedisServer, lines: Iterable<string>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ratecache-load-'));
  try {
    const file = join(dir, 'data.ndjson');
    await writeFile(file, lines);
    const args = ['warmup', file, '--format', 'ndjson', '--direct', '--quiet'];
    const { code, stdout, stderr } = await runMain(args, redisEnv(redis));
    if (code !== 0) throw new Error(`Redis could not be filled (exit code ${code}):\n${stdout}${stderr}`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
