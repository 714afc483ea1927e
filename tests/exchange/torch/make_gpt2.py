"""make_gpt2.py: gpt2.safetensors, a small GPT-2 made from a seed under the names and in the layouts of Hugging Face's files
(float16, so that it is small), and gpt2.npz with tokens x and the logits y that PyTorch makes of them in double precision. Run
once, with PyTorch 2.6; what tests read is kept beside it. The model is that of Radford et al. (2019), as GPT2LMHeadModel has it."""
import json
import struct

import numpy as np
import torch
from torch.nn import functional as F

VOCABULARY, CONTEXT, WIDTH, HEADS, BLOCKS = 16, 6, 8, 2, 2
torch.set_default_dtype(torch.float64)
torch.manual_seed(2)


def shapes():
    yield "wte.weight", (VOCABULARY, WIDTH)
    yield "wpe.weight", (CONTEXT, WIDTH)
    for i in range(BLOCKS):
        block = f"h.{i}."
        for norm in "ln_1", "ln_2":
            yield block + norm + ".weight", (WIDTH,)
            yield block + norm + ".bias", (WIDTH,)
        for name, inputs, outputs in (("attn.c_attn", WIDTH, 3 * WIDTH), ("attn.c_proj", WIDTH, WIDTH),
                                      ("mlp.c_fc", WIDTH, 4 * WIDTH), ("mlp.c_proj", 4 * WIDTH, WIDTH)):
            yield block + name + ".weight", (inputs, outputs)
            yield block + name + ".bias", (outputs,)
        yield block + "attn.bias", (1, 1, CONTEXT, CONTEXT)  # the causal mask, which such files have
    yield "ln_f.weight", (WIDTH,)
    yield "ln_f.bias", (WIDTH,)


def gpt2(p, tokens):
    """Logits [samples, steps, VOCABULARY]."""
    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), p[name + ".weight"], p[name + ".bias"], 1e-5)

    def conv1d(x, name):
        return x @ p[name + ".weight"] + p[name + ".bias"]

    def heads(x):
        return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    x = p["wte.weight"][tokens] + p["wpe.weight"][:tokens.shape[1]]
    for i in range(BLOCKS):
        block = f"h.{i}."
        q, k, v = map(heads, conv1d(norm(x, block + "ln_1"), block + "attn.c_attn").split(WIDTH, -1))
        scores = q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        y = torch.softmax(scores.masked_fill(later, -torch.inf), -1) @ v
        x = x + conv1d(y.transpose(1, 2).flatten(2), block + "attn.c_proj")
        y = F.gelu(conv1d(norm(x, block + "ln_2"), block + "mlp.c_fc"), approximate="tanh")
        x = x + conv1d(y, block + "mlp.c_proj")
    return norm(x, "ln_f") @ p["wte.weight"].T


params, header, data = {}, {}, b""
for name, shape in shapes():
    t = torch.randn(shape) * 0.5 + (1 if ".ln_" in name and "weight" in name else 0)
    params[name] = t.half().double()
    numbers = t.half().numpy().tobytes()
    header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [len(data), len(data) + len(numbers)]}
    data += numbers
head = json.dumps(header).encode()
with open("gpt2.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(head)) + head + data)
x = torch.tensor([[3, 1, 2, 2, 5, 4], [15, 7, 8, 9, 9, 1]])
np.savez_compressed("gpt2", x=x.numpy(), y=gpt2(params, x).numpy())
