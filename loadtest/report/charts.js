/* Runs in the browser, after uPlot: draws charts in the colours of the page, as wide as their container. */
/* global uPlot */
// biome-ignore-all lint/correctness/noUnusedVariables: the script of the page uses these

const DATA = JSON.parse(document.getElementById('data').textContent);

/** The limits of the latency gates, in milliseconds. */
const LIMITS_MS = [
  { value: 50, label: 'warning, 50 ms', level: 'warn' },
  { value: 100, label: 'failure, 100 ms', level: 'fail' },
];

const HEIGHT_PX = 230;
const FONT = '12px system-ui, sans-serif';
/** A limit is drawn if the highest value reaches this share of it; otherwise it would only flatten the curve. */
const LIMIT_IN_SIGHT = 0.4;
/** Steps between ticks on an axis of whole numbers. */
const WHOLE = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];
/** Functions that redraw each chart, for a change of the colours. */
const redraws = [];

/** The current colour of this name in the style sheet, light or dark. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** An element with a class and text. Text only, so that the browser never reads data as HTML. */
function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Three significant digits, without an exponent. */
function digits(value) {
  if (value === 0) return '0';
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(places, 6) });
}

/** Milliseconds as text with a unit. */
function milliseconds(value) {
  if (value < 1) return `${digits(value * 1_000)} µs`;
  return value < 1_000 ? `${digits(value)} ms` : `${digits(value / 1_000)} s`;
}

/** Ticks of a logarithmic axis: the densest series of 1 to 9, 1-2-5 or decades with at most nine ticks. */
function logTicks(min, max) {
  const at = (steps) => {
    const ticks = [];
    for (let decade = Math.floor(Math.log10(min)); decade <= Math.ceil(Math.log10(max)); decade++)
      for (const step of steps) ticks.push(step * 10 ** decade);
    return ticks.filter((tick) => tick >= min && tick <= max);
  };
  for (const steps of [
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 5],
  ]) {
    const ticks = at(steps);
    if (ticks.length <= 9) return ticks;
  }
  return at([1]);
}

/**
 * Draws a chart into `parent`.
 * - `x`, `y`: `{ label, format, log?, ticks?, whole?, from?, to? }`; `format` makes a tick's and the legend's text.
 * - `xs`: ascending. `series`: `{ label, values, colour, stepped?, scatter? }`, null for a missing value;
 *   `scatter` draws dots without a line.
 * - `limits`: `{ value, label, level }`, horizontal lines, only near ones unless `allLimits`; `marks`: `{ value, label }`,
 *   vertical lines.
 * - `group`: charts of a group show the same x under the pointer.
 */
function drawChart(
  parent,
  { title, wide, x, y, xs, series, limits = [], allLimits = false, marks = [], group },
) {
  const box = parent.appendChild(element('div', wide ? 'plot wide' : 'plot'));
  box.append(element('h3', '', title));
  const known = series.filter(({ values }) => values.some((value) => value !== null));
  if (xs.length === 0 || known.length === 0) {
    box.append(element('p', 'none', 'not measured'));
    return;
  }
  const all = known.flatMap(({ values }) => values.filter((value) => value !== null));
  const highest = largest(all);
  const shown = limits.filter(({ value }) => allLimits || highest >= value * LIMIT_IN_SIGHT);
  const yRange = rangeOf(all, shown, y.log);
  const xRange = [x.from ?? xs[0], x.to ?? xs[xs.length - 1]];
  // A single point needs a range around it.
  if (xRange[0] === xRange[1]) {
    xRange[0] -= 0.5;
    xRange[1] += 0.5;
  }

  const place = box.appendChild(element('div'));
  const legend = box.appendChild(legendOf(known, shown, marks, x));
  let plot;
  const draw = () => {
    plot?.destroy();
    const width = place.clientWidth;
    plot = new uPlot(
      {
        width,
        height: HEIGHT_PX,
        legend: { show: false },
        cursor: { y: false, drag: { setScale: false }, ...(group ? { sync: { key: group } } : {}) },
        scales: {
          x: { time: false, distr: x.log ? 3 : 1, range: () => xRange },
          y: { distr: y.log ? 3 : 1, range: () => yRange },
        },
        axes: [axis(x, 24), axis(y)],
        series: [{}, ...known.map(line)],
        hooks: {
          draw: [(self) => drawLines(self, shown, marks)],
          setCursor: [(self) => showValues(self, legend, known, x, y)],
        },
      },
      [xs, ...known.map(({ values }) => values)],
      place,
    );
  };
  draw();
  redraws.push(draw);
  new ResizeObserver(() => {
    if (plot.width !== place.clientWidth) plot.setSize({ width: place.clientWidth, height: HEIGHT_PX });
  }).observe(place);
}

