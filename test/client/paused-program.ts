/** Reads a rate from memory whenever a volatility changes, and prints what it read: see `paused.ts`. */
import { connect } from '../../src/client/node.ts';
import { MAX_SILENCE_MS } from './paused.ts';

const rates = await connect(process.argv[2]!, {
  nearCache: {},
  maxSilenceMs: MAX_SILENCE_MS,
  timeoutMs: 30_000,
  connectTimeoutMs: 30_000,
});
const show = () => {
  const result = rates.peek('borrow_rate:GME');
  console.log(JSON.stringify({ value: result?.value, state: result?.state }));
};
await rates.get('borrow_rate:GME');
await rates.subscribe({ types: ['volatility'] }, show);
