"""Modules, what is made of them, and their parameters. All of it is Local."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

import numpy as np

from ..tensors import Tensor, readable
from . import init


class Parameter(Tensor):
    """A tensor that a module owns and an optimiser changes."""

    __slots__ = ()

    def __init__(self, values: Any, requires_grad: bool = True):
        super().__init__(np.asarray(values, dtype=np.float32), requires_grad)

    def initialize(self, initializer: str) -> Parameter:
        """First values by an initialiser as configurations have it ("he_uniform", "normal: {std: 0.1}"), from a
        stream of random numbers of its own; itself."""
        init.fill(self, initializer)
        return self


def uniform(shape: Any, fan_in: int) -> Parameter:
    """PyTorch's default: uniform in [-r, r), r = 1 / sqrt(fan_in)."""
    return Parameter(np.zeros(shape)).initialize(f"uniform: {{r: {max(fan_in, 1) ** -0.5!r}}}")


class Module:
    """What has parameters, other modules, and a ``forward``.

    Tensors of ``Parameter`` and modules that are attributes are found by ``parameters``, ``state_dict`` and the like.
    """

    training = True

    def __init__(self) -> None:
        for kind in ("_parameters", "_modules", "_buffers"):
            object.__setattr__(self, kind, {})

    def __setattr__(self, name: str, value: Any) -> None:
        kinds = (("_parameters", Parameter), ("_modules", Module))
        if "_parameters" not in self.__dict__:
            if isinstance(value, (Parameter, Module)):
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before attributes are set")
            return object.__setattr__(self, name, value)
        for kind, type_of in kinds:
            getattr(self, kind).pop(name, None)
            if isinstance(value, type_of):
                getattr(self, kind)[name] = value
        if name in self._buffers:
            self._buffers[name] = value
        return object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for kind in ("_parameters", "_modules", "_buffers"):
            self.__dict__.get(kind, {}).pop(name, None)
        object.__delattr__(self, name)

    def register_buffer(self, name: str, value: Tensor) -> None:
        """A tensor that ``state_dict`` has and no optimiser changes."""
        self._buffers[name] = value
        object.__setattr__(self, name, value)

    def register_parameter(self, name: str, value: Parameter | None) -> None:
        """As an attribute is set; None: there is none of this name."""
        setattr(self, name, value)

    def forward(self, *inputs: Any) -> Any:
        """What the module computes; for every kind of module to say."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, *inputs: Any, **more: Any) -> Any:
        return self.forward(*inputs, **more)

    # ---- what is in it ---------------------------------------------------------------------------------------------

    def children(self) -> Iterator[Module]:
        """The modules that are its attributes."""
        return iter(self._modules.values())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Itself and all modules below it, with dotted names."""
        yield prefix, self
        for name, module in self._modules.items():
            yield from module.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """Itself and all modules below it."""
        return (module for _, module in self.named_modules())

    def _named(self, kind: str) -> Iterator[tuple[str, Tensor]]:
        """Each tensor once, though several modules share it."""
        seen = set()
        for prefix, module in self.named_modules():
            for name, value in getattr(module, kind).items():
                if id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters, with PyTorch's names: "fc1.weight"."""
        return self._named("_parameters")

    def parameters(self) -> Iterator[Parameter]:
        """All parameters."""
        return (value for _, value in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers, such as running means."""
        return self._named("_buffers")

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Calls it with all modules, itself last; itself."""
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def train(self, mode: bool = True) -> Module:
        """Dropout drops and batch normalisation learns; itself."""
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Module:
        """The opposite of ``train``; itself."""
        return self.train(False)

    def requires_grad_(self, on: bool = True) -> Module:
        """Of all parameters; itself."""
        for parameter in self.parameters():
            parameter.requires_grad = on
        return self

    def zero_grad(self) -> None:
        """No parameter has a gradient."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, *anywhere: Any, **how: Any) -> Module:
        """Itself: there is nowhere else."""
        return self

    # ---- exchange --------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        for prefix, module in self.named_modules():
            for kind in (module._parameters, module._buffers):
                for name, value in kind.items():
                    state[f"{prefix}.{name}" if prefix else name] = value
        return state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers, numpy arrays with PyTorch's names and layouts:
        ``{name: torch.from_numpy(array)}`` is what ``load_state_dict`` of the same module of PyTorch takes."""
        return {name: value.numpy() for name, value in self._state().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Takes arrays, tensors, or tensors of PyTorch by name. ``strict``: all names, and no others."""
        own = self._state()
        missing, unknown = own.keys() - state_dict.keys(), state_dict.keys() - own.keys()
        if strict and (missing or unknown):
            raise KeyError(f"names that are missing: {sorted(missing)}; that are unknown: {sorted(unknown)}")
        arrays = {name: readable(state_dict[name]) for name in own if name in state_dict}
        for name, array in arrays.items():  # all or none
            if array.shape != own[name].shape:
                raise ValueError(f"{name} is {list(own[name].shape)}, not {list(array.shape)}")
            if (array.dtype.kind == "f") != (own[name].dtype.kind == "f"):
                raise ValueError(f"{name} holds {own[name].dtype}, not {array.dtype}")
        for name, array in arrays.items():
            own[name].copy_(array)

    def extra_repr(self) -> str:
        """What distinguishes it from others of its kind."""
        return ""

    def __repr__(self) -> str:
        lines = [f"  ({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        inside = "\n" + "\n".join(lines) + "\n" if lines else self.extra_repr()
        return f"{type(self).__name__}({inside})"


# ---- containers ----------------------------------------------------------------------------------------------------


class Sequential(Module):
    """Modules one after the other."""

    def __init__(self, *modules: Any):
        super().__init__()
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else None
        for name, module in named.items() if named else enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: a module is wanted, not {type(module).__name__}")
            setattr(self, str(name), module)

    def forward(self, input: Any) -> Any:  # noqa: A002 (PyTorch's name)
        """The last one's output."""
        for module in self._modules.values():
            input = module(input)  # noqa: A001
        return input

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, index: int) -> Module:
        return list(self._modules.values())[index]

    def __iter__(self) -> Iterator[Module]:
        return self.children()


class ModuleDict(Module):
    """Modules by name, which their owner calls."""

    def __init__(self, modules: Mapping[str, Module] | None = None):
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: a module is wanted, not {type(module).__name__}")
        if not name or "." in name or (name not in self._modules and hasattr(self, name)):
            raise KeyError(f"ModuleDict: {name!r} is no name for a module")
        setattr(self, name, module)

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        object.__delattr__(self, name)

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Pairs of a name and its module."""
        return self._modules.items()


class ModuleList(Sequential):
    """Modules in a list, which its owner calls."""

    def __init__(self, modules: Any = ()):
        super().__init__(*modules)

    def append(self, module: Module) -> ModuleList:
        """One more; itself."""
        setattr(self, str(len(self)), module)
        return self

    def forward(self, *inputs: Any) -> Any:
        """There is none."""
        raise NotImplementedError("a ModuleList is not called, but its modules are")
