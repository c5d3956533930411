/** `ratecache del`: deletes keys. */
import { type OutputOptions, type ServiceOptions, wantsJson } from './flags.ts';
import { faultText, itemJson, itemsOf } from './items.ts';
import { printable } from './printable.ts';
import { keysFrom } from './standard-input.ts';

export interface DelOptions extends ServiceOptions, OutputOptions {}

/** @returns the exit code */
export async function del(given: readonly string[], options: DelOptions): Promise<number> {
  const counts = { deleted: 0, pending: 0, failed: 0 };
  const isJson = wantsJson(options);
  for await (const item of itemsOf('/v1/mdelete', await keysFrom(given), options)) {
    if (item.status === 'error') counts.failed++;
    else if (item.code === undefined) counts.deleted++;
    else counts.pending++;
    if (isJson) process.stdout.write(`${itemJson(item)}\n`);
    else if (item.status === 'error') process.stderr.write(`${printable(faultText(item))}\n`);
  }
  if (!isJson) {
    process.stdout.write(`${counts.deleted} deleted\n`);
    if (counts.pending > 0)
      process.stdout.write(
        `${counts.pending} pending: applied when Redis is reachable; lost if the service stops first\n`,
      );
  }
  return counts.failed === 0 ? 0 : 1;
}
