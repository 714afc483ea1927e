// Tables, bars and matrices, which are elements of the page and need no canvas.

function drawTable(figure, box) {
  const rows = figure.rows.map((name, i) =>
    [name, ...figure.columns.map((_, j) => figure.cells[i * figure.columns.length + j])]);
  if (figure.id === 'summary' && figure.columns.length === 1) return drawTiles(rows, box);
  const scroll = region('scroll', figure.title, table(['', ...figure.columns], rows));
  if (figure.id !== 'configuration') return void box.append(scroll);
  box.append(element('details', {}, element('summary', {}, `${rows.length} keys`), scroll));
}

// The summary of one run: large numbers side by side.
function drawTiles(rows, box) {
  box.classList.add('bare');
  box.querySelector('.head').remove();
  box.querySelector('.about').remove();
  box.append(element('dl', {className: 'tiles'}, ...rows.map(([name, value]) =>
    element('div', {className: value.length > 24 ? 'long' : ''}, element('dt', {}, name), element('dd', {}, value)))));
}

function drawBars(figure, box) {
  const sums = figure.rows.map((_, i) => { // null: none of its numbers is known
    const known = figure.series.map(s => data.arrays[s.y][i]).filter(value => value !== null);
    return known.length ? known.reduce((a, b) => a + b) : null;
  });
  const said = i => sums[i] === null ? short(null) : `${short(+sums[i].toPrecision(4))} ${figure.x}`;
  const most = sums.reduce((a, b) => Math.max(a, b), 0);
  const bars = element('div', {className: 'bars', role: 'img', 'aria-label':
    `${figure.title}: ${figure.rows.map((row, i) => `${row} ${said(i)}`).join(', ')}`});
  const key = element('ul', {className: 'key'});
  const paint = () => {
    bars.replaceChildren(...figure.rows.flatMap((row, i) => [
      element('span', {}, row),
      element('div', {className: 'bar'}, ...figure.series.map(s => {
        const value = data.arrays[s.y][i];
        const part = element('span', {title: `${s.name}: ${short(value)} ${figure.x}`});
        part.style.width = `${most ? value / most * 100 : 0}%`;
        part.style.background = colour(s.color);
        return part;
      })),
      element('b', {}, said(i))]));
    key.replaceChildren(...figure.series.map(s => {
      const spot = element('i');
      spot.style.background = colour(s.color);
      return element('li', {}, spot, s.name);
    }));
  };
  redraws.push(paint);
  paint();
  if (figure.series.length > 1) box.append(key);
  box.append(bars, numbers(() => table(['', ...figure.series.map(s => `${s.name} (${figure.x})`)],
    figure.rows.map((row, i) => [row, ...figure.series.map(s => data.arrays[s.y][i])]))));
}

// A matrix: the darker, the more; of each row, so that rare classes are seen as well.
function drawHeat(figure, box) {
  const columns = figure.columns.length;
  const made = element('table', {className: 'heat'},
    element('caption', {}, `rows: ${figure.y}, columns: ${figure.x}`),
    element('thead', {}, element('tr', {}, element('td'),
      ...figure.columns.map(name => element('th', {scope: 'col', title: name}, name)))),
    element('tbody', {}, ...figure.rows.map((name, i) => {
      const values = figure.values.slice(i * columns, (i + 1) * columns);
      const sum = values.reduce((a, b) => a + b, 0);
      return element('tr', {}, element('th', {scope: 'row', title: name}, name), ...values.map((value, j) => {
        const share = sum ? value / sum : 0;
        const cell = element('td', {title: `${name} as ${figure.columns[j]}: ${value ?? '–'} (${(share * 100).toFixed(1)} %)`},
          columns <= 20 && value ? short(value) : '');
        cell.style.background = `rgba(${style('--high')}, ${share ? 0.06 + 0.94 * share : 0.03})`;
        cell.style.setProperty('--share', share);
        cell.className = share > 0.5 ? 'full' : '';
        return cell;
      }));
    })));
  const paint = () => made.querySelectorAll('td').forEach(cell => {
    const share = +cell.style.getPropertyValue('--share');
    if (!cell.title) return;
    cell.style.background = `rgba(${style('--high')}, ${share ? 0.06 + 0.94 * share : 0.03})`;
    cell.style.color = share > 0.5 ? style('--card') : '';
  });
  redraws.push(paint);
  paint();
  box.append(region('drawing', figure.title, made));
  addZoom(figure, box, made);
}

