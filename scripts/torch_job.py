"""PyTorch's side of compare_pytorch.py and compare_hosts.py: reads what to do as JSON from its
argument, and prints the result as JSON. A job has

  what        single: one process; ddp: DistributedDataParallel in processes of this machine; rank:
              this process is one of DistributedDataParallel's, started by mpirun. These three give
              samples/s of windows of time. loss: after some steps. version: of PyTorch
  model       its modules; shape: of a sample; batch: samples of the global minibatch
  seconds     of the measurement, in so many windows; least_windows: when steps are slow
  threads     of single; bf16: whether its layers multiply in bfloat16 (autocast)
  ranks, address, port, interface   of ddp and rank; hook: one of torch's default_hooks, or none
  parameters, data, steps           of loss
"""
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Model(nn.Module):
    def __init__(self, **modules):
        super().__init__()
        self.names = list(modules)
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
            if isinstance(x, tuple):  # an LSTM's outputs and states
                x = x[0][:, -1]
        return x


def build(job):
    torch.manual_seed(1)
    model = eval("Model(" + job["model"] + ")")
    if len(job["shape"]) == 3:
        model = model.to(memory_format=torch.channels_last)
    return model


def minibatches(job, rows):
    generator = torch.Generator().manual_seed(1)
    count = 2 if job["shape"] == [4096] else 16
    xs = [torch.rand(rows, *job["shape"], generator=generator) for _ in range(count)]
    if len(job["shape"]) == 3:
        xs = [x.contiguous(memory_format=torch.channels_last) for x in xs]
    return xs, [torch.randint(0, 10, (rows,), generator=generator) for _ in range(count)]


def step(model, optimizer, x, y, bf16=False):
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        outputs = model(x)
    loss = F.cross_entropy(outputs.float(), y)
    loss.backward()
    optimizer.step()
    return loss


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)


def timed(job, model, rows, agree):
    """Before what counts DDP chooses its buckets, and caches and allocators settle."""
    optimizer = sgd(model)
    xs, ys = minibatches(job, rows)

    def window(steps):
        start = time.perf_counter()
        for i in range(steps):
            step(model, optimizer, xs[i % len(xs)], ys[i % len(xs)], job.get("bf16", False))
        return job["batch"] * steps / (time.perf_counter() - start)

    window(2)
    rate = agree(window(1))
    rate = agree(window(max(1, int(0.3 * rate / job["batch"]))))
    steps = int(job["seconds"] * rate / job["batch"])
    windows = max(job["least_windows"], min(job["windows"], steps))
    return [window(max(1, steps // windows)) for _ in range(windows)]


def single(job):
    torch.set_num_threads(job["threads"])
    return timed(job, build(job), job["batch"], lambda rate: rate)


def one_of_ddp(rank, job):
    import torch.distributed as dist
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR=job["address"], MASTER_PORT=str(job["port"]),
                      GLOO_SOCKET_IFNAME=job["interface"])
    os.environ.setdefault("USE_LIBUV", "0")  # Debian builds PyTorch without it
    dist.init_process_group("gloo", rank=rank, world_size=job["ranks"])

    def agree(rate):
        both = torch.tensor([rate], dtype=torch.float64)
        dist.broadcast(both, 0)
        return both.item()

    model = nn.parallel.DistributedDataParallel(build(job), gradient_as_bucket_view=True)
    if job.get("hook"):
        from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
        hook = getattr(default_hooks, job["hook"])
        # by its name bf16 would be refused without CUDA, although gloo may know it
        model.register_comm_hook(dist.group.WORLD, lambda state, bucket: hook(state, bucket))
    rate = timed(job, model, job["batch"] // job["ranks"], agree)
    if rank == 0:
        print(json.dumps(rate), flush=True)
    dist.destroy_process_group()


def ddp(job):
    torch.multiprocessing.spawn(one_of_ddp, args=(job,), nprocs=job["ranks"])


def rank_of_ddp(job):
    launcher = "OMPI_COMM_WORLD_RANK" if "OMPI_COMM_WORLD_RANK" in os.environ else "PMI_RANK"
    one_of_ddp(int(os.environ[launcher]), job)


def loss(job):
    import h5py
    torch.set_num_threads(1)
    model = build(job)
    with h5py.File(job["parameters"], "r") as f:
        model.load_state_dict({f"{layer}.{name}": torch.from_numpy(tensor[:])
                               for layer, group in f["model"].items()
                               for name, tensor in group.items()})
    with h5py.File(job["data"], "r") as f:
        x = torch.from_numpy(f["train/x"][:]).float() / 255
        y = torch.from_numpy(f["train/y"][:].astype("int64"))
    optimizer = sgd(model)
    for _ in range(job["steps"]):
        last = step(model, optimizer, x, y)
    return last.item()


def main():
    job = json.loads(sys.argv[1])
    does = {"single": single, "ddp": ddp, "rank": rank_of_ddp, "loss": loss,
            "version": lambda job: torch.__version__}
    result = does[job["what"]](job)
    if result is not None:  # rank 0 of DDP has printed it
        print(json.dumps(result))


if __name__ == "__main__":
    main()
