#!/usr/bin/env bash
# Parameters from tables in YAML and HDF5 (init: {from, layout}): the worked example's net gives the numbers it
# should, a neuron learns from where it should, and units with given weights are gates.
. "$SOURCE_DIR/tests/lib.sh"

# checkpoint CONFIG RUN ARGUMENT...: of the initial parameters
checkpoint() { "$NNMPI" train "$1" --run "$2" -o train.max_steps=0 "${@:3}" -q > out; }
# predicts RUN DATA TOLERANCE EXPECTED...: rows of outputs
predicts() {
    "$NNMPI" predict "$1/last.h5" --data "$2" -O y.csv -q
    python3 - "$3" "${@:4}" <<'PY'
import csv, sys
rows = [[float(v) for k, v in r.items() if k.startswith("y")] for r in csv.DictReader(open("y.csv"))]
got, want = [v for r in rows for v in r], [float(v) for v in sys.argv[2:]]
assert len(got) == len(want), (got, want)
for g, w in zip(got, want):
    assert abs(g - w) <= float(sys.argv[1]) * max(abs(w), 1e-3), (g, w)
PY
}
# samples NAME ROW...: a data set of these rows; its classes mean nothing
samples() {
    python3 - "${@:2}" > "$1.csv" <<'PY'
import sys
print(",".join(f"x{i}" for i in range(len(sys.argv[1].split(",")))) + ",k")
for i, row in enumerate(sys.argv[1:]):
    print(f"{row},c{i % 2}")
PY
    "$NNMPI" data import csv "$1.csv" --label k -O "$1.h5" -q
}

# ---- the worked example of Iris, a net 4-6-3
cat > iris.yaml <<'YAML'
hidden:
  weight:
    - [-0.92051142, -0.26299602, -1.31182587, -0.01975909, -0.59453297, -1.11046791]
    - [-0.28832591, -1.20107734, -0.9193843, 2.20059323, -1.76573455, -0.85953856]
    - [-2.33936191, 2.61448216, -0.70324481, -2.55568218, 2.42951894, -1.61432779]
    - [-2.24077463, 2.89018154, 0.49342883, -2.72368193, 4.8323493, 1.31086338]
  bias: [-2.00212002, -2.24461389, -0.26081288, 0.61751789, -11.42080021, -0.88119394]
output:
  weight:
    - [-0.47563726, -0.80865479, -1.70860052]
    - [-4.02558851, 4.80955172, 1.79265082]
    - [0.18003793, 0.4045147, 0.40952846]
    - [8.4482317, -6.87298441, -4.0685277]
    - [-2.96541858, -5.34733152, 11.1489048]
    - [0.08154635, 0.21151544, -0.45402744]
  bias: [0.90756476, 2.25174689, -2.58430076]
YAML
cat > net.yaml <<'YAML'
data:
  source: inline
  x: [[5, 3.5, 1.3, 0.3], [4.5, 2.3, 1.3, 0.3], [5.5, 2.6, 4.4, 1.2], [6.1, 3, 4.6, 1.4], [6.7, 3.1, 5.6, 2.4], [6.9, 3.1, 5.1, 2.3]]
  y: [0, 0, 1, 1, 2, 2]
model:
  - dense: {name: hidden, units: 6, activation: sigmoid}
  - dense: {name: output, units: 3}
loss: cross_entropy
init: {from: iris.yaml, layout: input_output}
train: {batch_size: all}
YAML
flowers=('5,3.5,1.3,.3' '4.5,2.3,1.3,.3' '5.5,2.6,4.4,1.2' '6.1,3,4.6,1.4' '6.7,3.1,5.6,2.4' '6.9,3.1,5.1,2.3')
probabilities=(9.99998450e-01 1.42261445e-06 1.62947060e-07 9.99949336e-01 4.81077950e-05 2.52183918e-06
    4.37718809e-05 9.98948872e-01 1.00730266e-03 4.63805227e-05 9.98428643e-01 1.52486726e-03
    8.70701982e-08 2.18645262e-04 9.99781311e-01 2.09509579e-07 6.10101502e-04 9.99389648e-01)
samples flowers "${flowers[@]}"
checkpoint net.yaml iris
predicts iris flowers.h5 2e-6 "${probabilities[@]}"

