# ranks: 1 2
"""Keras's first program with nothing but its imports changed; graphs, images, sequences; callbacks; copies and files;
what is said of mistakes."""

import copy
import os
import pickle
from pathlib import Path

import numpy as np

import nnmpi
from nnmpi import Model, Sequential
from nnmpi.callbacks import Callback, CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint
from nnmpi.layers import LSTM, Activation, Add, Concatenate, Conv2D, Dense, Dropout, Flatten, Input, Layer, MaxPooling2D
from support import raises

rank = nnmpi.Comm().rank


def blobs(samples, seed, classes=10, size=100):
    centers = np.random.default_rng(7).normal(size=(classes, size))
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, samples)
    return (centers[label] + 0.7 * random.normal(size=(samples, size))).astype(np.float32), np.eye(classes)[label]


# ---- the declarative program ----------------------------------------------------------------------

x_train, y_train = blobs(1000, 1)
x_test, y_test = blobs(200, 2)

model = Sequential()
model.add(Dense(units=64, input_dim=100))
model.add(Activation("relu"))
model.add(Dense(units=10))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=5, batch_size=32)
loss, accuracy = model.evaluate(x_test, y_test, batch_size=32)
classes = model.predict(x_test, batch_size=32)

assert history.epoch == [0, 1, 2, 3, 4] and history.history["loss"][4] < history.history["loss"][0] / 5
assert accuracy > 0.95 and np.allclose(classes.sum(1), 1, atol=1e-5)
assert accuracy == np.mean(classes.argmax(1) == y_test.argmax(1))
assert np.isclose(loss, -np.mean(np.log(classes[y_test == 1])), rtol=1e-4)
with open("summary.txt", "w") as out:
    model.summary(out)
assert "7,114 parameters" in Path("summary.txt").read_text()

# ---- copies and files -------------------------------------------------------------------------------

for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
    assert np.array_equal(other.predict(x_test, batch_size=32), classes)
    other.fit(x_train, y_train, verbose=0)  # goes on, and leaves the first one as it is
    assert other.evaluate(x_train, y_train)[0] < model.evaluate(x_train, y_train)[0]
assert np.array_equal(model.predict(x_test, batch_size=32), classes)
state = model.__getstate__()  # as older versions pickled it
compiled = vars(state["_compiled"]).copy()
other = Model.__new__(type(model))
other.__setstate__({**state, "_targets_are_numbers": compiled.pop("targets_are_numbers"), "_compiled": compiled})
assert other.evaluate(x_train, y_train) == model.evaluate(x_train, y_train)
model.save("saved.h5")

# ---- callbacks --------------------------------------------------------------------------------------

seen = []
model = Sequential([Dense(16, activation="relu"), Dropout(0.1), Dense(10)])
model.compile(nnmpi.optimizers.SGD(learning_rate=0.05), "sparse_categorical_crossentropy", ["accuracy"])
labels, test_labels = y_train.argmax(1), y_test.argmax(1)
history = model.fit(
    x_train,
    labels,
    epochs=50,
    verbose=0,
    validation_data=(x_test, test_labels),
    callbacks=[
        EarlyStopping("val_accuracy", patience=2, min_delta=0.02, restore_best_weights=True),
        ModelCheckpoint("best.h5", "val_loss", save_best_only=True),
        CSVLogger("log.csv"),
        LearningRateScheduler(lambda epoch, rate: 0.05 / (1 + epoch)),
        LambdaCallback(on_batch_end=lambda batch, logs: seen.append(logs["loss"])),
    ],
)
epochs = len(history.epoch)
assert 3 <= epochs < 50 and len(seen) == 32 * epochs
assert len(history.history["accuracy"]) == epochs and np.allclose(history.history["lr"], 0.05 / np.arange(1, epochs + 1))
best = max(history.history["val_accuracy"][:-2])
assert model.evaluate(x_test, test_labels, return_dict=True)["accuracy"] >= best - 0.02
if rank == 0:
    assert len(Path("log.csv").read_text().splitlines()) == epochs + 1
    assert Path("best.h5").stat().st_size > 0
hidden = np.ma.masked_array(x_train, x_train > 1)
raises(ValueError, "x: some values are masked", model.fit, hidden, labels)
raises(ValueError, "y: some values are masked", model.fit, x_train, np.ma.masked_array(labels, labels > 8))
raises(ValueError, "x: some values are masked", model.predict, hidden)
raises(ValueError, "no 'val_loss' in what fit reports: loss, accuracy, lr", model.fit, x_train, labels, callbacks=[EarlyStopping()])

# One rank alone may end it, within an epoch, too.
stop = LambdaCallback(on_batch_end=lambda batch, logs: setattr(model, "stop_training", rank == nnmpi.Comm().size - 1))
stopped = model.fit(x_train, labels, verbose=0, callbacks=[stop]).result
assert stopped["steps"] == 1 and stopped["why"] == "callback", stopped

