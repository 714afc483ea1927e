#!/usr/bin/env bash
# What `nnmpi plot` writes is what metrics.jsonl says: in the page, in tables, in pictures; and small.
# timeout: 120
. "$SOURCE_DIR/tests/lib.sh"

"$NNMPI" train -q --run run -o train.epochs=6 -o train.log_every=1 -o train.report=gradients \
    -o 'validate.metrics=[accuracy, confusion]' >out
"$NNMPI" train -q --run '<!--<b>' -o train.epochs=4 -o train.lr=0.02 >out
"$NNMPI" plot run '<!--<b>' -O two.html --svg --csv 2>err
"$NNMPI" plot run -q
[ -s plot.html ] || fail "no plot.html"

# A long run: of 100,000 lines those with peaks stay.
mkdir long
cp run/config.yaml long
awk 'BEGIN { for (i = 1; i <= 100000; i++) printf "{\"event\":\"train\",\"step\":%d,\"epoch\":0,\"loss\":%.9g," \
    "\"lr\":0.1,\"samples_per_s\":%d,\"data_s\":1e-6,\"forward_s\":2e-6}\n", i, \
    i == 77777 ? 42 : 1 / i + (i * 7919 % 1000) / 1e5, i == 33333 ? 5 : 1e6 + i }' >long/metrics.jsonl
printf '{"event":"train","step":100001,"lo' >>long/metrics.jsonl # under way
"$NNMPI" plot long -O long.html -q

# Bars are of all lines, not of those that are drawn; every kind of line keeps its peaks; names that
# no file can have, and numbers that no axis can show.
mkdir odd tiny
cp run/config.yaml odd
cp run/config.yaml tiny
awk 'BEGIN { for (i = 1; i <= 10000; i++) {
    printf "{\"event\":\"train\",\"step\":%d,\"loss\":%.9g,\"backward_s\":%g,\"slowest\":{\"rank\":%d,\"factor\":2}}\n",
        i, 1 / i, i % 20 ? 0.001 : 0.1, i == 5000 ? 1048575 : 3
    printf "{\"event\":\"validate\",\"step\":%d,\"loss\":%g,\"accuracy\":%g,\"f1/macro\":1,\"f1-macro\":1,\"../up\":1,\"lr\":1}\n",
        i, i == 7777 ? 0.5 : 1 + i % 7, i == 4444 ? 1 : i % 9 / 10
    printf "{\"event\":\"checkpoint\",\"step\":%d,\"wait_s\":%g,\"write_s\":1}\n", i, i == 3333 ? 60 : 1 + i % 3 } }' \
    >odd/metrics.jsonl
"$NNMPI" plot odd -O odd.html --svg --samples 0 -q
printf '{"event":"train","step":%d,"loss":%s}\n' 1 0 2 5e-324 >tiny/metrics.jsonl
timeout 20 "$NNMPI" plot tiny -O tiny.html --svg --samples 0 -q || fail "no figure of the smallest numbers"

# Two lines of weights at a step, what a number cannot be or is too large for an axis, and no times: no NaN anywhere.
mkdir hard
cp run/config.yaml hard
cat >hard/metrics.jsonl <<'JSON'
{"event":"train","step":1,"loss":1.7e308}
{"event":"train","step":2,"loss":-1.7e308}
{"event":"weights","step":2,"tensors":{"a/w":{"least":0,"most":1},"b/w":{"least":-1.7e308,"most":1.7e308}},"counts":[[1,2],[3,4]]}
{"event":"weights","step":2,"tensors":{"a/w":{"least":0,"most":1},"b/w":{"least":-1.7e308,"most":1.7e308}},"counts":[[1,2],[3,4]]}
{"event":"validate","step":2,"loss":2,"confusion":[[1,null],[3,4]]}
JSON
"$NNMPI" plot hard -O hard.html --svg --samples 0 -q
"$NNMPI" plot hard run -O beside.html --svg --samples 0 -q
[ ! -e hard-phases.svg ] || fail "times are drawn that nobody has measured"
expect_line '>–<' beside-phases.svg
for file in hard-*.svg beside-*.svg; do
    expect_no_line '[^a-z](nan|inf)[^a-z]' "$file"
done

# log.report: the page is there, and final.
"$NNMPI" train -q --run watched -o train.epochs=6 -o train.log_every=1 -o log.report=true >out
[ -z "$(find watched -name '*.tmp')" ] || fail "something is left"

cat >check.py <<'PY'
import csv, json, re, xml.dom.minidom

def page(path):
    text = open(path).read()
    assert len(text) < 2e6, f"{path} has {len(text)} bytes"
    assert not re.search(r'<(link|script|img|iframe)[^>]*(src|href)="(?!data:)', text), "it loads something"
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(data)

def curves(data, figure):
    (found,) = [f for f in data["figures"] if f["id"] == figure]
    return {s["name"]: dict(zip(data["arrays"][s["x"]], data["arrays"][s["y"]])) for s in found["series"]}

def lines(run, event, key):
    every = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
    return {line["step"]: line[key] for line in every if line["event"] == event}

