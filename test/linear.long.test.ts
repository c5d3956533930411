import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { monitorLine } from '../loadtest/replay/monitor.ts';
import { candidates } from '../src/cli/completion.ts';
import { jsonToMsgpack } from '../src/codec/json-to-msgpack.ts';
import { msgpackToJson } from '../src/codec/msgpack-to-json.ts';
import { parseVariables } from '../src/config/parse.ts';
import { unknownVariableWarnings } from '../src/config/unknown-variables.ts';
import { VARIABLES } from '../src/config/variables.ts';
import { conditionOf } from '../src/http/conditions.ts';
import { acceptedEncodings } from '../src/http/negotiate.ts';
import { parseAnnouncement } from '../src/redis/announcement.ts';
import { describeFault } from '../src/redis/describe-fault.ts';
import { endpoint } from '../src/service-answer.ts';
import type { HttpRequest } from '../src/uws.ts';
import { percentToFraction, wholeNumber } from '../src/warmup/decimal.ts';
import { IbkrParser } from '../src/warmup/ibkr.ts';
import { LineSplitter } from '../src/warmup/lines.ts';
import { NdjsonParser } from '../src/warmup/ndjson.ts';
import { quote } from '../src/warmup/quote.ts';

/** Parsers by what they read. A parser may throw: only its time counts. */
const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  percentToFraction,
  wholeNumber,
  quote,
  'a line of a short-stock file': (text) => shortStockLine(text),
  'the rates of a short-stock file': (text) => shortStockLine(`A|${text}|${text}|${text}|N|`),
  'the name of a short-stock file': (text) => shortStockLine(`A|1|1|1|${text}|`),
  'the stamp of a short-stock file': (text) => new IbkrParser().line(`#BOF|${text}`, 1),
  'the columns of a short-stock file': (text) => new IbkrParser().line(`#SYM|${text}`, 1),
  'the count of a short-stock file': (text) => new IbkrParser().line(`#EOF|${text}`, 1),
  'a line of NDJSON': (text) => new NdjsonParser().line(text, 1),
  'a value of NDJSON': (text) => new NdjsonParser().line(`{"key":"a","value":${text}}`, 1),
  'a text of NDJSON': (text) => new NdjsonParser().line(`{"value":${JSON.stringify(text)},"key":"a"}`, 1),
  lines: (text) => [...new LineSplitter().push(Buffer.from(text))],
  'JSON to msgpack': (text) => jsonToMsgpack(JSON.stringify([text])),
  'the JSON of a request': (text) => jsonToMsgpack(JSON.stringify(JSON.parse(text))),
  'msgpack to JSON': (text) => msgpackToJson(jsonToMsgpack(JSON.stringify([...text]))),
  'the log of redis-cli': (text) => monitorLine(`1.2 [0 a:1] "get" "${text}\\"`, 'p:'),
  Accept: (text) => acceptedEncodings(text),
  'If-Match': (text) => conditionOf(requestWith('if-match', text)),
  announcements: (text) => parseAnnouncement(text, 1024),
  'errors of Redis': (text) => describeFault(new Error(text), undefined),
  'URLs of services': (text) => endpoint(text, '/health'),
  'command lines': (text) => candidates(new Command(), ['--a', ...text]),
  'names of the environment': (text) => unknownVariableWarnings({ [`REDIS_${text}`]: text }),
  'values of the environment': (text) =>
    parseVariables(Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, text])), false),
};

/** What made parsers of such texts slow: long runs of one kind that end in something else. */
const INPUTS: Readonly<Record<string, (length: number) => string>> = {
  'digits and a letter': (length) => `${'1'.repeat(length)}x`,
  'zeros and a letter': (length) => `0.${'0'.repeat(length)}x`,
  'digits, a point, digits and a letter': (length) => `${'1'.repeat(length / 2)}.${'1'.repeat(length / 2)}x`,
  'a number': (length) => '1'.repeat(length),
  spaces: (length) => `>${' '.repeat(length)}x`,
  slashes: (length) => `${'/'.repeat(length)}x`,
  columns: (length) => 'SYM|'.repeat(length / 4),
  bars: (length) => '|'.repeat(length),
  'equals signs': (length) => '='.repeat(length),
  'line ends': (length) => '\r\n'.repeat(length / 2),
  quotes: (length) => `${'"'.repeat(length)}x`,
  'a quote that does not end': (length) => `"${'a'.repeat(length)}`,
  'weak tags': (length) => `W/"${'W/'.repeat(length / 2)}`,
  backslashes: (length) => `"${'\\'.repeat(length)}"`,
  'escaped quotes': (length) => `"${'\\"'.repeat(length / 2)}"`,
  'members of an object': (length) =>
    `{${Array.from({ length: length / 16 }, (_, i) => `"n${i}" : ${i}`).join(' ,')}}`,
  'nested arrays': (length) => `[${`${'['.repeat(50)}${']'.repeat(50)},`.repeat(length / 100)}1]`,
  'escaped quotes alone': (length) => '\\"'.repeat(length / 2),
  'port links': (length) => '_PORT_1'.repeat(length / 7),
  hexadecimal: (length) => `${'a:'.repeat(length / 2)}!`,
  origins: (length) => `http://${'a,http://'.repeat(length / 9)} `,
};

const SHORT = 8_192;
const TIMES = 16;
/** Quadratic time would be 256 times as long, linear 16. */
const MOST_TIMES_AS_LONG = 100;
/** Below this a measurement is noise, and a text of this length is parsed fast enough. */
const LEAST_MS = 20;

for (const [what, parse] of Object.entries(PARSERS))
  test(`the time to parse ${what} grows with their length and no faster`, () => {
    for (const [kind, text] of Object.entries(INPUTS)) {
      const long = cpuMs(parse, text(SHORT * TIMES));
      if (long < LEAST_MS) continue;
      // The least of a few runs, so that neither compilation nor collection is measured.
      const runs = (length: number) => Math.min(...[1, 2, 3].map(() => cpuMs(parse, text(length))));
      const [shorter, longer] = [runs(SHORT), runs(SHORT * TIMES)];
      assert.ok(
        longer < LEAST_MS || longer < shorter * MOST_TIMES_AS_LONG,
        `${kind}: ${shorter} ms for ${SHORT} characters, ${longer} ms for ${TIMES} times as many`,
      );
    }
  });

test('20,000 digits that are no number are refused at once', () => {
  assert.equal(percentToFraction(`${'1'.repeat(20_000)}x`), undefined);
  assert.ok(cpuMs(percentToFraction, `${'1'.repeat(20_000)}x`) < LEAST_MS);
});

function shortStockLine(text: string): unknown {
  const parser = new IbkrParser();
  parser.line('#BOF|2017.09.27|06:30:03', 1);
  parser.line('#SYM|FEERATE|REBATERATE|AVAILABLE|NAME|', 2);
  return parser.line(text, 3);
}

/** CPU time of this process, which waiting for others does not lengthen. */
function cpuMs(parse: (text: string) => unknown, text: string): number {
  const before = process.cpuUsage();
  try {
    parse(text);
  } catch {
    // Malformed texts are refused; how fast is what matters here.
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Of a request, what conditions are read from. */
function requestWith(header: string, value: string): HttpRequest {
  return { forEach: (each: (name: string, value: string) => void) => each(header, value) } as HttpRequest;
}
