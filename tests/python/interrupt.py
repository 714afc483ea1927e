# ranks: 1 2
"""Ctrl-C ends a fit after the step under way: KeyboardInterrupt, the model keeps what it has learned so far, and the
handlers are those from before."""

import os
import signal
import sys

import numpy as np

import nnmpi
from nnmpi.callbacks import LambdaCallback
from nnmpi.layers import Dense

comm = nnmpi.Comm()
x, y = np.random.default_rng(1).normal(size=(512, 20)), np.arange(512) % 3
model = nnmpi.Sequential([Dense(256, activation="relu"), Dense(3)]).compile("sgd", "sparse_categorical_crossentropy")
seen = []


def interrupt(batch, logs):
    seen.append(batch)
    if len(seen) == 100 and comm.rank == comm.size - 1:
        os.kill(os.getpid(), signal.SIGINT)


before = signal.getsignal(signal.SIGINT)
try:
    model.fit(x, y, epochs=1000, verbose=0, callbacks=[LambdaCallback(on_batch_end=interrupt)])
except KeyboardInterrupt:
    assert comm.rank == comm.size - 1
except nnmpi.StoppedError as error:
    assert comm.size > 1 and "stopped by a signal" in str(error)
else:
    raise AssertionError("it was not interrupted")
assert 100 <= len(seen) <= 101 and signal.getsignal(signal.SIGINT) is before
if comm.size == 1:
    assert model.get_weights() and model.predict(x).shape == (512, 3)
model.fit(x, y, verbose=0)  # and on it goes

# A run that was interrupted is resumed by the same model.
seen.clear()
again = [LambdaCallback(on_batch_end=interrupt)]
try:
    model.fit(x, y, epochs=20, verbose=0, callbacks=again, run_dir="run")
except KeyboardInterrupt:
    pass
except nnmpi.StoppedError as error:
    assert "is saved; to go on, the program resumes the run" in str(error), error
model.fit(x, y, epochs=20, verbose=0, run_dir="run", resume=True)
sys.stdout.flush()
