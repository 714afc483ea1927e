#!/usr/bin/env python3
"""Trains a configuration like datasets/text/gpt.yaml in PyTorch, as nnmpi has trained it: from the same initial
parameters, on the same minibatches, with the same learning rates; prints both losses side by side.

    nnmpi data import text shakespeare.txt --context 64 --valid 0.02 -O shakespeare.h5
    run() { nnmpi train datasets/text/gpt.yaml -o data='{path: shakespeare.h5, shuffle: false}' "$@"; }
    run --run initial -o train.max_steps=0 && nnmpi export initial --npz initial.npz
    run --run gpt -o train.log_every=1 -o train.warmup.steps=20 -o train.batch_size=8 -o train.max_steps=100
    scripts/compare_gpt.py shakespeare.h5 initial.npz gpt --batch 8 --every 10

It knows the optimiser of gpt.yaml, and no dropout. Wants PyTorch 2 and h5py."""
import argparse
import json
import re

import h5py
import numpy
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, width, inner, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x, mask):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, attn_mask=mask, is_causal=True, need_weights=False)[0]
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class GPT(nn.Module):
    """With the names of the file of tensors, but for the numbers of blocks."""

    def __init__(self, tensors, heads):
        super().__init__()
        vocabulary, width = tensors["tokens.weight"].shape
        inner = tensors["block.0.fc1.weight"].shape[0]
        blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("block."))
        self.tokens, self.norm = nn.Embedding(vocabulary, width), nn.LayerNorm(width)
        self.positions = nn.Embedding(*tensors["positions.weight"].shape)
        self.block = nn.ModuleList(Block(width, inner, heads) for _ in range(blocks))
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.load_state_dict(tensors)
        self.head.weight = self.tokens.weight
        context = len(self.positions.weight)
        self.mask = nn.Transformer.generate_square_subsequent_mask(context)

    def forward(self, x):
        x = self.tokens(x) + self.positions.weight
        for block in self.block:
            x = block(x, self.mask)
        return self.head(self.norm(x))


def windows(path, split, context):
    """Windows one behind the other; the last one ends with the text, and what it shares with the one before is -1."""
    with h5py.File(path) as file:
        stream = torch.from_numpy(file[f"{split}/tokens"][:].astype("i8"))
    count = (len(stream) - 1 + context - 1) // context
    begins = [min(i * context, len(stream) - 1 - context) for i in range(count)]
    x = torch.stack([stream[b:b + context] for b in begins])
    y = torch.stack([stream[b + 1:b + 1 + context] for b in begins])
    y[-1, :(count - 1) * context - begins[-1]] = -1
    return x, y


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=-1)


def validate(model, x, y, batch):
    with torch.no_grad():
        losses = [(loss_of(model, x[i:i + batch], y[i:i + batch]), (y[i:i + batch] >= 0).sum())
                  for i in range(0, len(x), batch)]
    return float(sum(loss * count for loss, count in losses) / sum(count for _, count in losses))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("initial")
    parser.add_argument("run")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--every", type=int, default=50)
    options = parser.parse_args()
    tensors = {re.sub(r"^block_(\d+)_", r"block.\1.", name): torch.from_numpy(array)
               for name, array in numpy.load(options.initial).items()
               if isinstance(array, numpy.ndarray)}
    model = GPT(tensors, options.heads)
    context = len(model.positions.weight)
    lines = [json.loads(line) for line in open(options.run + "/metrics.jsonl")]
    steps = [line for line in lines if line["event"] == "train"]
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0}],
                                  betas=(0.9, 0.99))
    x, y = windows(options.data, "train", context)
    per_epoch = (len(x) + options.batch - 1) // options.batch
    print(f"{'step':>6} {'nnmpi':>8} {'PyTorch':>8}")
    for i, line in enumerate(steps):
        begin = i % per_epoch * options.batch
        loss = loss_of(model, x[begin:begin + options.batch], y[begin:begin + options.batch])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        for group in optimizer.param_groups:
            group["lr"] = line["lr"]
        optimizer.step()
        if i == 0 or (i + 1) % options.every == 0 or i + 1 == len(steps):
            print(f"{i + 1:6} {line['loss']:8.4f} {loss.item():8.4f}", flush=True)
    own = [line["loss"] for line in lines if line["event"] == "validate"][-1]
    print(f"{'valid':>6} {own:8.4f} {validate(model, *windows(options.data, 'valid', context), options.batch):8.4f}")


if __name__ == "__main__":
    main()
