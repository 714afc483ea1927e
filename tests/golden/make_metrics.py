#!/usr/bin/env python3
"""Writes metrics.h: metrics worked out with numpy from their definitions, sample by sample and pair by pair.

Usage: make_metrics.py > metrics.h"""
import numpy as np

rng = np.random.default_rng(11)
N = 12


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in np.ravel(values)) + "}"


def one_hot(label, classes):
    return np.eye(classes)[label]


def classes_of(z, threshold):
    return z.argmax(1) if z.shape[1] > 1 else (z[:, 0] > threshold).astype(int)


def case(yaml, function, z, label=None, y=None, weight=None, threshold=0.0, fuses=None, tolerance=1e-12):
    """One row; function(z, label or y, weights) of the samples that count gives the value and the table."""
    weight = np.ones(N) if weight is None else weight
    keep = weight > 0 if label is None else (weight > 0) & (label >= 0)
    value, table = function(z[keep], (y if label is None else label)[keep], weight[keep])
    table = np.zeros((0, 0)) if table is None else np.atleast_2d(table)
    print("    {" + ",\n     ".join(
        [f'.yaml = "{yaml}"', f".outputs = {z.shape[1]}", f".labels = {str(label is not None).lower()}",
         f".threshold = {threshold!r}", ".fuses = " + (f'"{fuses}"' if fuses else "NULL"),
         ".z = " + numbers(z), ".y = " + (numbers(y) if label is None else "{0}"),
         ".label = {" + ", ".join(str(v) for v in (np.zeros(N, int) if label is None else label)) + "}",
         ".weight = " + numbers(weight), f".value = {'NAN' if value is None else repr(float(value))}",
         f".tolerance = {tolerance!r}", f".rows = {table.shape[0] if table.size else 0}",
         f".columns = {table.shape[1] if table.size else 0}",
         ".table = " + (numbers(table) if table.size else "{0}")]) + "},")


def confusion(threshold=0.0):
    def value(z, t, w):
        classes = max(z.shape[1], 2)
        actual = t if t.ndim == 1 else classes_of(t, 0.5)
        m = np.zeros((classes, classes))
        for a, p, one in zip(actual, classes_of(z, threshold), w):
            m[a, p] += one
        return None, m
    return value


def score(name, average="macro", per_class=False, threshold=0.0):
    def value(z, t, w):
        m = confusion(threshold)(z, t, w)[1]
        hit, predicted, actual = np.diag(m), m.sum(0), m.sum(1)
        scores = {"precision": [h / p if p else 0 for h, p in zip(hit, predicted)],
                  "recall": [h / a if a else 0 for h, a in zip(hit, actual)],
                  "f1": [2 * h / (p + a) if p + a else 0 for h, p, a in zip(hit, predicted, actual)]}[name]
        seen = predicted + actual > 0
        mean = scores[1] if average == "positive" else np.mean(np.array(scores)[seen])
        return mean, scores if per_class else None
    return value


def multilabel(name, threshold):
    def value(z, t, w):
        binary = [score(name, "positive", threshold=threshold)(z[:, [j]], t[:, [j]], w)[0] for j in range(z.shape[1])]
        return np.mean(binary), binary
    return value


def accuracy(share=False, threshold=0.0):
    def value(z, t, w):
        if share:
            return (w * ((z > threshold) == (t > 0.5)).mean(1)).sum() / w.sum(), None
        m = confusion(threshold)(z, t, w)[1]
        return np.trace(m) / m.sum(), None
    return value


def zero_one(z, t, w):
    return 1 - accuracy()(z, t, w)[0], None


def top_k(k):
    def value(z, t, w):
        t = t if t.ndim == 1 else t.argmax(1)
        order = np.argsort(-z, axis=1, kind="stable")[:, :k]
        return (w * (order == t[:, None]).any(1)).sum() / w.sum(), None
    return value


def auc_of_pairs(s, positive, w):
    up, down = np.flatnonzero(positive), np.flatnonzero(~positive)
    pairs = sum(w[i] * w[j] * ((s[i] > s[j]) + 0.5 * (s[i] == s[j])) for i in up for j in down)
    return pairs / (w[up].sum() * w[down].sum())


def auc(softmax=False, per_class=False):
    def value(z, t, w):
        if softmax:
            e = np.exp(z - z.max(1, keepdims=True))
            z = e / e.sum(1, keepdims=True)
        if t.ndim == 1:
            t = one_hot(t, z.shape[1]) if z.shape[1] > 1 else t[:, None]
        areas = [auc_of_pairs(z[:, k], t[:, k] > 0.5, w) for k in range(z.shape[1])
                 if 0 < (t[:, k] > 0.5).sum() < len(t)]
        return np.mean(areas), areas if per_class else None
    return value


def nats(z, t, w):
    return (w * (np.log(np.exp(z).sum(1)) - z[np.arange(len(t)), t])).sum()


def perplexity(z, t, w):
    return np.exp(nats(z, t, w) / w.sum()), None


