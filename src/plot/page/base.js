// What all figures share: the data, colours, elements, numbers, and what a reload keeps.
'use strict';

const data = JSON.parse(document.getElementById('data').textContent);

const theme = () => document.documentElement.dataset.theme;
const colour = i => data.palette[theme()][i % data.palette.light.length];
const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// element('td', {className: 'number'}, 'text', child, ...)
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes('-') || key === 'role') made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

// As short as tells it: 0.0613, 66.1k, 1.2e-7.
function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (value === 0 || Number.isInteger(value) && size < 1e5) return String(value);
  if (size >= 1e9 || size < 1e-3) return (+value.toPrecision(3)).toExponential().replace('e+', 'e');
  if (size >= 1e6) return +(value / 1e6).toPrecision(3) + 'M';
  if (size >= 1e4) return +(value / 1e3).toPrecision(3) + 'k';
  return String(+value.toPrecision(4));
}

// What the reader has set lives in the history entry, which outlives a reload of a file, too.
const kept = Object.assign({zoom: {}, log: {}, smoothing: 0, theme: null}, history.state);
const keep = () => history.replaceState(kept, '');

// Functions that draw once more when theme or smoothing changes.
const redraws = [];
const redraw = () => redraws.forEach(draw => {
  try { draw(); } catch (error) { console.error(error); } // the others go on
});

// A table of a figure: rows of texts or numbers, the first cell of each a name.
function table(columns, rows) {
  const head = element('tr', {}, ...columns.map(name => element('th', {scope: 'col'}, name)));
  const body = rows.map(row => element('tr', {}, ...row.map((cell, i) =>
    i === 0 ? element('th', {scope: 'row'}, String(cell))
      : element('td', {className: typeof cell === 'number' ? 'number' : ''}, cell === null ? '' : String(cell)))));
  return element('table', {}, element('thead', {}, head), element('tbody', {}, ...body));
}

// A part that is scrolled, also by keyboard, and that has a name.
function region(className, label, ...children) {
  return element('div', {className, tabIndex: 0, role: 'region', 'aria-label': label}, ...children);
}

// Zoom of what is no canvas: larger within a window that is moved as any other, by wheel, finger, arrow keys or bar.
// Buttons, the keys +, - and 0, and a double-click at a place. `within` is a child of the window.
function addZoom(figure, box, within) {
  const view = within.parentElement;
  const set = (factor, x = view.clientWidth / 2, y = view.clientHeight / 2) => {
    const before = kept.zoom[figure.id] ?? 1;
    const after = factor === null ? 1 : Math.min(8, Math.max(1, before * factor));
    const moved = after / before;
    kept.zoom[figure.id] = after;
    keep();
    view.style.setProperty('--zoom', after);
    view.classList.toggle('zoomed', after > 1);
    view.scrollLeft = (view.scrollLeft + x) * moved - x;
    view.scrollTop = (view.scrollTop + y) * moved - y;
  };
  const acts = {'+': () => set(1.5), '-': () => set(1 / 1.5), 0: () => set(null)};
  view.addEventListener('keydown', event => {
    const act = acts[event.key];
    if (!act || event.target !== view || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  view.addEventListener('dblclick', event => {
    const place = view.getBoundingClientRect();
    set((kept.zoom[figure.id] ?? 1) > 1 ? null : 2, event.clientX - place.left, event.clientY - place.top);
  });
  addButtons(box, acts);
  set(1);
}

// Buttons for what keys do: for mouse and finger.
function addButtons(box, acts) {
  const names = {'+': ['+', 'larger'], '-': ['\u2212', 'smaller'], 0: ['all', 'show all']};
  const made = ['+', '-', 0].map(key => {
    const button = element('button', {type: 'button', title: names[key][1], 'aria-label': names[key][1]}, names[key][0]);
    button.addEventListener('click', () => acts[key]());
    return button;
  });
  box.querySelector('.tools').append(...made);
}

// What a figure shows as a table, made when it is opened.
function numbers(make) {
  const box = region('scroll', 'numbers');
  const details = element('details', {}, element('summary', {}, 'Numbers'), box);
  details.addEventListener('toggle', () => { if (details.open && !box.firstChild) box.append(make()); });
  return details;
}