// Small pictures with what the other columns say about them.
function drawImages(figure, box) {
  const columns = figure.columns.length;
  const made = element('div', {className: 'images'}, ...figure.rows.map((name, i) => {
    const cells = figure.cells.slice(i * columns, (i + 1) * columns);
    const said = figure.columns.slice(0, -1).map((column, j) => `${column} ${cells[j]}`).join(', ');
    return element('figure', {title: `${name}: ${said}`}, element('img', {src: cells[columns - 1], alt: `${name}: ${said}`}),
      element('figcaption', {}, `${cells[0]} `, element('span', {}, columns > 2 ? `taken for ${cells[1]}` : '')));
  }));
  box.append(region('drawing', figure.title, made));
  addZoom(figure, box, made);
}

// A picture that the program has drawn, in the classes of page.css.
function addDrawing(figure, box, said) {
  const drawing = region(`drawing ${figure.kind}`, figure.title);
  drawing.innerHTML = figure.svg;
  const svg = drawing.querySelector('svg');
  svg.setAttribute('aria-label', `${figure.title}: ${said}`);
  if (figure.kind === 'graph') {
    const width = svg.getAttribute('width');
    svg.style.width = `calc(${width}px * var(--zoom))`;
    svg.style.minWidth = `${width * 0.75}px`; // else too small to read
  }
  box.append(drawing);
  addZoom(figure, box, svg);
}

// Below a plane: the place that the pointer is at, and what its grid has there, of regions with the class.
function addReading(figure, box) {
  const {rows, columns, x, y, values, colors} = figure.grid, view = box.querySelector('.drawing');
  const svg = view.querySelector('svg'), area = svg.querySelector('svg'); // within the axes
  const said = element('output', {className: 'reading'});
  const sure = values.some(value => value !== values[0]); // else its outputs are no likelihoods
  const share = (at, from, length) => (at - from.baseVal.value) / length.baseVal.value;
  const read = event => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const across = share(at.x, area.x, area.width), up = 1 - share(at.y, area.y, area.height);
    if (across < 0 || across >= 1 || up < 0 || up >= 1) return void (said.textContent = '');
    const cell = Math.floor(up * rows) * columns + Math.floor(across * columns);
    const region = figure.series.find(s => s.color === colors[cell])?.name;
    const place = (ends, share) => short(+(ends[0] + (ends[1] - ends[0]) * share).toPrecision(4));
    const what = region === undefined ? short(values[cell]) : `class ${region}${sure ? ` (${short(values[cell])})` : ''}`;
    said.textContent = `${figure.x} ${place(x, across)}, ${figure.y} ${place(y, up)}: ${what}`;
  };
  view.addEventListener('pointermove', read);
  view.addEventListener('pointerdown', read); // by finger
  view.addEventListener('pointerleave', () => { said.textContent = ''; });
  box.append(said);
}

function drawPlane(figure, box) {
  addDrawing(figure, box, `${figure.series.map(s => `${s.name}, ${data.arrays[s.y].length} points`).join('; ')}. The numbers follow as a table.`);
  if (figure.grid) addReading(figure, box);
  box.append(numbers(() => table(['', figure.x, figure.y], figure.series.flatMap(s =>
    data.arrays[s.x].map((x, i) => [s.name, x, data.arrays[s.y][i]])))));
}

// The table says which boxes lead to a box, for who does not see the lines.
function drawGraph(figure, box) {
  addDrawing(figure, box, `${figure.rows.length} layers, as the table below has them.`);
  const columns = figure.columns.length;
  const rows = figure.rows.map((name, i) => [name, ...figure.cells.slice(i * columns, (i + 1) * columns)]);
  box.append(element('details', {}, element('summary', {}, `${rows.length} layers as a table`),
    region('scroll', figure.title, table(['', ...figure.columns], rows))));
}