# A callback of one rank alone is asked on all of them; who saves is rank 0.
only = [LambdaCallback(on_batch_end=lambda batch, logs: None)] if rank == 0 else []
assert model.fit(x_train, labels, verbose=0, callbacks=only).result["steps"] == 32
if rank == 0:  # nobody else is asked
    raises(OSError, "nowhere", model.save, "/nowhere/at/all.h5")
raises(ValueError, "is 0.0; it is a number above 0", model.fit, x_train, labels, verbose=0,
       callbacks=[LearningRateScheduler(lambda epoch, rate: 0.0)])  # fmt: skip
watch = EarlyStopping("loss", patience=2)
assert [watch.improved({"loss": value}) for value in (float("nan"), 2.0, float("nan"), 1.0)] == [False, True, False, True]

# ---- runs that go on, averages, accumulation ------------------------------------------------------------

run = Sequential([Dense(10)]).compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
run.fit(x_train, labels, verbose=0, epochs=1)  # not the seed that it was compiled with
first = run.fit(x_train, labels, verbose=0, epochs=2, run_dir="run")
run.set_weights({name: 0 * values for name, values in run.get_weights().items()})
more = run.fit(x_train, labels, verbose=0, epochs=2, run_dir="run", resume=True)
assert more.result["digest"] == first.result["digest"]  # the run's parameters, not the model's
assert run.evaluate(x_test, test_labels)[1] > 0.5
begun = []
watch = LambdaCallback(on_epoch_begin=begun.append)
for first in (0, 2):  # epochs are of the whole run, and numbered on
    more = run.fit(x_train, labels, verbose=0, epochs=4 + first, initial_epoch=first, run_dir=Path("run"), resume=True, callbacks=[watch])
assert begun == [2, 3, 4, 5] and more.epoch == [4, 5], (begun, more.epoch)

changed = x_train.copy()
changed[0] += 1
again = dict(verbose=0, epochs=7, run_dir="run", resume=True)
raises(nnmpi.UsageError, "set data.when_changed to accept", run.fit, changed, labels, **again)
assert run.fit(changed, labels, when_changed="accept", **again).epoch == [6]
raises(nnmpi.UsageError, "when_changed", run.fit, changed, labels, when_changed="agreed", **again)

mean = Sequential([Dense(10)])
mean.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"], ema={"decay": 0.9}, accumulate=4)
for _ in range(2):  # the second one's average begins with the first one's parameters
    history = mean.fit(x_train, labels, verbose=0, epochs=2, batch_size=40, validation_data=(x_test, test_labels))
    assert mean.evaluate(x_test, test_labels)[1] == history.history["val_accuracy"][-1] > 0.5
assert np.mean(mean.predict(x_test[:5]).argmax(1) == test_labels[:5]) > 0.5
few = test_labels.argsort()[:3]
assert len(mean.evaluate(x_test[few], test_labels[few])) == 2
mean.save("mean.h5")


class SeesTheAverage(Callback):
    """What a callback asks the model is what the report says: of the average."""

    def on_epoch_end(self, epoch, logs):
        found = self.model.evaluate(x_test, test_labels, return_dict=True)
        assert np.isclose(found["loss"], logs["val_loss"]) and found["accuracy"] == logs["val_accuracy"], (found, logs)
        average, trained = self.model.get_weights(), self.model.training.get_weights()
        assert not np.array_equal(average["dense1/weight"], trained["dense1/weight"])
        if epoch == 1:
            self.model.set_weights({"dense1/bias": np.full(10, 7.0)})
            assert np.all(self.model.get_weights()["dense1/bias"] == 7)


best = EarlyStopping("val_loss", restore_best_weights=True, mode="max")  # the first
mean = Sequential([Dense(10)]).compile("sgd", "sparse_categorical_crossentropy", ["accuracy"], ema={"decay": 0.9})
history = mean.fit(x_train, labels, verbose=0, epochs=2, validation_data=(x_test, test_labels), callbacks=[SeesTheAverage(), best])
assert np.isclose(mean.evaluate(x_test, test_labels)[0], max(history.history["val_loss"]))

# ---- schedules that watch; losses with and without metrics; what a changed model predicts ------------------------

losses = []
for metrics in (["accuracy"], None):  # 70 samples are minibatches of 64 and 6
    plateau = {"reduce_on_plateau": {"patience": 0, "factor": 0.5, "threshold": 1e9}}
    model = Sequential([Dense(10)]).compile("sgd", "sparse_categorical_crossentropy", metrics, schedule=plateau)
    history = model.fit(x_train[:70], labels[:70], 64, 4, 0, validation_data=(x_test, test_labels)).history
    losses.append(history["loss"])
    assert history["lr"][3] < history["lr"][0], history
