/**
 * Quotes the fee for locating shares, and repeats the quote whenever one of its inputs changes.
 *
 * `make run` starts a service, and `make quote` runs this file. Your own project imports `ratecache-client`.
 */
import { type Client, connect } from '../src/client/node.ts';

const SYMBOL = 'GME';
const SHARES = 1000;
const PRICE = 24.5;
const DAYS = 5;

const KEYS = [
  `borrow_rate:${SYMBOL}`,
  `min_rate:${SYMBOL}`,
  `volatility:${SYMBOL}`,
  `event_risk:${SYMBOL}`,
  'broker_config:ACME',
] as const;

/** The fee in dollars. The values come from the near cache, or in one request from the service. */
async function quote(rates: Client): Promise<void> {
  const [borrow, minimum, volatility, event, terms] = await rates.getMany(KEYS);
  const base = Math.max(borrow.value?.rate ?? 0, minimum.value ?? 0);
  // A volatile share, or an event such as a shareholder meeting, makes a recall more likely.
  const risk = 1 + 0.1 * (volatility.value?.volatility ?? 0) + 0.02 * (event.value?.risk ?? 0);
  const rate = base * risk + (terms.value?.markup ?? 0);
  const fee = (SHARES * PRICE * rate * DAYS) / 365 + (terms.value?.fee ?? 0);
  const from = borrow.tier === 'near-cache' ? 'near cache' : 'service';
  console.log(
    `${SHARES} ${SYMBOL} for ${DAYS} days: $${fee.toFixed(2)} (rate ${base}, ${borrow.state}, from the ${from})`,
  );
}

const address = process.argv[2] ?? 'ws://127.0.0.1:8000';
const token = process.env.RATECACHE_TOKEN;
const options = token === undefined ? {} : { token };
const rates = await connect(address, { ...options, nearCache: { maxEntries: 20_000 } });

await rates.set(KEYS[0], { rate: 0.25 });
await rates.set(KEYS[1], 0.0025);
await rates.set(KEYS[2], { volatility: 0.9 });
await rates.set(KEYS[3], { risk: 3 });
await rates.set(KEYS[4], { markup: 0.01, fee: 25 });

const changes = rates.changes<{ rate: number }>({ keys: [KEYS[0]] });
await quote(rates);
await quote(rates);

// In production another program writes the rates. Here a second client stands for it.
const writer = await connect(address, options);
const newRates = [0.31, 0.42];
await writer.set(KEYS[0], { rate: newRates[0]! });

for await (const change of changes) {
  if (change.kind !== 'update') continue;
  console.log(`${change.key} is ${change.value.rate} now, version ${change.version}`);
  await quote(rates);
  newRates.shift();
  if (newRates.length === 0) break;
  await writer.set(KEYS[0], { rate: newRates[0]! });
}
await Promise.all([rates.close(), writer.close()]);
