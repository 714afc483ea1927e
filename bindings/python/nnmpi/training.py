"""A training as the C interface has it (nnmpi/training.h): opened, driven a step at a time, finished, closed."""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from ._library import Handle, check, ffi, lib, new, text
from .arrays import describe, floats
from .comm import Comm
from .data import Data
from .views import Views


#: Seconds that C may take steps for, in which Python hears of no signal, and on several ranks the steps that it takes
#: at least: between nodes, sums of all but the last of them are waited for in the next one.
_UNHEARD = 0.02
_UNHEARD_STEPS = 8


class Config(Handle):
    """A configuration, from what a YAML file would hold as dicts and lists, and data in memory."""

    def __init__(self, tree: dict[str, Any], data: Optional[Data] = None, name: str = "python"):
        yaml = json.dumps(tree).encode()  # JSON is YAML
        self._data = data  # borrowed until the configuration is freed
        uses = () if data is None else (data,)
        self._own(new("nn_config", lib.nn_config_parse, name.encode(), yaml, len(yaml)), lib.nn_config_free, *uses)
        if data is not None:
            check(lib.nn_config_use_data(self.pointer, data.pointer))

    @property
    def text(self) -> str:
        """As YAML text."""
        return text(lib.nn_config_text(self.pointer))


class Evaluation(dict):
    """What a model is worth on a split: "loss" and the metrics by name, floats, or arrays where they are tables."""

    def __init__(self, evaluation: Any):
        super().__init__(loss=lib.nn_evaluation_loss(evaluation))
        for i in range(lib.nn_evaluation_metrics(evaluation)):
            metric = lib.nn_evaluation_metric(evaluation, i)
            name, shape = text(metric.name), (metric.rows, metric.columns)
            if not metric.table_only:
                self[name] = metric.value
            if metric.rows:
                table = np.frombuffer(ffi.buffer(metric.table, 8 * shape[0] * shape[1])).reshape(shape).copy()
                self[name if metric.table_only else f"{name}_by_class"] = table

    @classmethod
    def of(cls, evaluation: Any) -> "Evaluation":
        """What the C object says, which is freed."""
        try:
            return cls(evaluation)
        finally:
            lib.nn_evaluation_free(evaluation)


def _in_turn(method: Callable[..., Any]) -> Callable[..., Any]:
    """Threads that share a training take turns: in C it is for one at a time."""

    @functools.wraps(method)
    def call(self: "Training", *arguments: Any, **options: Any) -> Any:
        with self._turn:
            return method(self, *arguments, **options)

    return call


