// Curves over steps: uPlot with smoothing, logarithmic axis, zoom, keys, and marks.

// Exponential moving average, without the pull of its start to 0.
function smooth(values, factor) {
  if (!factor) return values;
  let sum = 0, weight = 0;
  return values.map(value => {
    if (value === null || value === undefined) return value;
    sum = sum * factor + value * (1 - factor);
    weight = weight * factor + 1 - factor;
    return sum / weight;
  });
}

function pointsOf(figure, log, factor) {
  const visible = values => log ? values.map(v => v > 0 ? v : null) : values;
  const tables = figure.series.map(s => {
    const values = data.arrays[s.y];
    const smoothed = figure.x === 'step' && s.style !== 'points' && values.length >= 10;
    return [data.arrays[s.x], visible(smooth(values, smoothed ? factor : 0))];
  });
  if (figure.series.every(s => s.x === figure.series[0].x)) return [tables[0][0], ...tables.map(t => t[1])];
  return uPlot.join(tables);
}

function drawMarks(figure) {
  return plot => {
    const {ctx} = plot, ratio = devicePixelRatio, {left, top, width} = plot.bbox;
    const {min, max} = plot.scales.x;
    ctx.save();
    ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
    figure.marks.forEach((mark, i) => {
      if (mark.x < min || mark.x > max) return;
      const x = plot.valToPos(mark.x, 'x', true), y = plot.valToPos(mark.y, 'y', true);
      const wide = ctx.measureText(mark.text).width;
      const right = x + wide + 12 * ratio > left + width;
      ctx.fillStyle = style('--card');
      ctx.strokeStyle = colour(mark.color);
      ctx.lineWidth = 2 * ratio;
      ctx.beginPath();
      ctx.arc(x, y, 4.5 * ratio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
      if (figure.marks.length > 8) return;
      ctx.fillStyle = style('--ink');
      const below = y - 26 * ratio < top || i % 2;
      const at = [mark.text, right ? x - wide : x + 6 * ratio, y + (below ? 18 : -9) * ratio];
      ctx.strokeStyle = style('--card');
      ctx.lineWidth = 3 * ratio;
      ctx.strokeText(...at);
      ctx.fillText(...at);
    });
    ctx.restore();
  };
}

function seriesOf(s) {
  const points = s.style === 'points' || data.arrays[s.y].filter(v => v !== null).length < 2;
  return {
    label: s.name,
    stroke: () => colour(s.color),
    width: 2,
    dash: s.style === 'dashed' ? [7, 4] : undefined,
    paths: points ? () => null : undefined,
    points: {show: points ? true : undefined, size: points ? 7 : undefined},
    spanGaps: true,
    value: (plot, value) => short(value),
  };
}

function axis(label, space) {
  return {
    label, labelSize: 22, labelGap: 2, space,
    stroke: () => style('--soft'),
    grid: {stroke: () => style('--grid'), width: 1},
    ticks: {stroke: () => style('--grid'), width: 1},
    values: (plot, splits) => splits.map(v => v === null ? '' : short(v)),
    font: '12px system-ui, sans-serif', labelFont: '12px system-ui, sans-serif',
  };
}

// Numbers of all curves in one table: a row a step.
function linesTable(figure) {
  const [steps, ...columns] = pointsOf(figure, false, 0);
  const rows = steps.map((step, i) => [step, ...columns.map(c => c[i] ?? null)]);
  return table([figure.x, ...figure.series.map(s => s.name)], rows);
}

function moveCursor(plot, by) {
  const steps = plot.data[0], {min, max} = plot.scales.x;
  let first = steps.findIndex(x => x >= min), last = steps.findLastIndex(x => x <= max);
  const next = Math.min(last, Math.max(first, (plot.cursor.idx ?? first - by) + by));
  const values = plot.series.slice(1).map((s, i) => plot.data[i + 1][next]).filter(v => v != null);
  plot.setCursor({left: plot.valToPos(steps[next], 'x'), top: values.length ? plot.valToPos(values[0], 'y') : 1});
}

function zoom(plot, factor) {
  const {min, max} = plot.scales.x, steps = plot.data[0];
  const middle = plot.cursor.idx != null ? steps[plot.cursor.idx] : (min + max) / 2;
  plot.setScale('x', {min: Math.max(steps[0], middle - (middle - min) * factor),
    max: Math.min(steps.at(-1), middle + (max - middle) * factor)});
}

const showAll = plot => plot.setScale('x', {min: plot.data[0][0], max: plot.data[0].at(-1)});

const keys = {
  ArrowLeft: plot => moveCursor(plot, -1),
  ArrowRight: plot => moveCursor(plot, 1),
  '+': plot => zoom(plot, 0.5),
  '-': plot => zoom(plot, 2),
  0: showAll,
};

// The rows of the legend are switches.
function makeSwitches(plot) {
  plot.root.querySelectorAll('.u-legend .u-series').forEach((row, i) => {
    if (i === 0) return;
    const name = row.querySelector('th');
    name.tabIndex = 0;
    name.setAttribute('role', 'button');
    const say = () => name.setAttribute('aria-pressed', !row.classList.contains('u-off'));
    name.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); name.click(); }
    });
    name.addEventListener('click', () => setTimeout(say));
    say();
  });
}