def bits_per_byte(z, t, w):
    """A token of class c is of c + 1 bytes."""
    return nats(z, t, w) / np.log(2) / (w * (t + 1)).sum(), None


def mae(z, t, w):
    return (w * abs(z - t).mean(1)).sum() / w.sum(), None


def rmse(z, t, w):
    return np.sqrt((w * ((z - t) ** 2).mean(1)).sum() / w.sum()), None


def r2(z, t, w):
    w = w[:, None]
    mean = (w * t).sum(0) / w.sum()
    return np.mean(1 - (w * (z - t) ** 2).sum(0) / (w * (t - mean) ** 2).sum(0)), None


print("/* Written by make_metrics.py. */")
print("#include <math.h>\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n")
print("/* clang-format off */")
print(f"enum {{ GOLDEN_BATCH = {N} }};\n")
print("static const struct golden_metric {")
print("    const char *yaml;")
print("    size_t outputs;")
print("    bool labels;")
print("    double threshold; /* of the loss */")
print("    const char *fuses;")
print("    double z[48], y[48];")
print("    int32_t label[12];")
print("    double weight[12], value, tolerance;")
print("    size_t rows, columns;")
print("    double table[16];")
print("} golden_metrics[] = {")

label = rng.integers(0, 4, N)
label[[2, 7]] = [-1, 0]
rare = np.where(label == 3, 0, label)  # a class that does not occur
half = np.where(label > 1, 1, np.minimum(label, 0))
z = (rng.normal(size=(N, 4)) + 1.5 * one_hot(np.maximum(label, 0), 4)).astype("f4").astype("f8")
z[4] = [1, 1, 0, 1]  # ties
never = z - [0, 0, 0, 100]  # a class that is not predicted
wide = 1e4 * z
one = (rng.normal(size=(N, 1)) + 2 * (half[:, None] > 0)).astype("f4").astype("f8")
part = (rng.random((N, 4)) ** 2).astype("f4").astype("f8")
bits = (rng.random((N, 4)) < 0.6).astype("f8")
rows = one_hot(np.maximum(label, 0), 4)
weight = np.array([1, 2, 0.5, 0, 1.5, 1, 0.25, 3, 1, 1, 0.5, 2])
y = (rng.normal(size=(N, 2)) + [5, -2]).astype("f4").astype("f8")
near = (y + 0.5 * rng.normal(size=(N, 2))).astype("f4").astype("f8")

case("accuracy", accuracy(), z, label, weight=weight)
case("accuracy", accuracy(threshold=0.5), one, half, threshold=0.5)
case("{accuracy: {threshold: 0.5}}", accuracy(threshold=0.5), one, half)
case("{accuracy: {multilabel: true, threshold: 0.5}}", accuracy(True, 0.5), part, y=bits)
case("zero_one", zero_one, z, label, weight=weight)
case("{zero_one: {threshold: 0, multilabel: false}}", zero_one, one, half, threshold=0.5)
for k in (1, 2, 3):
    case("{top_k: {k: %d}}" % k, top_k(k), z, label, weight=weight)
case("{top_k: {k: 2}}", top_k(2), z, y=rows)
case("confusion", confusion(), z, label)
case("confusion", confusion(), z, y=rows, weight=weight)
case("{confusion: {threshold: 0.5}}", confusion(0.5), one, half, weight=weight)
for name in ("precision", "recall", "f1"):
    case(name, score(name), z, label, weight=weight)
    case("{%s: {per_class: true}}" % name, score(name, per_class=True), never, label)
    case("{%s: {per_class: true}}" % name, score(name, per_class=True), never, rare)
    case(name, score(name, "positive"), one, half, weight=weight)
    case("{%s: {average: macro, threshold: 0.5}}" % name, score(name, threshold=0.5), one, half)
    case("{%s: {average: positive}}" % name, score(name, "positive", threshold=0.5), one, half, threshold=0.5)
    case("{%s: {multilabel: true, per_class: true, threshold: 0.5}}" % name, multilabel(name, 0.5), part, y=bits)
case("auc", auc(), one, half, weight=weight)
case("auc", auc(), np.round(one), half, weight=weight)  # ties
case("auc", auc(), one, y=(half[:, None] > 0).astype("f8"), fuses="sigmoid")
case("{auc: {per_class: true}}", auc(True, True), z, label, weight=weight, fuses="softmax")
case("auc", auc(True), z, rare, fuses="softmax")
case("{auc: {per_class: true}}", auc(False, True), part, y=bits)
case("auc", auc(), wide, label, weight=weight)
for name, function in (("mae", mae), ("rmse", rmse), ("r2", r2)):
    case(name, function, near, y=y, weight=weight)
    case(name, function, near[:, :1], y=y[:, :1])
case("perplexity", perplexity, z, label, weight=weight, fuses="softmax")
case("bits_per_byte", bits_per_byte, z, label, weight=weight, fuses="softmax")
print("};")
