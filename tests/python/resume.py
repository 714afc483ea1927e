# ranks: 1 2
"""An imperative program that goes on from a saved state has the bits of one that was never interrupted: parameters,
statistics, optimiser, schedule, random numbers, and its place in the epoch. Schedules and first values are what
PyTorch has. What is said of states that do not fit."""

import pickle

import numpy as np

import nnmpi
from nnmpi import nn, optim
from nnmpi.optim import lr_scheduler
from support import raises

comm = nnmpi.Comm()
random = np.random.default_rng(1)
images, labels = random.normal(size=(26, 1, 6, 6)).astype(np.float32), random.integers(0, 3, 26)


class Program:
    """A training loop and all that it has."""

    PARTS = ("net", "optimizer", "scheduler", "loader")

    def __init__(self, kind):
        self.net = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(48, 3)
        )
        self.net[0].apply(lambda module: nn.init.kaiming_uniform_(module.weight, nonlinearity="relu"))
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        rest = [p for p in self.net.parameters() if p.ndim == 1]
        self.optimizer = kind([{"params": weights, "weight_decay": 0.01}, {"params": rest}])
        self.scheduler = lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=20, eta_min=1e-4)
        self.loader = nnmpi.DataLoader(nnmpi.TensorDataset(images, labels), batch_size=8, shuffle=True, seed=3)

    def run(self, steps, save_at=0):
        """Takes steps; the state after step `save_at`."""
        saved = None
        while steps:
            for x, y in self.loader:
                loss = nn.CrossEntropyLoss()(self.net(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step(weight=len(y))
                self.scheduler.step()
                steps, save_at = steps - 1, save_at - 1
                if save_at == 0:
                    saved = pickle.dumps(self.state())
                if steps == 0:
                    break
        return saved

    def state(self):
        return {**{name: getattr(self, name).state_dict() for name in self.PARTS}, "random": nnmpi.get_rng_state()}

    def load(self, state):
        for name in self.PARTS:
            getattr(self, name).load_state_dict(state[name])
        nnmpi.set_rng_state(state["random"])


KINDS = {
    "sgd": lambda groups: optim.SGD(groups, lr=0.05, momentum=0.9),
    "adam": lambda groups: optim.Adam(groups, lr=0.01, amsgrad=True),
    "rmsprop": lambda groups: optim.RMSprop(groups, lr=0.001, momentum=0.5, centered=True),
}
for name, kind in KINDS.items():
    nnmpi.manual_seed(7)
    whole = Program(kind)
    saved = whole.run(13, save_at=6)  # 4 minibatches an epoch: in the middle of the second one
    nnmpi.manual_seed(99)
    again = Program(kind)
    again.run(1)
    again.load(pickle.loads(saved))
    assert again.state()["loader"] == {"seed": 3, "epoch": 1, "batch": 2}
    again.run(7)
    wanted, found = whole.state(), again.state()
    for key, values in wanted["net"].items():
        assert np.array_equal(values, found["net"][key]), (name, key)
    assert wanted["optimizer"]["param_groups"] == found["optimizer"]["param_groups"], name
    for number, state in wanted["optimizer"]["state"].items():
        for key, values in state.items():
            assert np.array_equal(values, found["optimizer"]["state"][number][key]), (name, number, key)
    assert all(wanted[part] == found[part] for part in ("scheduler", "loader", "random")), name

# ---- a state that does not fit changes nothing -------------------------------------------------------------

before = pickle.dumps(whole.optimizer.state_dict())
state = pickle.loads(before)
state["param_groups"][0]["params"].pop()
raises(ValueError, "parameters in each group", lambda: whole.optimizer.load_state_dict(state))
state = pickle.loads(before)
state["state"][0]["square_avg"] = np.zeros(3, np.float32)
raises(ValueError, "square_avg of a parameter is [3]", lambda: whole.optimizer.load_state_dict(state))
state = pickle.loads(before)
state["state"][0]["exp_avg"] = state["state"][0].pop("square_avg")
raises(ValueError, "this optimiser's", lambda: whole.optimizer.load_state_dict(state))
state = pickle.loads(before)
del state["param_groups"][1]["alpha"]
raises(ValueError, "alpha", lambda: whole.optimizer.load_state_dict(state))
assert pickle.dumps(whole.optimizer.state_dict()) == before
state = pickle.loads(before)
state["param_groups"][1].update(alpha=0.5, lr=0.25)  # options are those of the state
whole.optimizer.load_state_dict(state)
assert whole.optimizer.param_groups[1]["alpha"] == 0.5 and whole.optimizer.param_groups[1]["lr"] == 0.25
state = whole.optimizer.state_dict()
state["param_groups"][0]["momentum"] = 0.25  # a group made anew, whose rate may be 0
state["param_groups"][0]["lr"] = 0
state["state"] = {str(number): own for number, own in state["state"].items()}  # as JSON has it
again.optimizer.load_state_dict(state)
assert again.optimizer.param_groups[0]["lr"] == 0 and again.optimizer.param_groups[0]["momentum"] == 0.25
for number, own in again.optimizer.state_dict()["state"].items():
    assert all(np.array_equal(values, state["state"][str(number)][key]) for key, values in own.items()), number
before = pickle.dumps(again.optimizer.state_dict())
for change, text in (
    (lambda s: s["state"].update(x=s["state"].pop(0)), "for each number"),
    (lambda s: s["state"].update({99: s["state"].pop(0)}), "parameters [99]"),
    (lambda s: s["state"][1].update(step=-1), "-1 steps"),
    (lambda s: s["param_groups"][1].update(lr="fast"), "fast"),
    (lambda s: s["param_groups"][1].update(lr=-1), "learning rate of -1"),
):
    state = pickle.loads(before)
    change(state)
    raises(ValueError, text, lambda: again.optimizer.load_state_dict(state))
    assert pickle.dumps(again.optimizer.state_dict()) == before
again.optimizer.param_groups[0]["momentum"] = 0.75
raises(ValueError, "momentum is 0.25", again.optimizer.step)
raises(ValueError, "momentum is 0.25", again.optimizer.state_dict)

# Who leaves a loop begins the next epoch, as does who goes on from there.
loader, other = (nnmpi.DataLoader(nnmpi.TensorDataset(labels), 8, shuffle=True) for _ in range(2))
next(iter(loader))
kept = iter(loader)  # one that is left only later
next(kept)
for i, (batch,) in enumerate(loader):
    if i == 1:
        kept.close()
        assert loader.state_dict() == {"seed": 0, "epoch": 2, "batch": 2}
        break
other.load_state_dict(loader.state_dict())
assert np.array_equal(next(iter(other))[0].numpy(), next(iter(loader))[0].numpy())
raises(ValueError, "minibatch 9", lambda: whole.loader.load_state_dict({"seed": 1, "epoch": 0, "batch": 9}))

# ---- schedules ---------------------------------------------------------------------------------------------


def rates(make, steps, *values):
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.5)
    scheduler = make(optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for i in range(steps):
        scheduler.step(*(v[i] for v in values))
        found += scheduler.get_last_lr()
    return np.array(found) / 0.5


t = np.arange(8)
for make, wanted in (
    (lambda o: lr_scheduler.StepLR(o, 3, 0.5), 0.5 ** (t // 3)),
    (lambda o: lr_scheduler.MultiStepLR(o, [2, 5], 0.1), 0.1 ** ((t >= 2) * 1 + (t >= 5))),
    (lambda o: lr_scheduler.ExponentialLR(o, 0.9), 0.9**t),
    (lambda o: lr_scheduler.LinearLR(o, 0.5, 1, 4), 0.5 + 0.5 * np.minimum(t / 4, 1)),
    (lambda o: lr_scheduler.PolynomialLR(o, 5, 2), (1 - np.minimum(t / 5, 1)) ** 2),
    (lambda o: lr_scheduler.CosineAnnealingLR(o, 7, 0.05), 0.1 + 0.45 * (1 + np.cos(np.pi * t / 7))),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3), (1 + np.cos(np.pi * (t % 3) / 3)) / 2),
    (lambda o: lr_scheduler.LambdaLR(o, lambda count: 1 / (1 + count)), 1 / (1 + t)),
    (lambda o: lr_scheduler.LRScheduler(o, "inverse_time: {k: 0.5}"), 1 / (1 + 0.5 * t)),
    (lambda o: lr_scheduler.LRScheduler(o, "linear", end=7), 1 - t / 7),
):
    np.testing.assert_allclose(rates(make, 7), wanted, rtol=1e-6, atol=1e-9)
plateau = rates(lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1, factor=0.1), 5, [3.0, 2.0, 2.0, 2.0, 1.0])
np.testing.assert_allclose(plateau, [1, 1, 1, 1, 0.1, 0.1])
for make in (
    lambda o: lr_scheduler.CosineAnnealingLR(o, 0),
    lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0),
    lambda o: lr_scheduler.LinearLR(o, total_iters=-1),
    lambda o: lr_scheduler.PolynomialLR(o, total_iters=0),
):
    raises(ValueError, "at least 1", lambda make=make: rates(make, 1))
