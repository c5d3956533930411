import type { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { IbkrParser, type SheetOptions } from './ibkr.ts';
import { type Line, LineSplitter } from './lines.ts';
import { NdjsonParser } from './ndjson.ts';
import { fatalFault, fault, type Item, type LineParser } from './record.ts';

export const FORMATS = ['auto', 'ibkr', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

/** The items of a file, in order. It can be iterated once. The end of the iteration closes the file. */
export interface Source extends AsyncIterable<Item> {
  /** The path of the file, for messages. */
  readonly file: string;
  /** Size of the file on disk, in bytes; 0 if unknown, for example for a pipe. */
  readonly size: number;
  /** Bytes of `size` that have been read. */
  consumed(): number;
}

/**
 * Opens a warm-up file and reads it as a stream, so that memory does not grow with the file. The first two bytes
 * decide whether the file is plain or gzip, not its name. With `auto`, the first line that is not blank selects the
 * format: `#` means `ibkr`, `{` means `ndjson`, and anything else is a fatal fault. A line over 8 MiB is a fault, but the
 * rest of the file is read. A line that is not UTF-8 is read as Latin-1 in a sheet, and is a fault elsewhere.
 *
 * Rejects if the file cannot be opened. The iteration throws if the file cannot be read to its end, for example because
 * the gzip data is damaged. Both messages name the file and the reason.
 */
export async function openSource(
  path: string,
  format: Format = 'auto',
  sheet: SheetOptions = {},
): Promise<Source> {
  try {
    const { size } = await stat(path);
    const file = createReadStream(path);
    const bytes = await uncompressed(file);
    const parsers = (found: Format) => parserFor(found, sheet);
    return {
      file: path,
      size,
      consumed: () => file.bytesRead,
      [Symbol.asyncIterator]: () => items(path, bytes, format, parsers),
    };
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function uncompressed(file: ReadStream): Promise<Readable> {
  await once(file, 'readable');
  const head: Buffer | null = file.read(2);
  if (head === null) return file;
  file.unshift(head);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return file;
  // The callback can be empty: an error of either stream ends the iteration of the last stream.
  return pipeline(file, createGunzip(), () => {});
}

async function* items(
  path: string,
  bytes: Readable,
  format: Format,
  parsers: (format: Format) => LineParser | undefined,
): AsyncGenerator<Item, void, void> {
  const splitter = new LineSplitter();
  let parser = parsers(format);
  const read = (line: Line): readonly Item[] => {
    if ('problem' in line) return [fault(line.number, line.problem)];
    parser ??= parsers(formatOf(line.text));
    if (line.latin1 && parser?.latin1 === false) return [fault(line.number, 'the line is not UTF-8 text')];
    if (parser !== undefined) return parser.line(line.text, line.number);
    if (line.text.trim() === '') return [];
    return [
      fatalFault(line.number, 'unknown format: expected a file that begins with "#" (ibkr) or "{" (ndjson)'),
    ];
  };
  try {
    for await (const chunk of bytes) {
      for (const line of splitter.push(chunk)) {
        for (const item of read(line)) {
          yield item;
          if (isFatal(item)) return;
        }
      }
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  for (const line of splitter.end()) {
    for (const item of read(line)) {
      yield item;
      if (isFatal(item)) return;
    }
  }
  yield* parser?.end() ?? [{ note: 'the file is empty' }];
}

function isFatal(item: Item): boolean {
  return 'fault' in item && item.fault.fatal === true;
}

function formatOf(line: string): Format {
  const start = line.trimStart();
  if (start.startsWith('#')) return 'ibkr';
  return start.startsWith('{') ? 'ndjson' : 'auto';
}

function parserFor(format: Format, sheet: SheetOptions): LineParser | undefined {
  if (format === 'ibkr') return new IbkrParser(sheet);
  return format === 'ndjson' ? new NdjsonParser() : undefined;
}

function unreadable(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return new Error(`cannot read ${path}: ${REASONS.get(code ?? '') ?? message}`, { cause: error });
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'the file does not exist'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a directory'],
  ['Z_BUF_ERROR', 'the gzip data ends too early'],
  ['Z_DATA_ERROR', 'the gzip data is damaged'],
]);
