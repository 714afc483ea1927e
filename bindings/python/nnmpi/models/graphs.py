"""Graphs of layers: from one Input() to one output."""

from __future__ import annotations

from typing import Any, Sequence, Union

from ..layers import Tensor


def one(tensors: Union[Tensor, Sequence[Tensor]], what: str) -> Tensor:
    found = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if len(found) != 1 or not isinstance(found[0], Tensor):
        raise TypeError(f"Model() takes one tensor as {what}, as a data set has one x and one y")
    return found[0]


def in_order(output: Tensor, source: Tensor) -> list[Tensor]:
    """The tensors that ``output`` is made of, each behind those it reads, without the input."""
    order: list[Tensor] = []
    done: set[int] = {id(source)}
    owner: dict[int, Tensor] = {}

    def visit(tensor: Tensor) -> None:
        if id(tensor) in done:
            return
        done.add(id(tensor))
        if tensor.layer is None:
            raise ValueError("the outputs depend on an Input() that is not the model's inputs")
        if owner.setdefault(id(tensor.layer), tensor) is not tensor:
            raise ValueError(f"{tensor.layer!r} is called twice: layers do not share parameters; make another one")
        for before in tensor.inputs:
            visit(before)
        order.append(tensor)

    visit(output)
    return order


def describe_graph(source: Tensor, output: Tensor) -> list[dict[str, Any]]:
    """The section model of a configuration for what lies between two tensors."""
    order = in_order(output, source)
    if all(tensor.inputs == [before] for before, tensor in zip([source, *order], order)):
        return [tensor.layer.describe() for tensor in order if tensor.layer]
    names: dict[int, str] = {id(source): "input"}
    counts: dict[str, int] = {}
    structure = []
    for tensor in order:
        assert tensor.layer is not None
        ((kind, options),) = tensor.layer.describe().items()
        counts[kind] = counts.get(kind, 0) + 1
        name = options.setdefault("name", f"{kind}{counts[kind]}")
        activation = options.get("activation")  # what follows is a layer of its own in C
        after = activation if activation is None or isinstance(activation, str) else next(iter(activation))
        names[id(tensor)] = f"{name}_{after}" if after else name
        options["inputs"] = [names[id(before)] for before in tensor.inputs]
        structure.append({kind: options})
    return structure
