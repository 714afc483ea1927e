"""Whatever a program passes, what comes back is a result or an exception: for some seconds random values of wrong
types and shapes, names, and objects that have been closed."""

import copy
import logging
import os
import pickle
import random
import resource
import time
import warnings

import numpy as np

import nnmpi
from nnmpi.arrays import borrowable
from nnmpi.comm import Comm
from nnmpi.data import Data
from nnmpi.training import Config, Training

seed = int(os.environ.get("NNMPI_FUZZ_SEED", time.time_ns() % 1_000_000))
seconds = float(os.environ.get("NNMPI_FUZZ_SECONDS", "4"))
print(f"NNMPI_FUZZ_SEED={seed}")
pick = random.Random(seed)
numbers = np.random.default_rng(seed)
warnings.simplefilter("ignore")
logging.getLogger("nnmpi").setLevel(logging.ERROR)
if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which wants terabytes
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))  # who asks for 2**31 numbers gets none


def array():
    shape = tuple(pick.choice([0, 1, 2, 3, 4, 7]) for _ in range(pick.choice([0, 1, 1, 2, 2, 2, 3, 4, 5, 6])))
    kind = pick.choice("? b B h H i I l L e f d g D S3 U2 O M8[s] >i4 >f8".split())
    values = numbers.integers(-3, 4, shape) if pick.random() < 0.8 else np.full(shape, pick.choice([np.nan, np.inf, 1e300]))
    with np.errstate(all="ignore"):
        try:
            made = values.astype(kind)
        except (TypeError, ValueError):
            return values
    return made[..., ::-1] if made.ndim and pick.random() < 0.3 else made


def thing():
    """Anything at all."""
    return pick.choice(
        [
            array,
            array,
            lambda: pick.choice([None, True, False, -1, 0, 1, 3, 2**31, 2**70, -0.5, 1e308, float("nan"), 1j]),
            lambda: pick.choice(["", "x", "relu", "\0", "é", "train", "{", "a: [", "dense", "x" * 5000, b"x"]),
            lambda: [thing() for _ in range(pick.randrange(3))],
            lambda: {pick.choice(["dense", "units", "lr", "sgd", 3]): thing() for _ in range(pick.randrange(3))},
            object,
            lambda: Data,
        ]
    )()


def some(good):
    """Mostly what is right."""
    return good() if pick.random() < 0.8 else thing()


def layer():
    kind = pick.choice(nnmpi.layers.__all__)
    if pick.random() < 0.5:
        return nnmpi.layers.Dense(pick.choice([1, 2, 3]), activation=pick.choice([None, "relu", "softmax"]))
    return getattr(nnmpi.layers, kind)(*[thing() for _ in range(pick.randrange(3))])


def samples():
    rows, labels = pick.choice([1, 5, 8]), pick.random() < 0.5
    y = numbers.integers(0, 3, rows) if labels else numbers.normal(size=(rows, 3))
    return numbers.normal(size=(rows, 4)).astype(np.float32), y


def model():
    made = nnmpi.Sequential([some(layer) for _ in range(pick.randrange(4))])
    losses = ["mse", "cross_entropy", "sparse_categorical_crossentropy", "hinge", "huber"]
    made.compile(some(lambda: pick.choice(["sgd", "adam"])), some(lambda: pick.choice(losses)), some(lambda: ["accuracy"]))
    return made


def fit():
    x, y = samples()
    made = model() if pick.random() < 0.5 else trained
    options = {"epochs": some(lambda: 1), "batch_size": some(lambda: 4), "verbose": 0}
    if pick.random() < 0.3:
        options[pick.choice(["sample_weight", "class_weight", "validation_data", "data", "lengths", "run_dir"])] = thing()
    made.fit(some(lambda: x), some(lambda: y), **options)
    use(made)


def use(made):
    x, y = samples()
    pick.choice(
        [
            lambda: made.predict(some(lambda: x)),
            lambda: made.evaluate(some(lambda: x), some(lambda: y)),
            lambda: made.set_weights({pick.choice([*made.get_weights(), "x", 3]): thing()}),
            lambda: made.save(pick.choice(["a.h5", "", "/nowhere/a.h5", thing()])),
            lambda: pickle.loads(pickle.dumps(made)).predict(x),
            lambda: copy.deepcopy(made).fit(x, y, verbose=0),
            lambda: made.add(thing()),
            lambda: use_file(made),
        ]
    )()


def use_file(made):
    """A checkpoint with some bytes changed, or something else."""
    content = bytearray(saved)
    for _ in range(pick.randrange(3)):
        content[pick.randrange(len(content))] = pick.randrange(256)
    with open("changed.h5", "wb") as file:
        file.write(content[: pick.choice([None, None, pick.randrange(len(content))])])
    path = some(lambda: "changed.h5")
    pick.choice([lambda: nnmpi.load(path).predict(samples()[0]), lambda: made.load_weights(path)])()


