# ranks: 1 2
"""Models from checkpoints: of Python and of the command line, stacks and graphs, images and sequences; they predict,
evaluate, train on, continue texts, and are saved again. What fit says of the training samples. What is said of wrong files."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np

import nnmpi
from nnmpi.callbacks import LambdaCallback
from nnmpi.layers import LSTM, Add, Conv2D, Dense, Dropout, Embedding, Flatten, Input
from support import raises

comm, source = nnmpi.Comm(), Path(os.environ["SOURCE_DIR"])
random = np.random.default_rng(1)


def check(model, path, x, y, **options):
    """What is loaded is what was saved, and is saved again."""
    model.save(path)
    comm.agree()
    loaded = nnmpi.load(path)
    wanted = model.predict(x, **options)
    assert np.array_equal(loaded.predict(x, **options), wanted)
    assert loaded.evaluate(x, y, **options) == model.evaluate(x, y, **options)
    loaded.save("again.h5")
    comm.agree()
    again = nnmpi.Model.load("again.h5")
    assert np.array_equal(again.predict(x, **options), wanted)
    before = again.evaluate(x, y, return_dict=True, **options)["loss"]
    again.fit(x, y, epochs=3, verbose=0, **options)
    assert again.evaluate(x, y, return_dict=True, **options)["loss"] < before
    assert np.array_equal(model.predict(x, **options), wanted)
    return loaded


# ---- stacks, graphs, images, sequences ------------------------------------------------------------------

x = random.normal(size=(240, 6)).astype(np.float32)
y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)
layers = [Dense(12, activation="relu", name="hidden"), Dropout(0.2), Dense(3)]
stack = nnmpi.Sequential(layers).compile({"adam": {"lr": 0.01}}, "cross_entropy", ["accuracy"], seed=5)
during = {}


def use(epoch, logs):
    """Within fit the parameters are those of the moment."""
    during.update(loss=stack.evaluate(x, y)[0], outputs=stack.predict(x))
    stack.save("during.h5")


stack.fit(x, y, epochs=2, verbose=0, scale=0.5, offset=0.1, callbacks=[LambdaCallback(on_epoch_end=use)])
loaded = check(stack, "stack.h5", x, y)
assert [layer.kind for layer in loaded.layers] == ["dense", "dropout", "dense"] and loaded.layers[1].options["rate"] == 0.2
moment = nnmpi.load("during.h5")
assert np.array_equal(moment.predict(x), during["outputs"]) and moment.evaluate(x, y)[0] == during["loss"]

other = nnmpi.Sequential(layers).compile("sgd", "cross_entropy")
other.load_weights("stack.h5")
assert np.array_equal(other.predict(x), stack.predict(x))
other.save_weights("weights.h5")
comm.agree()
assert nnmpi.load("weights.h5").get_weights().keys() == stack.get_weights().keys()

# What only a run with samples can be asked for is kept, too.
options = dict(warmup={"epochs": 1}, accumulate=2, ema={"decay": 0.5}, reduce="node" if comm.size > 1 else "auto")
asked = nnmpi.Sequential([Dense(3)]).compile("sgd", {"cross_entropy": {"class_weights": "balanced"}}, **options)
asked.fit(x, y, batch_size=48, epochs=2, verbose=0)
found = check(asked, "asked.h5", x, y)._settings()
assert found.loss["cross_entropy"]["class_weights"] == "balanced"
assert found.train["warmup"]["epochs"] == 1 and found.train["accumulate"] == 2

begin = Input(shape=(6,))
h = Dense(8, activation="tanh")(begin)
graph = nnmpi.Model(begin, Dense(1)(Add()([h, Dense(8)(h)]))).compile("adam", "mse")
graph.fit(x, x.sum(1), epochs=2, verbose=0)
check(graph, "graph.h5", x, x.sum(1))

images = random.integers(0, 256, (60, 5, 7, 3), dtype=np.uint8)  # channels last
red = (images[..., 0].mean((1, 2)) > 127).astype(int)
net = nnmpi.Sequential([Conv2D(4, 3, activation="relu"), Flatten(), Dense(2)]).compile("adam", "cross_entropy")
net.fit(images, red, epochs=2, verbose=0, scale=[1 / 255, 1 / 200, 1 / 100])
check(net, "images.h5", images, red)
first = nnmpi.load("images.h5")
assert np.allclose(first.predict(images), first.predict(np.moveaxis(images, -1, 1)), atol=1e-6)

steps, lengths = random.normal(size=(50, 6, 3)), random.integers(1, 7, 50)
recurrent = nnmpi.Sequential([LSTM(5), Dense(1)]).compile("adam", "mse")
recurrent.fit(steps, lengths, lengths=lengths, epochs=2, verbose=0)
check(recurrent, "sequences.h5", steps, lengths, lengths=lengths)
changed = np.where(np.arange(6)[None, :, None] < lengths[:, None, None], steps, 9)
assert np.array_equal(recurrent.predict(changed, lengths=lengths), recurrent.predict(steps, lengths=lengths))

# ---- a run that another program goes on with -----------------------------------------------------------


def fresh():
    return nnmpi.Sequential(layers).compile("adam", "cross_entropy", ["accuracy"])


whole = fresh().fit(x, y, epochs=4, verbose=0).result["digest"]
fresh().fit(x, y, epochs=2, verbose=0, run_dir="run")
comm.agree()
resumed = nnmpi.load("run/last.h5").fit(x, y, epochs=4, verbose=0, run_dir="run", resume=True)
assert resumed.result["digest"] == whole

# ---- of the command line --------------------------------------------------------------------------------

program = [os.environ["NNMPI"]]
if comm.size == 1:
    Path("iris.yaml").write_text((source / "datasets/iris/iris.yaml").read_text())
    options = ["-o", "train.epochs=20", "-o", "data.normalize=per_channel", "--run", "iris", "-q"]
    subprocess.run([*program, "train", "iris.yaml", *options], check=True, stdout=subprocess.DEVNULL)
    said = subprocess.run([*program, "eval", "iris", "--split", "train", "--json"], check=True, capture_output=True)
    wanted = json.loads(said.stdout)
    rows = [line.split(",") for line in (source / "datasets/iris/iris.csv").read_text().splitlines()[1:]]
    train = [i for i in range(150) if i % 50 < 40]  # the first 40 of each species
    numbers, species = np.array([row[:4] for row in rows], float)[train], np.array(train) // 50
    iris = nnmpi.load("iris")
    found = iris.evaluate(numbers, species, return_dict=True)
    assert abs(found["loss"] - wanted["loss"]) < 1e-6 and found["accuracy"] == wanted["accuracy"], (found, wanted)
    assert np.mean(iris.predict(numbers).argmax(1) == species) == wanted["accuracy"] > 0.5

# ---- texts ----------------------------------------------------------------------------------------------

tokens = np.array([[(i + k) % 3 for k in range(9)] for i in range(6)])  # 0 1 2 0 1 2 ...
letters = nnmpi.Sequential([Embedding(3, 8), LSTM(12, return_sequences=True), Dense(3)])
letters.compile({"adam": {"lr": 0.05}}, "cross_entropy")
seen = []


def write(epoch, logs):
    seen.append(letters.generate([0, 1], 3, on_token=lambda text, token, i: None))


letters.fit(tokens[:, :8], tokens[:, 1:], epochs=40, verbose=0, callbacks=[LambdaCallback(on_epoch_end=write)])
assert len(seen) == 40 and seen[-1] == [2, 0, 1], seen
several = letters.generate([[0, 1], np.array([2])], 12, temperature=0)
assert several == [[2, 0, 1] * 4, [0, 1, 2] * 4], several
drawn = letters.generate([[0], [0], [0]], 12, temperature=9, seed=4)
assert drawn == [letters.generate([0], 12, temperature=9, seed=4, first=i) for i in range(3)] and drawn[0] != drawn[1]
until = lambda text, token, i: text == "" and token != 1  # noqa: E731 (tokens without names)
assert letters.generate([1], on_token=until, temperature=0) == [2, 0, 1] and letters.generate([]) == []

if comm.size == 1:
    gpt = {
        "data": {"source": "text", "path": "text.txt", "tokens": "chars", "context": 12},
        "model": [{"embedding": {"vocabulary": 30, "units": 8}}, {"attention": {"heads": 2, "causal": True}}, {"dense": {"units": 30}}],
        "loss": "cross_entropy",
        "train": {"max_steps": 20, "batch_size": 4},
    }
    Path("text.txt").write_text("the cat sat on the mät, " * 40)
    Path("gpt.yaml").write_text(json.dumps(gpt))
    subprocess.run([*program, "train", "gpt.yaml", "--run", "gpt", "-q"], check=True, stdout=subprocess.DEVNULL)
    Path("prompts.txt").write_text("the\nmät\n")
    said = subprocess.run([*program, "generate", "gpt", "--prompts", "prompts.txt", "--json"], check=True, capture_output=True)
    wanted = [json.loads(line)["text"] for line in said.stdout.splitlines()]
    gpt = nnmpi.load("gpt")
    assert gpt.generate(["the", "mät"]) == wanted, (gpt.generate(["the", "mät"]), wanted)
    heard = []
    assert gpt.generate("the", stop="t", on_token=lambda text, token, i: heard.append(text)) == "".join(heard) == wanted[0].split("t")[0]
    gpt.save("saved.h5")  # with its vocabulary
    assert nnmpi.load("saved.h5").generate("the") == wanted[0]


def interrupt(text, token, i):
    heard.append(token)
    os.kill(os.getpid(), signal.SIGINT)


heard = []
raises(KeyboardInterrupt, "", letters.generate, [[0], [1]], 1000, on_token=interrupt)
assert len(heard) == 1
raises(ZeroDivisionError, "", letters.generate, [0], on_token=lambda *told: 1 / 0)
raises(nnmpi.FormatError, "prompt 1: nn_training_generate: it does not have the vocabulary", letters.generate, "a")
raises(nnmpi.UsageError, "prompt 2: token 1 is 3; the model has 3, numbered from 0", letters.generate, [[0], [3]])
raises(nnmpi.UsageError, "top_p is 2; it is a probability", letters.generate, [0], top_p=2)
raises(nnmpi.FormatError, "was not trained to say which token", stack.generate, [0])
raises(ValueError, "prompt 1: tokens are 0 or more", letters.generate, [-1])
raises(TypeError, "prompt 1: a str or tokens", letters.generate, [[0.5]])
raises(TypeError, "prompts: a str, tokens", letters.generate, 5)
raises(TypeError, "stop: the name of a token", letters.generate, [0], stop=2)
raises(ValueError, "a character 0", letters.generate, ["a\0"])
raises(RuntimeError, "call fit or load_weights first", nnmpi.Sequential([Dense(3)]).compile("sgd", "mse").generate, [0])

# ---- training metrics -----------------------------------------------------------------------------------

still = nnmpi.Sequential([Dense(3)]).compile({"sgd": {"lr": 1e-30}}, "cross_entropy", ["accuracy", "f1"])
history = still.fit(x, y, batch_size=50, epochs=2, verbose=0, validation_data=(x, y)).history
wanted = still.evaluate(x, y, return_dict=True)
for name in ("loss", "accuracy", "f1"):  # parameters stay, so that the last minibatch sees those of the first
    assert np.allclose(history[name], [wanted[name]] * 2, rtol=1e-6), (name, history[name], wanted[name])
    assert np.allclose(history[f"val_{name}"], history[name], rtol=1e-6)

# ---- mistakes -------------------------------------------------------------------------------------------

Path("text.h5").write_text("this is no checkpoint")
raises(nnmpi.FormatError, "text.h5", nnmpi.load, "text.h5")
raises(nnmpi.Error, "nowhere.h5", nnmpi.load, "nowhere.h5")
raises(TypeError, "", nnmpi.load, None)
raises(nnmpi.FormatError, "hidden", nnmpi.Sequential([Dense(5, name="hidden"), Dense(3)]).compile("sgd", "mse").load_weights, "stack.h5")
raises(RuntimeError, "call fit or load_weights first", fresh().save, "x.h5") if comm.rank == 0 else None
raises(ValueError, "x is [5] a sample, but the model takes [6]", stack.predict, x[:, :5])
raises(nnmpi.InputOutputError, "nowhere", stack.save, "/nowhere/at/all.h5") if comm.rank == 0 else None
