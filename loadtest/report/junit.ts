/** JUnit XML: a suite for each profile and a test case for each gate, so that a CI server shows gates as tests. */
import junit, { type Builder } from 'junit-report-builder';
import type { GateOutcome, RunResult } from '../result.ts';
import { buildText, gateSentence, loadText } from './format.ts';

// The type declaration has a `default` member; the module itself is the builder.
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
      .property('build', buildText(result))
      .property('node', result.machine.node)
      .property('cpu', `${result.machine.cpu} x ${result.machine.cores}`);
    for (const taint of result.taints) suite.property('taint', taint);
    for (const gate of result.gates) {
      const testCase = suite.testCase().className(`load.${result.profile}`).name(gate.gate);
      const sentence = gateSentence(result, gate);
      if (gate.verdict === 'fail') testCase.failure(sentence, 'gate');
      else testCase.standardOutput(gate.verdict === 'warn' ? `warning: ${sentence}` : sentence);
    }
    // A gate that did not run has not passed: a failed run must be red, whatever the reason.
    if (result.gates.length === 0 || failedWithoutGate(result))
      suite
        .testCase()
        .className(`load.${result.profile}`)
        .name('verdict')
        .error(result.generator.saturated ? result.taints[0]! : reasonOf(result.gates), 'run');
  }
  return builder.build();
}

function failedWithoutGate({ verdict, gates }: RunResult): boolean {
  return verdict === 'fail' && gates.every((gate) => gate.verdict !== 'fail');
}

function reasonOf(gates: readonly GateOutcome[]): string {
  return gates.length === 0 ? 'no gate was evaluated' : 'the run failed, although no gate failed';
}
