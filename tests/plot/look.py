"""Opens one.html and two.html, which browser.sh has made of the runs `run` and `other`."""
import json

from browser import Browser

lines = [json.loads(line) for line in open("run/metrics.jsonl")]
loss = {line["step"]: line["loss"] for line in lines if line["event"] == "train"}


def legend(b):
    return b.run("[...document.querySelectorAll('#loss .u-legend .u-value')].map(e => e.textContent)")


def range_of(b):
    return b.run("[plots.loss.scales.x.min, plots.loss.scales.x.max]")


def is_drawn(b, figure):
    """Some pixel of its canvas has a colour."""
    return b.run(f"""(() => {{
        const canvas = document.querySelector('#{figure} canvas');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return pixels.some((v, i) => i % 4 < 2 && pixels[i - i % 4 + 3] > 200 && Math.abs(v - pixels[i + 1]) > 60);
    }})()""")


def look_at_drawings(b, width, dark):
    """Those of SVG are as wide as the screen lets them be, can be read, and have the page's colours."""
    b.open("drawn.html", width, 900, dark)
    for figure in ("boundary", "model", "weights-a-weight"):
        box, words, ink = b.run(f"""(() => {{
            const svg = document.querySelector('#{figure} svg'), text = svg.querySelector('text');
            return [svg.getBoundingClientRect().width, parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a,
                getComputedStyle(text).fill];
        }})()""")
        assert box > 200 and words > 8.5, (figure, width, box, words)
        assert sum(map(int, ink[4:-1].split(", "))) > 380 if dark else sum(map(int, ink[4:-1].split(", "))) < 380, ink
    assert b.run("document.documentElement.scrollWidth") <= width, "wider than the screen"
    fill = b.run("getComputedStyle(document.querySelector('#boundary .s1')).stroke")
    wanted = b.run("data.palette[theme()][1]")
    assert fill == f"rgb({', '.join(str(int(wanted[i:i + 2], 16)) for i in (1, 3, 5))})", (fill, wanted)
    b.run("document.querySelector('#model details').open = true")
    rows = b.run("[...document.querySelectorAll('#model tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    assert [r[0] for r in rows] == ["input", "a", "a_tanh", "b", "add1", "dense3"] and rows[4][5] == "a, b", rows


def look(b, width, dark):
    look_at_drawings(b, width, dark)
    b.open("one.html", width, 900, dark)
    assert b.run("theme()") == ("dark" if dark else "light")
    assert b.run("document.documentElement.scrollWidth") <= width, "wider than the screen"
    for figure in b.run("data.figures.filter(f => f.kind === 'lines').map(f => f.id)"):
        assert is_drawn(b, figure), f"{figure} is empty"
    assert b.run("[...document.querySelectorAll('button, input, [tabindex]')].every(e => e.textContent || e.ariaLabel || e.labels?.length)")


def read_point(b, x, y, step):
    """The legend tells the loss of the step that the cursor is at."""
    b.run("new Promise(done => requestAnimationFrame(done))")
    shown = legend(b)
    assert shown[0] == str(step), shown
    assert shown[1] == b.run(f"short({loss[step]!r})"), (shown, loss[step])


def use(b):
    b.open("one.html")
    box = b.run("""(() => { const r = document.querySelector('#loss .u-over').getBoundingClientRect();
        return [r.left, r.top, r.width, r.height]; })()""")
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    b.mouse("mouseMoved", x, y)
    read_point(b, x, y, b.run("plots.loss.data[0][plots.loss.cursor.idx]"))

    whole = range_of(b)
    b.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    for part in (20, 60, 120):
        b.mouse("mouseMoved", x + part, y, button="left", buttons=1)
    b.mouse("mouseReleased", x + 120, y, button="left", clickCount=1)
    zoomed = range_of(b)
    assert zoomed[1] - zoomed[0] < (whole[1] - whole[0]) / 2, (whole, zoomed)
    b.call("Page.reload")
    b.run("new Promise(done => setTimeout(done, 500))")
    assert range_of(b) == zoomed, "a reload forgets the zoom"

    b.run("document.getElementById('chart-loss').focus()")
    b.key("0")
    assert range_of(b) == whole, "the key 0 shows all"
    b.key("ArrowRight")
    first = b.run("plots.loss.data[0][plots.loss.cursor.idx]")
    b.key("ArrowRight")
    read_point(b, x, y, b.run("plots.loss.data[0][plots.loss.cursor.idx]"))
    assert b.run("plots.loss.data[0][plots.loss.cursor.idx]") > first

    b.run("document.querySelector('#loss .tools button').click()")
    assert b.run("plots.loss.scales.y.distr") == 3, "no logarithmic axis"
    before = b.run("plots.loss.data[1].slice()")
    b.run("""(() => { const s = document.getElementById('smoothing'); s.value = 0.9;
        s.dispatchEvent(new Event('input')); })()""")
    assert b.run("plots.loss.data[1].slice()") != before, "nothing is smoothed"
    b.run("document.getElementById('theme').click()")
    assert b.run("theme()") == "dark"
    b.run("document.querySelector('#loss details').open = true")
    b.run("new Promise(done => setTimeout(done, 100))")
    rows = b.run("[...document.querySelectorAll('#loss details tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    assert {int(r[0]): float(r[1]) for r in rows if r[1]} == loss, "the table is not metrics.jsonl"


def enlarge(b):
    """What is no canvas: by button, key and double-click, moved within its window, kept by a reload."""
    b.open("drawn.html")
    for figure, inner in (("boundary", "svg"), ("model", "svg"), ("confusion", "table")):
        view = f"document.querySelector('#{figure} .drawing')"
        width = lambda: b.run(f"{view}.querySelector('{inner}').getBoundingClientRect().width")
        whole = width()
        b.run(f"document.querySelector('#{figure} .tools [title=larger]').click()")
        assert abs(width() / whole - 1.5) < 0.01, (figure, whole, width())
        b.run(f"{view}.focus()")
        b.key("+")
        assert abs(width() / whole - 2.25) < 0.02, (figure, whole, width())
        assert b.run(f"{view}.scrollLeft") > 0 or figure == "model", figure
        b.key("0")
        assert abs(width() - whole) < 1, (figure, whole, width())
        b.run(f"{view}.dispatchEvent(new MouseEvent('dblclick', {{clientX: 9, clientY: 9}}))")
        assert abs(width() / whole - 2) < 0.02, (figure, whole, width())
    b.call("Page.reload")
    b.run("new Promise(done => setTimeout(done, 500))")
    assert abs(width() / whole - 2) < 0.02, "a reload forgets the zoom"


def point_at_plane(b):
    """Below the boundary stands what the model says where the pointer is, as the grid has it there."""
    b.open("drawn.html")
    b.run("document.querySelector('#boundary [title=\"show all\"]').click()")  # the zoom of before
    b.run("document.querySelector('#boundary svg').scrollIntoView({behavior: 'instant', block: 'center'})")
    left, top, width, height = b.run("""(() => {
        const svg = document.querySelector('#boundary svg'), area = svg.querySelector('svg'), m = svg.getScreenCTM();
        const [x, y, w, h] = ['x', 'y', 'width', 'height'].map(key => area[key].baseVal.value);
        return [m.a * x + m.e, m.d * y + m.f, m.a * w, m.d * h];
    })()""")
    grid, names = b.run("(f => [f.grid, f.series.map(s => s.name)])(data.figures.find(f => f.id === 'boundary'))")
    said = lambda: b.run("document.querySelector('#boundary output').textContent")
    for across, up in ((0.203, 0.107), (0.604, 0.806)):
        b.mouse("mouseMoved", left + across * width, top + (1 - up) * height)
        cell = int(up * grid["rows"]) * grid["columns"] + int(across * grid["columns"])
        value = b.run(f"short({grid['values'][cell]!r})")
        assert said().endswith(f": class {names[grid['colors'][cell]]} ({value})"), (said(), grid["values"][cell])
        x = grid["x"][0] + across * (grid["x"][1] - grid["x"][0])
        assert abs(float(said().split(", ")[0].split()[-1]) - x) < 0.02 * (grid["x"][1] - grid["x"][0]), (said(), x)
    b.mouse("mouseMoved", left - 20, top + 9)
    assert said() == "", said()
    assert 0.5 <= min(v for v in grid["values"] if v is not None) <= max(grid["values"]) <= 1


with Browser() as b:
    for width in (1280, 360):
        for dark in (False, True):
            look(b, width, dark)
    use(b)
    enlarge(b)
    point_at_plane(b)
    b.open("two.html")
    assert len(b.run("plots.loss.series.map(s => s.label)")) == 5
    assert not b.errors, b.errors
    assert all(url.startswith(("file:", "data:")) for url in b.requests), b.requests