one = page("plot.html")
assert curves(one, "loss") == {"train": lines("run", "train", "loss"), "validation": lines("run", "validate", "loss")}
assert curves(one, "accuracy") == {"validation": lines("run", "validate", "accuracy")}
assert curves(one, "lr")["learning rate"] == lines("run", "train", "lr")
delta = lines("run", "train", "delta")
assert curves(one, "gradients") == {n: {s: d[n] for s, d in delta.items()} for n in next(iter(delta.values()))}
(heat,) = [f for f in one["figures"] if f["kind"] == "heat"]
end = json.loads(open("run/metrics.jsonl").read().splitlines()[-1])
assert heat["values"] == sum(end["confusion"], []), heat
(loss,) = [f for f in one["figures"] if f["id"] == "loss"]
assert end["best_step"] in [m["x"] for m in loss["marks"]], loss["marks"]

watched = page("watched/report.html")
assert watched["refresh"] == 0 and curves(watched, "loss")["train"] == lines("watched", "train", "loss")
(mistakes,) = [f for f in one["figures"] if f["id"] == "mistakes"]
wrong = sum(sum(row) for row in end["confusion"]) - sum(row[i] for i, row in enumerate(end["confusion"]))
assert len(mistakes["rows"]) == min(24, wrong), (len(mistakes["rows"]), end["confusion"])
assert all(c != p for c, p in zip(mistakes["cells"][0::4], mistakes["cells"][1::4]))
roc = curves(one, "roc")
assert len(roc) == 3 and all(0.5 < float(n.split()[-1].strip(")")) <= 1 for n in roc), roc.keys()

two = page("two.html")
other = "<!--<b>"
assert curves(two, "loss")[f"{other} train"] == lines(other, "train", "loss")
(differ,) = [f for f in two["figures"] if f["id"] == "differences"]
assert "train.log_every" in differ["rows"] and differ["columns"] == ["run", other], differ
rows = list(csv.reader(open("two-loss.csv")))
assert rows[0] == ["series", "step", "loss"], rows[0]
read = {float(x): float(y) for name, x, y in rows[1:] if name == "run train"}
assert read == lines("run", "train", "loss")
svg = xml.dom.minidom.parse("two-loss.svg")
assert len(svg.getElementsByTagName("path")) > 4

(long,) = curves(page("long.html"), "loss").values()
assert 500 < len(long) < 4000 and long[77777] == 42 and 100000 in long, len(long)
assert curves(page("long.html"), "throughput")["samples/s"][33333] == 5

odd = page("odd.html")
figures = {f["id"]: f for f in odd["figures"]}
means = {s["name"]: odd["arrays"][s["y"]][0] for s in figures["phases"]["series"]}
assert abs(means["backward"] - 5.95) < 1e-9, means
slowest = figures["slowest-rank"]
assert slowest["rows"] == ["rank 3", "rank 1048575"], slowest["rows"]
assert odd["arrays"][slowest["series"][0]["y"]] == [9999, 1], slowest
assert curves(odd, "accuracy")["validation"][4444] == 1
assert [m["x"] for m in figures["loss"]["marks"]] == [7777], figures["loss"]["marks"]
waited = curves(odd, "checkpoints")["training waited"]
assert 500 < len(waited) < 4000 and waited[3333] == 60, len(waited)
metrics = {"metric-f1-macro", "metric-f1-macro-2", "metric----up", "metric-lr", "lr"} & figures.keys()
assert metrics == {"metric-f1-macro", "metric-f1-macro-2", "metric----up", "metric-lr"}, figures.keys()
for name in metrics:
    xml.dom.minidom.parse(f"odd-{name}.svg")
PY
python3 check.py || fail "the page is not what the run was"

# What cannot be evaluated is drawn all the same.
cp -r run bare
rm bare/*.h5
"$NNMPI" plot bare -O bare.html 2>err
expect_line "bare: no figures of its predictions" err
[ -s bare.html ] || fail "no page without a checkpoint"

# Errors say what would be right.
mkdir empty
expect_code 2 "$NNMPI" plot empty 2>err
expect_line "'empty' is no run folder" err
expect_code 2 "$NNMPI" plot nothing 2>err
expect_line "'nothing' is no folder" err
expect_code 2 "$NNMPI" plot 2>err
cp -r run broken
printf '{"event":"train","step":x}\n' >>broken/metrics.jsonl
expect_code 3 "$NNMPI" plot broken 2>err
expect_line 'broken/metrics.jsonl: byte [0-9]+: a number should be here' err
printf '{"event":"train","delta":{"a":1,"b":2}}\n' >hard/metrics.jsonl
expect_code 3 "$NNMPI" plot hard 2>err
expect_line "hard/metrics.jsonl: byte [0-9]+: a line of 'train' wants the key 'step'" err
PATH=/nowhere expect_code 2 "$NNMPI" plot run --png 2>err
expect_line 'librsvg2-bin' err
if command -v rsvg-convert >/dev/null; then
    "$NNMPI" plot run --png -q
    [ "$(head -c 4 plot-loss.png | tail -c 3)" = PNG ] || fail "no PNG"
fi
