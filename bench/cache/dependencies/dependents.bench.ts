import { DEFAULT_RULES, parseRules } from '../../../src/cache/dependencies/rules.ts';
import { TwoLevel } from '../../../src/cache/two-level.ts';
import { VersionClock } from '../../../src/cache/version.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { group, sync } from '../../suites/suite.ts';
import { filledMemory, TTLS } from '../../support/cache.ts';
import { keyStream } from '../../support/zipf.ts';

const TICKERS = 1000;
const CLIENTS = 10;
/** A version lower than those of the entries. */
const EARLY = '000000000001000000000001';

export default [
  group('hit of a calculation', () => {
    const clock = { now: Date.now() };
    const versions = new VersionClock('be4c4001');
    const value = Buffer.from(JSON.stringify({ fee: 12.5, days: 30 })).toString('latin1');
    const keys = Array.from(
      { length: TICKERS * CLIENTS },
      (_, i) => `calculation:T${i % TICKERS}:client-${i % CLIENTS}:100000:30`,
    );
    const others = keys.map((_, i) => `min_rate:T${i}`);
    const cacheWith = (rules: string) => {
      const cache = new TwoLevel({
        memory: filledMemory(
          [...keys, ...others].map((key) => ({ key, value: value as never })),
          clock,
        ),
        store: undefined,
        clock,
        versions,
        counters: new Counters(),
        ttls: TTLS,
        dependencies: parseRules(rules),
      });
      // Every input has changed before the calculations were stored.
      for (let i = 0; i < TICKERS; i++)
        for (const type of ['borrow_rate', 'volatility', 'event_risk'])
          cache.dependents?.changed(`${type}:T${i}`, EARLY);
      for (let i = 0; i < CLIENTS; i++) cache.dependents?.changed(`broker_config:client-${i}`, EARLY);
      return cache;
    };
    const [plain, checked] = [cacheWith('none'), cacheWith(DEFAULT_RULES)];
    const [calculation, other] = [keyStream(keys), keyStream(others)];
    return {
      reference: 'calculation, DEPENDENCIES=none',
      benchmarks: [
        sync('calculation, DEPENDENCIES=none', (i) => plain.peek(calculation(i))!.bytes),
        sync('calculation, its four inputs compared', (i) => checked.peek(calculation(i))!.bytes),
        sync('another type, DEPENDENCIES=none', (i) => plain.peek(other(i))!.bytes),
        sync('another type', (i) => checked.peek(other(i))!.bytes),
      ],
    };
  }),
];
