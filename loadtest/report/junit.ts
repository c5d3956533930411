/** JUnit XML: a suite per profile, a test case per gate, so that a CI server shows gates as it shows tests. */
import junit, { type Builder } from 'junit-report-builder';
import type { GateOutcome, RunResult } from '../result.ts';
import { gateSentence, generatorCaveat, loadText } from './format.ts';

// Its declaration promises a `default` within; the module is the builder itself.
const reports = junit as unknown as Builder;

export function junitXml(results: readonly RunResult[]): string {
  const builder = reports.newBuilder().name('ratecache load');
  for (const result of results) {
    const suite = builder
      .testSuite()
      .name(result.profile)
      .timestamp(result.startedAt)
      .time(result.load.seconds)
      .property('question', result.question)
      .property('load', loadText(result))
      .property('seed', String(result.seed))
      .property('node', result.machine.node)
      .property('cpu', `${result.machine.cpu} x ${result.machine.cores}`);
    for (const gate of result.gates) {
      const testCase = suite.testCase().className(`load.${result.profile}`).name(gate.gate);
      const sentence = gateSentence(result.profile, gate);
      if (gate.verdict === 'fail') testCase.failure(sentence, 'gate');
      else testCase.standardOutput(gate.verdict === 'warn' ? `warning: ${sentence}` : sentence);
    }
    // A gate that did not run is not a gate that held: a failed run must be red whatever failed it.
    if (result.gates.length === 0 || failedWithoutGate(result))
      suite
        .testCase()
        .className(`load.${result.profile}`)
        .name('verdict')
        .error(generatorCaveat(result) ?? whyRed(result.gates), 'run');
  }
  return builder.build();
}

function failedWithoutGate({ verdict, gates }: RunResult): boolean {
  return verdict === 'fail' && gates.every((gate) => gate.verdict !== 'fail');
}

function whyRed(gates: readonly GateOutcome[]): string {
  return gates.length === 0 ? 'no gate was evaluated' : 'the run failed though none of its gates did';
}