class Training(Handle):
    """A training under way. All of it is collective but what reads counters. Threads may share it."""

    def __init__(
        self, comm: Comm, config: Config, run_dir: Union[str, os.PathLike] = "", resume: bool = False, **options: bool
    ):
        self._config, self._comm = config, comm  # outlive the training
        self._turn = threading.RLock()
        self._stop = ffi.new("sig_atomic_t *")
        folder = ffi.new("char[]", os.fsencode(run_dir))
        given = {**options, "run_dir": folder, "resume": resume, "stop": self._stop}
        c_options = ffi.new("nn_train_options *", {"size": ffi.sizeof("nn_train_options"), **given})
        self._own(
            new("nn_training", lib.nn_training_open, comm.pointer, config.pointer, c_options),
            lib.nn_training_close,
            comm,
            config,
            keeps=(c_options, folder, self._stop),
        )

    def stop(self) -> None:
        """Asks all ranks to end after the step under way, by StoppedError there."""
        self._stop[0] = 1

    @property
    def goes_on(self) -> bool:
        """Whether steps are left."""
        return lib.nn_training_goes_on(self.pointer)

    @_in_turn
    def step(self) -> float:
        """Takes a step and does what the configuration asks for after it; the mean loss of its minibatch."""
        pointer = self.pointer
        check(lib.nn_training_step(pointer))
        check(lib.nn_training_attend(pointer))
        return lib.nn_training_loss(pointer)

    @_in_turn
    def forward(self) -> None:
        """The first part of a step on the next minibatch, which update ends; wants the option ``in_parts``."""
        check(lib.nn_training_forward(self.pointer, ffi.NULL))

    @_in_turn
    def take_loss(self) -> float:
        """The mean loss of all ranks' rows, after forward."""
        loss = ffi.new("double *")
        check(lib.nn_training_take_loss(self.pointer, loss))
        return loss[0]

    @_in_turn
    def backward(self) -> None:
        """The gradients of this rank's rows, after take_loss."""
        check(lib.nn_training_backward(self.pointer))

    @_in_turn
    def sum_gradients(self) -> None:
        """They become the sums over the ranks, after backward."""
        check(lib.nn_training_sum_gradients(self.pointer))

    @_in_turn
    def update(self) -> None:
        """The optimiser's step, after sum_gradients, and what the configuration asks for after a step."""
        check(lib.nn_training_update(self.pointer))
        check(lib.nn_training_attend(self.pointer))

    @_in_turn
    def _advance(self, most: int) -> None:
        check(lib.nn_training_advance(self.pointer, most))

    def take_epoch(self, interrupts: "Interrupts") -> None:
        """Steps to the end of the epoch under way, or of the run; on one rank a signal ends it sooner."""
        least = 1 if self._comm.size == 1 else _UNHEARD_STEPS
        under_way, count = self.epoch, least
        while self.goes_on and self.epoch == under_way and not interrupts.end_here:
            before, began = self.steps, time.perf_counter()
            self._advance(count)  # on several ranks of what they ask for the fewest
            took = max(time.perf_counter() - began, 1e-6)
            count = max(int((self.steps - before) * min(_UNHEARD / took, 2)), least)

    @property
    def steps(self) -> int:
        """Steps taken of the whole run, those before a resumption, too."""
        return lib.nn_training_steps(self.pointer)

    @property
    def epoch(self) -> int:
        """The epoch under way, from 1; one more than planned after the last step."""
        return lib.nn_training_epoch(self.pointer)

    @property
    def rate(self) -> float:
        """The learning rate of the coming step."""
        return lib.nn_training_rate(self.pointer)

    def scale_rate(self, factor: float) -> None:
        """Multiplies the learning rates of the schedule by ``factor`` from now on."""
        check(lib.nn_training_scale_rate(self.pointer, factor))

    def set_rate(self, rate: float) -> None:
        """The coming steps take this rate, whatever the schedule says."""
        check(lib.nn_training_set_rate(self.pointer, rate))

    @_in_turn
    def evaluate(self, split: str) -> Evaluation:
        """The parameters on all of a split."""
        return Evaluation.of(new("nn_evaluation", lib.nn_training_evaluate, self.pointer, split.encode()))

    @_in_turn
    def measure(self) -> Evaluation:
        """The minibatches since the last call, as training saw them; wants the option ``measures``."""
        return Evaluation.of(new("nn_evaluation", lib.nn_training_measure, self.pointer))

    @_in_turn
    def predict(self, x: np.ndarray, lengths: Optional[np.ndarray] = None) -> np.ndarray:
        """[N, outputs] of x [N, ...] as the data set has them, and of sequences' lengths [N]. Local."""
        y = np.empty((len(x), lib.nn_training_prediction_size(self.pointer)), np.float32)
        batch = ffi.new("nn_minibatch *", {"size": ffi.sizeof("nn_minibatch"), "x": describe(x)[0]})
        if lengths is not None:
            batch.len = describe(lengths)[0]
        check(lib.nn_training_predict(self.pointer, batch, floats(y)))
        return y

    @_in_turn
    def generate(
        self,
        prompts: Sequence[Union[bytes, np.ndarray]],
        told: Callable[[int, int, bytes], bool],
        stop: Optional[str] = None,
        **how: Any,
    ) -> None:
        """Continues texts and int32 tokens [n]: ``told(i, token, bytes)`` hears each token as it comes, and says whether
        prompt i wants more. ``how``: members of nn_generation. What ``told`` raises ends all. Local."""
        if stop is not None and (not isinstance(stop, str) or "\0" in stop):
            raise TypeError(f"stop: the name of a token is wanted, not {stop!r:.80}")
        keeps: list[Any] = [ffi.new("char[]", prompt) if isinstance(prompt, bytes) else prompt for prompt in prompts]
        c_prompts = ffi.new("nn_prompt[]", len(keeps))
        for c_prompt, prompt in zip(c_prompts, keeps):
            if isinstance(prompt, np.ndarray):
                c_prompt.token, c_prompt.tokens = ffi.cast("const int32_t *", prompt.ctypes.data), len(prompt)
            else:
                c_prompt.text = prompt
        name = ffi.NULL if stop is None else ffi.new("char[]", stop.encode())
        c_how = ffi.new("nn_generation *", {"size": ffi.sizeof("nn_generation"), "stop": name, **how})
        raised: list[BaseException] = []

        @ffi.callback(
            "bool(void *, size_t, int32_t, const char *, size_t)", onerror=lambda kind, value, trace: raised.append(value)
        )
        def tell(_: Any, i: int, token: int, added: Any, length: int) -> bool:
            return not raised and told(i, token, ffi.buffer(added, length)[:])

        code = lib.nn_training_generate(self.pointer, c_how, len(keeps), c_prompts, tell, ffi.NULL)
        if raised:
            raise raised[0]
        check(code)

    @_in_turn
    def load(self, path: Union[str, os.PathLike]) -> None:
        """Takes all parameters from a checkpoint."""
        check(lib.nn_training_load(self.pointer, os.fsencode(path)))

    @_in_turn
    def write(self, path: Union[str, os.PathLike], config: Optional[Config] = None) -> None:
        """Writes the parameters to a checkpoint, which says that they were trained as ``config`` has it, or this."""
        pointer = ffi.NULL if config is None else config.pointer
        check(lib.nn_training_write(self.pointer, os.fsencode(path), pointer))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the parameters by name ("fc1/weight"), as PyTorch shapes them."""
        shape = ffi.new("nn_array *")
        found = {}
        for i in range(lib.nn_training_tensors(self.pointer)):
            name = text(lib.nn_training_tensor(self.pointer, i, shape))
            found[name] = tuple(shape.dim[k] for k in range(shape.rank))
        return found

    @_in_turn
    def get_weights(self, average: bool = False) -> dict[str, np.ndarray]:
        """Copies of all parameters, float32; ``average``: of what validation takes, with ``ema`` their average."""
        get = lib.nn_training_get_average if average else lib.nn_training_get
        weights = {name: np.empty(shape, np.float32) for name, shape in self.shapes().items()}
        for name, values in weights.items():
            check(get(self.pointer, name.encode(), floats(values)))
        return weights

    @_in_turn
    def set_weights(self, weights: dict[str, Any], average: bool = False) -> None:
        """Replaces parameters by name; the same numbers on every rank. ``average``: in their average, too."""
        shapes = self.shapes()
        for name, values in weights.items():
            array = np.ascontiguousarray(values, np.float32)
            if name in shapes and array.shape != shapes[name]:
                raise ValueError(f"'{name}' is {list(shapes[name])} in this model, not {list(array.shape)}")
            check(lib.nn_training_set(self.pointer, name.encode(), floats(array)))
            if average:
                check(lib.nn_training_set_average(self.pointer, name.encode(), floats(array)))

    def parameters(self, write: bool = False) -> Views:
        """The parameters where they lie, between two steps or to read after finish. To ``write``, the same numbers on
        every rank; Collective then, and so is the end of the ``with``, else Local."""
        return Views(self, lib.NN_WRITE_PARAMETERS if write else lib.NN_READ_PARAMETERS)

    def gradients(self) -> Views:
        """The gradients where they lie, to read and to write: after backward those of this rank's rows, after
        sum_gradients the sums over the ranks, where every rank writes the same numbers. Local."""
        return Views(self, lib.NN_GRADIENTS)

    @_in_turn
    def finish(self) -> dict[str, Any]:
        """Ends the run: what nn_train_result says of it, among it the digest."""
        result = ffi.new("nn_train_result *", {"size": ffi.sizeof("nn_train_result")})
        check(lib.nn_training_finish(self.pointer, result))
        try:
            names = ("digest", "run_dir", "why", "verdict")
            found: dict[str, Any] = {name: text(getattr(result, name)) for name in names}
            found.update({name: getattr(result, name) for name in ("steps", "loss", "seconds", "samples_per_s")})
            return found
        finally:
            lib.nn_train_result_release(result)


class Interrupts:
    """While it is entered, Ctrl-C, and SIGTERM where it would kill, wait for the step under way.

    ``came`` says which one has; it is raised (KeyboardInterrupt, or SystemExit with 143) on leaving. ``end_here`` says
    that the training ends with it: on one rank, as several have to agree and end by StoppedError.
    """

    def __init__(self, training: Training):
        self._training = training
        self._before: dict[int, Any] = {}
        self.came: Optional[int] = None
        self.end_here = False

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():  # others cannot set handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, _: Any) -> None:
        self.came = number
        self.end_here = self._training._comm.size == 1
        self._training.stop()

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.came == signal.SIGINT:
            raise KeyboardInterrupt from None
        if self.came:
            raise SystemExit(128 + self.came)
