/** Loaded into a service before it starts: a defect, so that whatever would be answered well is not. */
import { Exchange } from '../../src/http/exchange.ts';

function defect(): never {
  throw new Error('a defect, put there by a test');
}

Exchange.prototype.send = defect;
Exchange.prototype.handOver = defect;
