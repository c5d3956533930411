/** The flags of `ratecache warmup` that concern a broker's short-stock file, a sheet. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SHEET_DEFAULTS, type SheetOptions } from '../warmup/ibkr.ts';
import { CURRENCY } from '../warmup/ibkr-row.ts';
import { TimeZone } from '../warmup/time-zone.ts';

export interface SheetFlags {
  readonly timezone: string;
  readonly currency: string;
  readonly sheet: string;
  readonly aliases?: boolean;
  /** Milliseconds. */
  readonly maxAge: number;
  readonly stale?: boolean;
  readonly replace?: boolean;
}

export const SHEET_FLAGS: readonly string[] = [
  '--timezone',
  '--currency',
  '--sheet',
  '--aliases',
  '--max-age',
  '--stale',
  '--replace',
];

const HOUR_MS = 3_600_000;
const UNITS_MS = { s: 1000, m: 60_000, h: HOUR_MS, d: 24 * HOUR_MS } as const;
const LONGEST_AGE_MS = 36_500 * UNITS_MS.d;
const SHEET = /^[A-Za-z0-9._-]{1,64}$/;

export function addSheetFlags(command: Command): Command {
  const { timezone, currency, sheet } = SHEET_DEFAULTS;
  return command
    .addOption(
      new Option('--timezone <name>', 'sheet: time zone of #BOF, such as Europe/Berlin')
        .argParser(timeZoneName)
        .default(timezone),
    )
    .addOption(
      new Option('--currency <code>', 'sheet: currency of the keys borrow_rate:SYMBOL; others are SYMBOL.EUR')
        .argParser(matching(CURRENCY, 'Expected three capital letters such as USD.'))
        .default(currency),
    )
    .addOption(
      new Option(
        '--sheet <name>',
        'sheet: its name; give each market its own, and the same for each new file',
      )
        .argParser(matching(SHEET, 'Expected 1 to 64 letters, digits, dots, hyphens or underscores.'))
        .default(sheet),
    )
    .option('--aliases', 'sheet: also store BRK B as BRK.B and BRK/B')
    .addOption(
      new Option('--max-age <age>', 'sheet: refuse it if it is older: 90m, 24h, 2d, or seconds')
        .argParser(ageMs)
        .default(24 * HOUR_MS, '24h'),
    )
    .option('--stale', 'sheet: load it although it is older than --max-age')
    .option('--replace', 'sheet: then delete the rows of the stored sheet that the file lacks');
}

export function sheetOptions({
  timezone,
  currency,
  sheet,
  aliases,
  maxAge,
  stale,
}: SheetFlags): SheetOptions {
  return { timezone, currency, sheet, aliases: aliases ?? false, maxAgeMs: maxAge, stale: stale ?? false };
}

function timeZoneName(text: string): string {
  try {
    return new TimeZone(text).name;
  } catch {
    throw new InvalidArgumentError('Expected the name of a time zone, such as America/New_York.');
  }
}

function matching(pattern: RegExp, expected: string) {
  return (text: string): string => {
    if (pattern.test(text)) return text;
    throw new InvalidArgumentError(expected);
  };
}

function ageMs(text: string): number {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * UNITS_MS[(match[2] || 's') as keyof typeof UNITS_MS];
  if (ms > 0 && ms <= LONGEST_AGE_MS) return ms;
  throw new InvalidArgumentError('Expected an age such as 90m, 24h, 2d, or a number of seconds.');
}
