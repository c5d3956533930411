import type { Item } from './record.ts';
import type { Source } from './source.ts';

/** The same source, with this time to live for every record without its own. @param seconds undefined changes nothing */
export function withTtl(source: Source, seconds: number | undefined): Source {
  if (seconds === undefined) return source;
  const ttlMs = Math.round(seconds * 1000);
  return {
    file: source.file,
    size: source.size,
    consumed: () => source.consumed(),
    async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, void> {
      for await (const item of source)
        yield 'record' in item ? { ...item, record: { ttlMs, ...item.record } } : item;
    },
  };
}
