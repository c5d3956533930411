/* Runs in the browser, after charts.js: latency against offered rate. `DATA` is the list of scenarios. */
/* global DATA, LIMITS_MS, drawChart, digits, milliseconds */

DATA.forEach(({ steps, knee }, i) => {
  const sorted = [...steps].sort((a, b) => a.ratePerSecond - b.ratePerSecond);
  const of = (field, wanted) =>
    sorted.map((step) => (wanted(step) ? Math.max(step[field], 1) / 1_000 : null));
  const ofServer = ({ outcome }) => outcome !== 'generator';
  const ofGenerator = ({ outcome }) => outcome === 'generator';
  const rates = sorted.map(({ ratePerSecond }) => ratePerSecond);
  drawChart(document.getElementById(`plot-${i}`), {
    title: 'Latency against offered rate, a dot for each step',
    wide: true,
    x: {
      label: 'requests/s offered',
      log: true,
      format: (value) => `${digits(value)}/s`,
      from: rates[0] / 1.15,
      to: rates[rates.length - 1] * 1.15,
    },
    y: { log: true, format: milliseconds },
    xs: rates,
    series: [
      { label: 'p50', values: of('p50Us', ofServer), colour: 'series-1', scatter: true },
      { label: 'p95', values: of('p95Us', ofServer), colour: 'series-3', scatter: true },
      { label: 'p99', values: of('p99Us', ofServer), colour: 'series-2', scatter: true },
      {
        label: 'p99, the generator was the limit',
        values: of('p99Us', ofGenerator),
        colour: 'muted',
        scatter: true,
      },
    ],
    limits: LIMITS_MS,
    allLimits: true,
    marks: knee.median > 0 ? [{ value: knee.median, label: `knee, ${digits(knee.median)}/s` }] : [],
  });
});
