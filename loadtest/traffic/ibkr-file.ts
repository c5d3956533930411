import { below, pick, type Random, seeded } from '../support/random.ts';

// Rebate and fee of expensive stocks add up to this benchmark, as in the real file of that day.
const BENCHMARK = 1.16;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ALPHANUMERIC = `${LETTERS}0123456789`;
const WORDS = [
  'AMERICAN',
  'PACIFIC',
  'GOLD',
  'BIO',
  'ENERGY',
  'HEALTH',
  'FIRST',
  'UNITED',
  'DIGITAL',
  'RESOURCES',
];
const ENDINGS = ['INC', 'CORP', 'LTD', 'HOLDINGS INC', 'GROUP-ADR', 'TRUST', 'ETF', '& CO'];
const SHARE_CLASSES = ['A', 'B', 'PRA', 'PRB', 'WS'];

/**
 * A broker's short-stock file with `symbols` rows, each for another symbol, in alphabetical order. The distribution
 * is that of the real file: most fees are 0.25, some reach hundreds of percent with negative rebates, one row in a
 * hundred is `NA`, a third has `>10000000` shares, some symbols contain spaces, some bonds have numbers as symbols.
 * The same seed produces the same file.
 */
export function ibkrFile(symbols: number, seed = 1): string {
  const random = seeded(seed);
  const names = new Set<string>();
  while (names.size < symbols) names.add(symbol(random));
  const rows = [...names].sort().map((name) => row(name, random));
  const header = ['#BOF|2017.09.27|06:30:03', '#SYM|CUR|NAME|CON|ISIN|REBATERATE|FEERATE|AVAILABLE|'];
  return [...header, ...rows, `#EOF|${symbols}`, ''].join('\n');
}

function row(name: string, random: Random): string {
  const company = `${pick(WORDS, random)} ${pick(WORDS, random)} ${pick(ENDINGS, random)}`;
  const contract = 1_000_000 + below(280_000_000, random);
  const isin = `US${text(ALPHANUMERIC, 9, random)}${below(10, random)}`;
  const [rebate, fee] = rates(random);
  return `${[name, 'USD', company, contract, isin, rebate, fee, available(random)].join('|')}|`;
}

function symbol(random: Random): string {
  const kind = random();
  if (kind < 0.02) return `${10_000_000 + below(400_000_000, random)}`;
  const ticker = text(LETTERS, kind < 0.1 ? 3 : 4 + below(2, random), random);
  return kind < 0.06 ? `${ticker} ${pick(SHARE_CLASSES, random)}` : ticker;
}

function rates(random: Random): [rebate: string, fee: string] {
  const kind = random();
  if (kind < 0.01) return ['NA', 'NA'];
  if (kind < 0.6) return ['0.9100', '0.2500'];
  const fee = 0.25 + Math.exp(8 * random() ** 2 - 2);
  return [(BENCHMARK - fee).toFixed(4), fee.toFixed(4)];
}

function available(random: Random): string {
  if (random() < 0.33) return '>10000000';
  const thousands = 1000 * (1 + below(20, random));
  return String(thousands * 10 ** below(3, random));
}

function text(alphabet: string, length: number, random: Random): string {
  return Array.from({ length }, () => alphabet[below(alphabet.length, random)]).join('');
}