def changed(state):
    """A state with something else in it somewhere."""
    if isinstance(state, (dict, list)) and state and pick.random() < 0.9:
        made = copy.copy(state)
        key = pick.choice(list(state)) if isinstance(state, dict) else pick.randrange(len(state))
        if pick.random() < 0.2:
            del made[key]
        else:
            made[key] = changed(state[key])
        return made
    return thing()


def go_on():
    """Imperative programs from states that are not as they should be."""
    w = nnmpi.nn.Parameter(np.ones((3, 2)))
    optimizer = pick.choice([nnmpi.optim.SGD, nnmpi.optim.Adam, nnmpi.optim.RMSprop])([w])
    scheduler = nnmpi.optim.lr_scheduler.StepLR(optimizer, some(lambda: 2))
    loader = nnmpi.DataLoader(nnmpi.TensorDataset(samples()[0]), 4)
    for part in pick.sample([optimizer, scheduler, loader], 3):
        (w * w).sum().backward()
        optimizer.step()
        part.load_state_dict(some(part.state_dict) if pick.random() < 0.5 else changed(part.state_dict()))
        scheduler.step()
        getattr(nnmpi.nn.init, pick.choice(["zeros_", "uniform_", "kaiming_normal_", "constant_"]))(some(lambda: w), thing())


MODULES = [nnmpi, nnmpi.nn, nnmpi.nn.functional, nnmpi.nn.init, nnmpi.optim, nnmpi.optim.lr_scheduler, nnmpi.layers, nnmpi.callbacks]


def public():
    """Any public name, and then methods of what has come of it, with anything at all."""
    module = pick.choice(MODULES)
    made = getattr(module, pick.choice([name for name in dir(module) if name[0] != "_"]))
    for _ in range(5):
        given = [pick.choice([thing, tensor])() for _ in range(pick.randrange(4))]
        made = made(*given) if callable(made) else made
        if not type(made).__module__.startswith("nnmpi"):
            break
        made = getattr(made, pick.choice([name for name in dir(made) if name not in ("__class__", "__del__")]))


def tensor():
    made = nnmpi.randn(*[pick.choice([0, 1, 2, 3]) for _ in range(pick.randrange(5))])
    made.requires_grad = pick.random() < 0.5
    return made


def objects():
    """Objects of the C interface in any order, some of them closed."""
    data, comm = Data(), Comm.alone()
    x, y = samples()
    data.set_split("train", some(lambda: x), some(lambda: y))
    tree = {"model": [{"dense": {"units": 3}}], "loss": "squared", "train": {"batch_size": 4, "epochs": 2}}
    config = Config(tree if pick.random() < 0.9 else thing(), data)
    training = Training(comm, config)
    views = []  # with arrays over memory of the training
    for _ in range(12):
        pick.choice(
            [
                training.step,
                training.step,
                lambda: training.evaluate(pick.choice(["train", "test", "x"])),
                lambda: training.set_weights({pick.choice(["dense1/weight", "y"]): thing()}),
                training.get_weights,
                lambda: training.scale_rate(thing()),
                training.finish,
                lambda: views.append(training.parameters(thing())),
                lambda: views.append(pick.choice(views)[pick.choice(["dense1/weight", "y"])]),
                lambda: pick.choice(views).__setitem__("dense1/weight", thing()),
                views.clear,
                lambda: pick.choice([data, comm, config, training]).close(),
                lambda: data.set(thing(), "x", array()),
                lambda: config.text,
                lambda: pickle.dumps(training),
            ]
        )()


x, y = samples()
trained = nnmpi.Sequential([nnmpi.layers.Dense(3)]).compile("sgd", "mse")
trained.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
trained.save("saved.h5")
with open("saved.h5", "rb") as file:
    saved = file.read()
done, refused = 0, {}
end = time.monotonic() + seconds


def enough():
    return done > 20 and refused.get("UsageError", 0) > 20 and refused.get("ValueError", 0) > 5


while time.monotonic() < end or (not enough() and time.monotonic() < end + 30):  # on a busy machine
    act = pick.choice([fit, fit, objects, go_on, public, public, lambda: borrowable(thing()), lambda: Comm(thing()), lambda: use(trained)])
    try:
        act()
        done += 1
    except Exception as error:  # noqa: BLE001 (any will do)
        refused[type(error).__name__] = refused.get(type(error).__name__, 0) + 1
print(done, "worked;", refused)
assert enough()
