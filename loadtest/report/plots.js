/* Runs in the browser, after charts.js: the plots of each profile. `DATA` is the array of results. */
/* global DATA, LIMITS_MS, drawChart, digits, milliseconds */

const MIB = 1024 ** 2;

const seconds = (value) => `${digits(value)} s`;

DATA.forEach((result, i) => {
  const place = document.getElementById(`plots-${i}`);
  drawPercentiles(place, result);
  drawSeries(place, result, `time-${i}`);
});

/** Latency by percentile: x is 1 / (1 - share), so that each further nine has the same width. */
function drawPercentiles(place, { latency }) {
  const points = latency.distribution;
  const total = points.length === 0 ? 0 : points[points.length - 1][1];
  // The maximum would be at infinity; it is drawn after the last other point.
  const xs = points.map(([, below]) => total / Math.max(total - below, 0.5));
  const values = points.map(([us]) => us / 1_000);
  const ticks = [1, 2];
  for (let tick = 10; tick <= total * 2; tick *= 10) ticks.push(tick);
  drawChart(place, {
    title: 'Latency by percentile',
    wide: true,
    x: {
      label: `of ${total.toLocaleString('en-US')} samples; each further nine has the same width`,
      log: true,
      ticks,
      // Enough digits to distinguish neighbouring ticks.
      format: (value) =>
        `${Number((100 * (1 - 1 / value)).toFixed(Math.max(1, Math.ceil(Math.log10(value)) - 1)))}%`,
      from: 1,
    },
    y: { log: true, format: milliseconds },
    xs: [1, ...xs],
    series: [
      {
        label: 'latency',
        values: values.length === 0 ? [] : [values[0], ...values],
        colour: 'series-1',
        stepped: true,
      },
    ],
    limits: LIMITS_MS,
  });
}

function drawSeries(place, { series, faults }, group) {
  // The legend has the labels, because labels in the plot could overlap.
  const marks = faults.map(({ second, what }) => ({
    value: second,
    label: `${what} at ${digits(second)} s`,
  }));
  const x = { whole: true, format: seconds };
  const xs = series.map(({ second }) => second);
  const of = (field, scale = 1) =>
    series.map((second) => (second[field] === null ? null : second[field] * scale));
  const chart = (title, y, lines, limits) =>
    drawChart(place, { title, x, y, xs, series: lines, limits, marks, group });

  chart('Throughput', { format: (value) => `${digits(value)}/s` }, [
    { label: 'answers', values: of('completed'), colour: 'series-1' },
  ]);
  chart(
    'Latency',
    { log: true, format: milliseconds },
    [
      { label: 'p50', values: of('p50Us', 0.001), colour: 'series-1' },
      { label: 'p99', values: of('p99Us', 0.001), colour: 'series-2' },
      { label: 'max', values: of('maxUs', 0.001), colour: 'series-3' },
    ],
    LIMITS_MS,
  );
  chart('Server CPU, share of one core', { format: (value) => `${digits(value)} %` }, [
    { label: 'CPU', values: of('serverCpuShare', 100), colour: 'series-1' },
  ]);
  chart('Server memory', { format: (value) => `${digits(value)} MiB` }, [
    { label: 'heap', values: of('serverHeapBytes', 1 / MIB), colour: 'series-1' },
    { label: 'resident', values: of('serverRssBytes', 1 / MIB), colour: 'series-2' },
  ]);
  chart('Delay of the server’s event loop', { format: milliseconds }, [
    { label: 'delay', values: of('serverLoopDelayMs'), colour: 'series-1' },
  ]);
  chart('Duration of a Redis command', { format: milliseconds }, [
    { label: 'mean', values: of('redisMs'), colour: 'series-1' },
  ]);
}
