import { testInputs } from './finds-no-fault.ts';

testInputs(2, { decoder: 10_000, live: 4000 });