const plots = {}; // by the figure's id

function drawLines(figure, box) {
  const chart = element('div', {className: 'chart', tabIndex: 0, role: 'img', id: `chart-${figure.id}`,
    'aria-label': `${figure.title}: ${figure.series.map(s => {
      const values = data.arrays[s.y];
      return `${s.name} from ${short(values[0])} to ${short(values.at(-1))}`;
    }).join(', ')}. Arrow keys read points; the numbers follow as a table.`});
  const log = element('button', {type: 'button'}, 'log');
  const isLog = () => kept.log[figure.id] ?? figure.log;
  const draw = () => {
    const old = plots[figure.id];
    const shown = old?.series.slice(1).map(s => s.show);
    old?.destroy();
    log.setAttribute('aria-pressed', isLog());
    const options = {
      width: chart.clientWidth, height: Math.max(240, Math.min(340, chart.clientWidth * 0.55)),
      scales: {x: {time: false}, y: {distr: isLog() ? 3 : 1}},
      cursor: {drag: {x: true, y: false}, sync: {key: figure.x}, focus: {prox: 24}},
      focus: {alpha: 0.35},
      legend: {live: true},
      axes: [{...axis(figure.x, 70), size: 34, labelSize: 18}, {...axis(figure.y, 34), size: 60}],
      series: [{label: figure.x, value: (plot, value) => value === null ? '–' : String(value)},
        ...figure.series.map((s, i) => ({...seriesOf(s), show: shown?.[i] ?? true}))],
      hooks: {
        draw: [drawMarks(figure)],
        setScale: [(plot, key) => {
          if (key !== 'x' || !plot.data[0].length) return;
          const {min, max} = plot.scales.x;
          const whole = min <= plot.data[0][0] && max >= plot.data[0].at(-1);
          if (whole) delete kept.zoom[figure.id];
          else kept.zoom[figure.id] = [min, max];
          keep();
        }],
      },
    };
    const range = kept.zoom[figure.id];
    plots[figure.id] = new uPlot(options, pointsOf(figure, isLog(), kept.smoothing), chart);
    if (range) plots[figure.id].setScale('x', {min: range[0], max: range[1]});
    makeSwitches(plots[figure.id]);
  };
  log.title = 'logarithmic axis';
  log.addEventListener('click', () => { kept.log[figure.id] = !isLog(); keep(); draw(); });
  chart.addEventListener('keydown', event => {
    if (event.target !== chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(plots[figure.id]); }
  });
  box.querySelector('.tools').append(log);
  addButtons(box, {'+': () => zoom(plots[figure.id], 0.5), '-': () => zoom(plots[figure.id], 2), 0: () => showAll(plots[figure.id])});
  box.append(chart, numbers(() => linesTable(figure)));
  redraws.push(draw);
  new ResizeObserver(() => {
    if (plots[figure.id] && plots[figure.id].width !== chart.clientWidth) draw();
  }).observe(chart);
  return draw;
}
