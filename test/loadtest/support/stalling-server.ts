/** A server that does nothing at all for 100 ms in each second; sends its port by a message. */
import { answerAll } from './constant-answers.ts';

const STALL_MS = 100;
const never = new Int32Array(new SharedArrayBuffer(4));

answerAll((answer) => answer());
setInterval(() => Atomics.wait(never, 0, 0, STALL_MS), 1000);
