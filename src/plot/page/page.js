// The page itself: a section a figure, the links to them, theme, smoothing, and the next load.

const drawers = {lines: drawLines, bars: drawBars, table: drawTable, heat: drawHeat, images: drawImages, plane: drawPlane,
  graph: drawGraph};
const wide = figure => ['table', 'bars', 'images'].includes(figure.kind) || figure.id === 'loss';

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  // Classes of drawings: lines s0, s1 ..., areas f0, f1 ...
  document.getElementById('palette').textContent =
    data.palette[name].map((c, i) => `.s${i} { stroke: ${c} } .f${i} { fill: ${c} }`).join(' ');
  const button = document.getElementById('theme');
  button.textContent = name === 'dark' ? 'Light' : 'Dark';
  button.setAttribute('aria-label', `Switch to ${name === 'dark' ? 'light' : 'dark'} colours`);
}

function startTheme() {
  const wanted = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => { if (!kept.theme) { setTheme(wanted.matches ? 'dark' : 'light'); redraw(); } };
  setTheme(kept.theme ?? (wanted.matches ? 'dark' : 'light'));
  wanted.addEventListener('change', follow);
  document.getElementById('theme').addEventListener('click', () => {
    kept.theme = theme() === 'dark' ? 'light' : 'dark';
    keep();
    setTheme(kept.theme);
    redraw();
  });
}

function startSmoothing() {
  const slider = document.getElementById('smoothing'), shown = slider.nextElementSibling;
  const show = () => { shown.textContent = kept.smoothing; };
  slider.value = kept.smoothing;
  show();
  slider.addEventListener('input', () => { kept.smoothing = +slider.value; keep(); show(); redraw(); });
}

// A figure that cannot be drawn says so in its place; the others are drawn.
function guard(draw, box) {
  try {
    const later = draw();
    return later && (() => guard(later, box));
  } catch (error) {
    box.append(element('p', {className: 'about'}, `This figure cannot be drawn: ${error.message}`));
  }
}

function addFigure(figure) {
  const box = element('section', {id: figure.id, className: wide(figure) ? 'wide' : '', 'aria-labelledby': `title-${figure.id}`},
    element('div', {className: 'head'}, element('h2', {id: `title-${figure.id}`}, figure.title),
      element('div', {className: 'tools'})),
    element('p', {className: 'about'}, figure.about));
  document.querySelector('main').append(box);
  document.querySelector('nav').append(element('a', {href: `#${figure.id}`}, figure.title));
  return guard(() => drawers[figure.kind](figure, box), box);
}

// A page that follows a run loads itself again where it stands; what is looked at stays.
function startRefresh() {
  if (!data.refresh) return;
  document.getElementById('state').textContent = 'The run goes on; this page follows it.';
  const again = () => {
    if (document.querySelector('details[open]')) return setTimeout(again, 1000);
    kept.scroll = scrollY;
    keep();
    location.reload();
  };
  setTimeout(again, data.refresh * 1000);
}

function start() {
  document.title = `${data.title} – nnmpi`;
  document.querySelector('h1').textContent = data.title;
  startTheme();
  startSmoothing();
  // All sections stand before the first is drawn: their widths are the last ones then.
  [...data.figures].sort((a, b) => (a.id === 'configuration') - (b.id === 'configuration')).map(addFigure).forEach(draw => draw?.());
  if (kept.scroll) scrollTo({top: kept.scroll, behavior: 'instant'});
  startRefresh();
}

start();
