"""Two ways of computing less, or the same sooner, in a model that is not ours. Knows no prompts.

Of the last layer only the tokens that are asked about are needed behind the attention; and on x86 processors oneDNN
multiplies matrices of float32 faster than what ``torch.nn.functional.linear`` calls (measured: docs/performance.md).
"""

import platform
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

Asked = Callable[[torch.Tensor], AbstractContextManager[None]]
"""Given the places of the tokens that are asked about, a context in which the last layer computes only these."""
_ROWS = 32
"""Products of fewer rows are left as they are."""
_ONEDNN = (
    torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    and platform.machine() in {"x86_64", "AMD64"}
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
)


class Products(TorchFunctionMode):
    """Within it, this thread's linear layers in float32 on the processor are computed by oneDNN. Needs no gradients."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if _ONEDNN and func is torch.nn.functional.linear and not kwargs:
            values, weight, *bias = args
            if (
                values.dtype == weight.dtype == torch.float32
                and values.device.type == "cpu"
                and values.numel() >= _ROWS * weight.shape[1]
            ):
                return torch.ops.mkldnn._linear_pointwise(values, weight, *(bias or [None]), "none", [], "")
        return func(*args, **(kwargs or {}))


@contextmanager
def only_asked(model: Any) -> Iterator[Asked]:
    """Gives a function that confines what follows the last layer's attention to some tokens, thread by thread.

    The others' results are zero there. A model that is built in an unknown way computes all of them, as before.
    """
    chosen = threading.local()

    def narrow(_module: torch.nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        rows = getattr(chosen, "rows", None)
        return None if rows is None else (given[0].index_select(1, rows), *given[1:])

    def widen(_module: torch.nn.Module, _given: Any, found: torch.Tensor) -> torch.Tensor | None:
        rows = getattr(chosen, "rows", None)
        if rows is None:
            return None
        return found.new_zeros((found.shape[0], chosen.tokens, found.shape[2])).index_copy(1, rows, found)

    def count(_module: torch.nn.Module, given: tuple[Any, ...], others: dict[str, Any]) -> None:
        chosen.tokens = (given[0] if given else others["hidden_states"]).shape[1]

    @contextmanager
    def asked(rows: torch.Tensor) -> Iterator[None]:
        chosen.rows = rows
        try:
            yield
        finally:
            chosen.rows = None

    layer, modules = _behind_attention(model)
    hooks: list[Any] = [] if layer is None else [layer.register_forward_pre_hook(count, with_kwargs=True)]
    for module in modules:
        hooks += [module.register_forward_pre_hook(narrow), module.register_forward_hook(widen)]
    try:
        yield asked
    finally:
        for hook in hooks:
            hook.remove()


def _behind_attention(model: Any) -> tuple[Any, list[torch.nn.Module]]:
    """The last layer, and those of its parts that read one token at a time once attention is done."""
    decoder = model.get_decoder() if hasattr(model, "get_decoder") else None
    layers = getattr(decoder, "layers", None)
    layer = layers[-1] if layers else None
    mlp = getattr(layer, "mlp", None)
    if not type(mlp).__name__.endswith("MLP"):  # others give more than one result, or look at all tokens
        return None, []
    output = getattr(getattr(layer, "self_attn", None), "o_proj", None)
    return layer, [part for part in (output, mlp) if part is not None]