assert losses[0] == losses[1]
model.save("plateau.h5")
nnmpi.Comm().agree()
loaded = nnmpi.load("plateau.h5")
assert loaded.evaluate(x_test, test_labels, "all") == model.evaluate(x_test, test_labels, 200)
loaded.fit(x_train, labels, verbose=0, validation_data=(x_test, test_labels))
raises(nnmpi.UsageError, "reduce_on_plateau", loaded.fit, x_train, labels, verbose=0)
before = model.predict(x_test)
model.compile("sgd", "mse")
assert not np.allclose(model.predict(x_test), before)  # no softmax
before = model.predict(x_test)
model.add(Activation("relu"))
assert np.array_equal(model.predict(x_test), np.maximum(before, 0))
model.pop()
assert np.array_equal(model.predict(x_test), before)
with nnmpi.Comm.alone() as alone:
    assert copy.deepcopy(Sequential([Dense(10)]).compile("sgd", "mse", comm=alone)).comm is alone

# ---- graphs, images, sequences ------------------------------------------------------------------------

x = Input(shape=(100,))
hidden = Dense(32, activation="relu")(x)
hidden = Add()([hidden, Dense(32, activation="tanh")(hidden)])
graph = Model(x, Dense(10)(Concatenate()([x, hidden])))
graph.compile("adam", "categorical_crossentropy", ["accuracy"], clip_norm=5)
graph.fit(x_train, y_train, epochs=3, verbose=0, validation_split=0.1)
assert graph.evaluate(x_test, y_test)[1] > 0.9

random = np.random.default_rng(3)
images = random.normal(size=(200, 1, 8, 8)).astype(np.float32)
bright = (images.mean(axis=(1, 2, 3)) > 0).astype(int)
net = Sequential(
    [Conv2D(4, kernel_size=3, padding="same", activation="relu"), MaxPooling2D(pool_size=2), Flatten(), Dense(2)]
)
net.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
net.fit(images, bright, epochs=2, verbose=0)
assert net.predict(images).shape == (200, 2)

steps = random.normal(size=(120, 6, 3))
lengths = random.integers(1, 7, 120)
recurrent = Sequential([LSTM(5), Dense(1)])
recurrent.compile("adam", "mse")
recurrent.fit(steps, lengths, lengths=lengths, epochs=2, verbose=0)
assert recurrent.evaluate(steps, lengths, lengths=lengths) > 0

# ---- mistakes -----------------------------------------------------------------------------------------

raises(TypeError, "did you mean 'units'?", Dense, unit=3)
raises(TypeError, "wants 'units'", Dense)
raises(AttributeError, "unknown layer 'Dens', did you mean 'Dense'?", getattr, nnmpi.layers, "Dens")
raises(TypeError, "one tensor as inputs", Model, [x, Input()], hidden)
raises(ValueError, "not the model's inputs", Model, Input(), hidden)
shared = Dense(3)
raises(ValueError, "called twice", Model, x, Add()([shared(x), shared(x)]))
raises(RuntimeError, "not compiled", Sequential([Dense(3)]).fit, x_train, y_train)
fresh = Sequential([Dense(3)])
fresh.compile("sgd", "mse")
raises(RuntimeError, "call fit or load_weights first", fresh.predict, x_train)
stored = [Sequential([Dense(10)]).compile("sgd", "cross_entropy").fit(x_train, y_train, verbose=0, shuffle=False).history["loss"] for _ in range(2)]
assert stored[0] == stored[1] != Sequential([Dense(10)]).compile("sgd", "cross_entropy").fit(x_train, y_train, verbose=0).history["loss"]
raises(ValueError, "rows of x and", fresh.fit, x_train, y_train[:7])
raises(ValueError, "'same'", fresh.fit, x_train, y_train, data="mine")
raises(TypeError, "numbers are wanted", fresh.fit, np.array([["a"]]), [1])
for kind, loss, words in (("sdg", "mse", "did you mean 'sgd'?"), ("sgd", "log_los", "unknown loss")):
    fresh.compile(kind, loss)
    raises(nnmpi.UsageError, words, fresh.fit, x_train, y_train)
mine = Sequential([Layer.of("dens", units=3)])
mine.compile("sgd", "mse")
raises(nnmpi.UsageError, "unknown layer 'dens', did you mean 'dense'?", mine.fit, x_train, y_train)
raises(nnmpi.UsageError, "3 numbers but the model ends with 10 outputs", graph.compile("sgd", "cross_entropy").fit, x_train, y_train[:, :3])
explosive = Sequential([Dense(10)]).compile({"sgd": {"lr": 1e30}}, "mse")
raises(nnmpi.DivergedError, "diverged", explosive.fit, x_train, y_train, verbose=0)
assert explosive.training is None