low = [lr_scheduler.CosineAnnealingLR(optim.SGD([nn.Parameter([1.0])], lr=lr), 2, 0.05) for lr in (0.1, 0.4)]
low[1].load_state_dict(low[0].state_dict())
low[1].step()
low[1].step()
np.testing.assert_allclose(low[1].get_last_lr(), [0.05], rtol=1e-6)  # eta_min, whatever the rate was
raises(nnmpi.UsageError, "every", lambda: rates(lambda o: lr_scheduler.StepLR(o, 0), 1))
raises(nnmpi.UsageError, "cosin", lambda: rates(lambda o: lr_scheduler.LRScheduler(o, "cosin"), 1))
raises(nnmpi.UsageError, "rate", lambda: whole.optimizer.param_groups[0].update(lr=-1) or whole.optimizer.step())
raises(TypeError, "an optimiser", lambda: lr_scheduler.ExponentialLR(whole.net, 0.9))

# ---- first values --------------------------------------------------------------------------------------------

w = nn.Parameter(np.zeros((300, 200)))
for function, deviation in (
    (lambda: nn.init.xavier_uniform_(w, gain=2), 2 * np.sqrt(2 / 500)),
    (lambda: nn.init.xavier_normal_(w), np.sqrt(2 / 500)),
    (lambda: nn.init.kaiming_uniform_(w, a=5**0.5), np.sqrt(1 / 600)),
    (lambda: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), np.sqrt(2 / 300)),
    (lambda: nn.init.normal_(w, std=0.3), 0.3),
    (lambda: nn.init.uniform_(w, -1, 1), np.sqrt(1 / 3)),
    (lambda: nn.init.orthogonal_(w), np.sqrt(1 / 300)),
    (lambda: nn.init.fill(w, "lecun_normal"), np.sqrt(1 / 200)),
):
    assert function() is w
    assert abs(w.numpy().std() / deviation - 1) < 0.02 and abs(w.numpy().mean()) < 0.02 * deviation
assert 0.49 < nn.init.uniform_(w).numpy().mean() < 0.51 and w.numpy().min() >= 0
assert (nn.init.constant_(w, 0.25).numpy() == 0.25).all() and (nn.init.ones_(w).numpy() == 1).all()
assert not nn.init.zeros_(w).numpy().any() and w.requires_grad
assert nn.init.calculate_gain("relu") == 2**0.5
raises(ValueError, "calculate_gain('tanh')", lambda: nn.init.kaiming_normal_(w, nonlinearity="tanh"))
raises(ValueError, "fan_avg", lambda: nn.init.kaiming_normal_(w, mode="fan_avg"))
raises(nnmpi.UsageError, "no operation has made", lambda: nn.init.zeros_(w * 2))
raises(TypeError, "a tensor is wanted", lambda: nn.init.zeros_(np.zeros(3)))
