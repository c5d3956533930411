import { decodeHTMLStrict } from 'entities';
import { percentToFraction, wholeNumber } from './decimal.ts';
import { CONTROL, type Columns } from './ibkr-columns.ts';
import { quote } from './quote.ts';
import type { Fault, Listing } from './record.ts';

const NOT_AVAILABLE = 'NA';
const QUANTITY = /^(>?) *(\d+)$/;
export const CURRENCY = /^[A-Z]{3}$/;

export interface Row {
  readonly symbol: string;
  readonly listing: Listing;
  readonly json: string;
}

/** Parses a row, or returns the reason of a fault. @param asOf as ISO text */
export function readRow(text: string, columns: Columns, sheet: string, asOf: string): Row | Fault['reason'] {
  const field = columns.fieldsOf(text);
  if (typeof field === 'string') return field;
  const symbol = field('SYM');
  if (symbol === '') return 'the symbol is empty';
  const currency = field('CUR');
  if (columns.has('CUR') && !CURRENCY.test(currency))
    return `CUR is ${quote(currency)}, expected three capital letters such as USD`;
  const fee = rate(field('FEERATE'));
  if (fee === undefined) return `FEERATE is ${quote(field('FEERATE'))}, expected a percentage or NA`;
  const rebate = rate(field('REBATERATE'));
  if (rebate === undefined) return `REBATERATE is ${quote(field('REBATERATE'))}, expected a percentage or NA`;
  const shares = quantity(field('AVAILABLE'));
  if (shares === undefined)
    return `AVAILABLE is ${quote(field('AVAILABLE'))}, expected a whole number, >number or NA`;
  const name = decodeHTMLStrict(field('NAME'));
  if (CONTROL.test(name)) return `NAME is ${quote(name)}, expected text without control characters`;

  const listing = { sheet, contract: textOrNull(field('CON')), currency: textOrNull(currency) };
  // The JSON is concatenated as text, because JavaScript numbers would lose the exact digits of the rates.
  const json =
    `{"symbol":${JSON.stringify(symbol)},"currency":${JSON.stringify(listing.currency)}` +
    `,"name":${JSON.stringify(textOrNull(name))},"isin":${JSON.stringify(textOrNull(field('ISIN')))}` +
    `,"figi":${JSON.stringify(textOrNull(field('FIGI')))},"contract_id":${JSON.stringify(listing.contract)}` +
    `,"fee_rate":${fee},"rebate_rate":${rebate}` +
    `,"available":${shares.count},"available_at_least":${shares.atLeast}` +
    `,"as_of":${JSON.stringify(asOf)},"source":"ibkr","sheet":${JSON.stringify(sheet)}}`;
  return { symbol, listing, json };
}

/** Describes a listing to people: `contract "1" in USD`. */
export function describe({ contract, currency }: Listing): string {
  const named = contract === null ? 'no contract' : `contract ${quote(contract)}`;
  return currency === null ? named : `${named} in ${quote(currency)}`;
}

export function sameContract(a: Listing, b: Listing): boolean {
  return a.contract === b.contract && a.currency === b.currency;
}

function rate(text: string): string | undefined {
  return text === '' || text === NOT_AVAILABLE ? 'null' : percentToFraction(text);
}

function quantity(text: string): { count: string; atLeast: boolean } | undefined {
  if (text === NOT_AVAILABLE) return { count: 'null', atLeast: false };
  const match = QUANTITY.exec(text);
  if (match === null) return undefined;
  return { count: wholeNumber(match[2]!)!, atLeast: match[1] === '>' };
}

function textOrNull(text: string): string | null {
  return text === '' || text === NOT_AVAILABLE ? null : text;
}
