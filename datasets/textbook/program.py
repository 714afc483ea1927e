"""The program nnmpi, for the pages of the textbook: what it explains, and what its runs write."""

import json
import subprocess


def call(*words):
    return subprocess.run(["nnmpi", *words, "-q"], check=True, stdout=subprocess.PIPE, text=True).stdout


def explain(config, samples=1):
    """One step of a configuration (text): {"forward": {layer: values}, "backward": {layer: delta}, ...}, flat lists."""
    with open("explained.yaml", "w") as f:
        f.write(config)
    told = json.loads(call("explain", "explained.yaml", "--samples", str(samples), "--json"))
    told["forward"] = {layer["layer"]: layer["y"] for layer in told["forward"]}
    told["backward"] = {layer["layer"]: layer["delta"] for layer in told["backward"]}
    return told


def train(run, config, **overrides):
    """Trains a configuration (file), overridden by keys with __ for the dots; the lines of metrics.jsonl."""
    words = [word for key, value in overrides.items() for word in ("-o", f"{key.replace('__', '.')}={value}")]
    call("train", config, "--run", run, *words)
    with open(f"{run}/metrics.jsonl") as f:
        return [json.loads(line) for line in f]


def curve(lines, event="train", value="loss"):
    """Steps and values of one kind of line."""
    found = [(line["step"], line[value]) for line in lines if line["event"] == event]
    return [step for step, _ in found], [v for _, v in found]
