"""Minibatches of several sizes on Iris: the loss by iteration, and by epoch, which is what a pass over the data costs."""

from figure import Panel, draw
from program import curve, train

by_step = Panel("loss by iteration", "update", "loss", (0, 300), (0, 1.2))
by_epoch = Panel("loss by epoch", "epoch", "loss", (0, 40), (0, 1.2))
for size in 1, 10, 40, 120:
    lines = train(f"batch{size}", "datasets/iris/iris.yaml", train__batch_size=size, train__epochs=40, train__log_every=1,
                  train__optimizer="{sgd: {lr: 0.05}}", model__0__dense__activation="tanh", validate__every_epochs=40)
    steps, losses = curve(lines)
    each = 120 // size
    means = [sum(losses[i : i + each]) / each for i in range(0, len(losses), each)]
    print(f"B = {size:3d}: {each:3d} updates an epoch, loss of the last epoch {means[-1]:.3f}")
    step = max(1, len(steps) // 300)
    by_step.line(steps[:300], losses[:300], f"B = {size}")
    by_epoch.line(range(1, len(means) + 1), means, f"B = {size}")
draw("batches.svg", by_step, by_epoch)