/** Without a spread: a call has too many arguments for the values of a run of 12 hours. */
function largest(values) {
  return values.reduce((one, other) => Math.max(one, other), Number.NEGATIVE_INFINITY);
}

function smallest(values) {
  return values.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY);
}

function rangeOf(values, limits, log) {
  const wanted = [...values, ...limits.map(({ value }) => value)];
  const max = largest(wanted);
  if (!log) return [0, max > 0 ? max * 1.12 : 1];
  const min = smallest(wanted.filter((value) => value > 0));
  return Number.isFinite(min) ? [min / 1.5, max * 1.5] : [1, 10];
}

function axis({ log, ticks, whole, format }, size) {
  return {
    font: FONT,
    stroke: colour('muted'),
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { stroke: colour('grid'), width: 1, size: 5 },
    // Room for the longest text.
    size: size ?? ((_, texts) => Math.max(30, ...(texts ?? []).map((text) => text.length * 7 + 14))),
    ...(log || ticks
      ? {
          splits: (_u, _axis, min, max) =>
            (ticks ?? logTicks(min, max)).filter((tick) => tick >= min && tick <= max),
        }
      : {}),
    ...(whole ? { incrs: WHOLE } : {}),
    filter: (_, splits) => splits,
    values: (_, splits) => splits.map((tick) => format(tick)),
  };
}

function line({ label, values, colour: name, stepped, scatter }) {
  return {
    label,
    stroke: colour(name),
    width: 2,
    // A single value is a dot, because a line needs two.
    points: { size: 6, fill: colour(name), ...(scatter || values.length === 1 ? { show: true } : {}) },
    ...(scatter ? { paths: () => null } : {}),
    ...(stepped ? { paths: uPlot.paths.stepped({ align: -1 }) } : {}),
  };
}

/** Draws limits and marks. */
function drawLines(self, limits, marks) {
  const { ctx, bbox } = self;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  const stroke = (name, path) => {
    ctx.strokeStyle = colour(name);
    ctx.beginPath();
    path();
    ctx.stroke();
  };
  for (const { value, level } of limits) {
    const at = self.valToPos(value, 'y', true);
    stroke(level, () => {
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
    });
  }
  for (const { value } of marks) {
    const at = self.valToPos(value, 'x', true);
    stroke('text', () => {
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
    });
  }
  ctx.restore();
}

function legendOf(series, limits, marks, x) {
  const legend = element('p', 'legend');
  const item = (name, text, dashed) => {
    const span = legend.appendChild(element('span'));
    const swatch = span.appendChild(element('i', dashed ? 'dashed' : ''));
    swatch.style.borderColor = `var(--${name})`;
    span.append(text);
    return span;
  };
  for (const { label, colour: name } of series) item(name, `${label} `).append(element('b'));
  for (const { label, level } of limits) item(level, label, true);
  for (const { label } of marks) item('text', label, true);
  legend.append(element('span', 'where', x.label ?? ''));
  return legend;
}

/** Shows the value under the pointer next to each name. */
function showValues(self, legend, series, x, y) {
  const { idx } = self.cursor;
  const known = idx !== null && idx !== undefined;
  legend.querySelectorAll('b').forEach((place, i) => {
    const value = known ? series[i].values[idx] : null;
    place.textContent = value === null || value === undefined ? '' : y.format(value);
  });
  const where = legend.querySelector('.where');
  where.textContent = known ? `at ${x.format(self.data[0][idx])}` : (x.label ?? '');
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const redraw of redraws) redraw();
});
