/** `ratecache load --record`: reads a log, and prints a profile file. */
import { basename } from 'node:path';
import { READS_PER_SAMPLE } from '../../src/cache/read-sampler.ts';
import { count, significant } from '../../src/format.ts';
import { readLogFile } from './log.ts';
import { meanRate, recordProfile } from './record-profile.ts';

/** @param log an access log, or the output of `redis-cli MONITOR`; the notes go to standard error */
export async function record(
  log: string,
  options: { seconds?: number; rate?: number; prefix: string },
): Promise<true> {
  const { operations, skipped } = await readLogFile(log, { prefix: options.prefix });
  for (const [reason, lines] of skipped) console.error(`skipped, ${reason}: ${lines} lines`);
  const profile = recordProfile(operations, {
    name: nameOf(log),
    onNote: (note) => console.error(note),
    ...(options.seconds !== undefined && { seconds: options.seconds }),
    ...(options.rate !== undefined && { rate: options.rate }),
  });
  const logged = meanRate(operations);
  console.error(
    `${count(operations.length)} operations, ${significant(logged)} a second in the log and ` +
      `${significant(options.rate ?? logged)} in the profile`,
  );
  if (options.rate === undefined)
    console.error(
      `If ACCESS_LOG of ratecache wrote the log, it has one operation in ${READS_PER_SAMPLE}: ` +
        `--rate ${Math.max(1, Math.round(logged * READS_PER_SAMPLE))} is the rate that the service received, in keys/s. ` +
        'A batch is one line for each of its keys, so the profile has no batches.',
    );
  console.log(JSON.stringify(profile, null, 1));
  return true;
}

/** The name of the file without its extensions, as the name of a profile. */
function nameOf(log: string): string {
  const name = basename(log)
    .toLowerCase()
    .replace(/\.gz$/, '')
    .replace(/\.[a-z]+$/, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return name || 'recorded';
}