# the same from HDF5, as h5py writes it, and on more ranks
if /usr/bin/python3 -c 'import h5py, yaml' 2> /dev/null; then
    /usr/bin/python3 - <<'PY'
import h5py, yaml, numpy as np
with h5py.File("iris.h5", "w") as f:
    for layer, tables in yaml.safe_load(open("iris.yaml")).items():
        for name, table in tables.items():
            f[f"{layer}/{name}"] = np.array(table).T # as PyTorch has them
PY
    run_ranks 2 "$NNMPI" train net.yaml --run h5 -o train.max_steps=0 -o init.from=iris.h5 -o init.layout=output_input -q > out
    expect_same <("$NNMPI" digest iris/last.h5 | cut -c1-64) <("$NNMPI" digest h5/last.h5 | cut -c1-64)
    checkpoint net.yaml one -o init.from=iris.h5 -o init.layout=output_input -o 'init.layers=[output]'
fi

# ---- one neuron, one input, 300 steps from given weights
cat > neuron.yaml <<'YAML'
data: {source: inline, x: [[1]], y: [[0.0]]}
model: [dense: {name: n, units: 1, activation: sigmoid}]
loss: squared
init: {from: start.yaml}
train: {batch_size: 1, epochs: 300, lr: 0.15}
checkpoint: {every_epochs: 0}
YAML
samples lone 1
neuron() { # W B OUTPUT ARGUMENT...
    echo "{n: {weight: [[$1]], bias: [$2]}}" > start.yaml
    rm -rf neuron
    "$NNMPI" train neuron.yaml --run neuron "${@:4}" -q > out
    predicts neuron lone.h5 3e-6 "$3"
}
neuron 0.6 0.9 0.0939556949
neuron 2.0 2.0 0.2028484243
neuron 0.6 0.9 0.0116382090 -o loss=binary_cross_entropy
neuron 2.0 2.0 0.0120087415 -o loss=binary_cross_entropy

# ---- sigmoid units with w = (20, 20), b = -30 and b = -10 are AND and OR; so are steps
samples rows 0,0 0,1 1,0 1,1
cat > gate.yaml <<'YAML'
data: {source: inline, x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [[0.0], [0.0], [0.0], [1.0]]}
model: [dense: {name: unit, units: 1, activation: sigmoid}]
loss: squared
init: {from: gate-weights.yml}
train: {batch_size: all}
YAML
gate() { # RUN BIAS STEPS... OUTPUTS...
    echo "{unit: {weight: [[20, 20]], bias: [$2]}}" > gate-weights.yml
    checkpoint gate.yaml "$1"
    predicts "$1" rows.h5 1e-5 "${@:7}"
    checkpoint gate.yaml "$1-step" -o 'model.0.dense.activation=step'
    predicts "$1-step" rows.h5 0 "${@:3:4}"
}
gate and -30 0 0 0 1 9.3576e-14 4.5397869e-05 4.5397869e-05 0.99995460
gate or -10 0 1 1 1 4.5397869e-05 0.99995460 0.99995460 1

# ---- what does not fit
refuses() { # CODE REGEX ARGUMENT...
    local code=0
    "$NNMPI" train net.yaml --run no -o train.max_steps=0 "${@:3}" -q > out 2> err || code=$?
    [ "$code" -eq "$1" ] || fail "exit code $code, not $1: ${*:3}"
    expect_line "$2" err
    rm -rf no
}
refuses 2 "iris.yaml:3:5: the model wants a list of 6 here: the table is \[6, 4\]" -o init.layout=output_input
echo '{hidden: {weights: [[1]]}}' > a.yaml
refuses 2 "a.yaml:1:.*layer 'hidden' has no parameter 'weights'" -o init.from=a.yaml
echo '{hiden: {weight: [[1]]}}' > a.yaml
refuses 2 "a.yaml:1:.*the model has no layer 'hiden'" -o init.from=a.yaml
refuses 2 "a.yaml has no layer 'output'" -o init.from=a.yaml -o 'init.layers=[output]'
echo '{output: {bias: [1, 2, x]}}' > a.yaml
refuses 2 "a.yaml:1:.*a number should stand here" -o init.from=a.yaml
refuses 2 "layout: input_output is for tables" -o init.from=iris/last.h5
refuses 2 'rows.h5 has no parameter of the model' -o init.from=rows.h5
