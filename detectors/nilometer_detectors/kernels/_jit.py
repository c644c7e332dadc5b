"""Functions that are compiled when they are first called.

numba is dear: 0.8 s and 60 MB to import, another 0.6 s and 50 MB for the first function of a process, and 0.1 to 2 s to
compile each one. So nothing of that happens at import: a `Kernel` imports numba and compiles at its first call. A
detector that is to be fast from its first window calls its kernels once while it is built.

What was compiled is kept on disk where numba finds a directory that it can write: NUMBA_CACHE_DIR, the `__pycache__`
beside the source, the user's cache directory, in this order; then another process needs some 10 ms for each function.
Where there is none (a container's read-only root), or the disk is full, or the files there are damaged, functions are
compiled in memory, by every process anew. The cache is as trusted as `__pycache__`: whoever can write it can have code
run.

Results are to the bit: no fast-math, hence no reordering of sums and no fused operations. A division by zero gives inf
or NaN as in numpy. The GIL is released, so a kernel must not be given arrays that another thread writes.

A kernel may call kernels of its own file, and of no other: the cache notices changes of the caller's file alone.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function that is compiled at its first call.

    Args:
        function: what is compiled; it stays as `__wrapped__`.
        arguments: their types: `f8`, `i8`, `b1`, `u8`; with `[]` or `[,]` an array of one or two dimensions, contiguous
            and only read, with `=` behind one that is written.
    """

    def __init__(self, function: Callable[P, R], arguments: tuple[str, ...]) -> None:
        functools.update_wrapper(self, function)
        self.__wrapped__ = function
        self.arguments = arguments
        self._compiled: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the compiled function.

        Raises:
            TypeError: if an argument is of another type than was declared.
        """
        compiled = self._compiled
        if compiled is None:
            compiled = self.compiled()
        return compiled(*args, **kwargs)

    def compiled(self) -> Callable[P, R]:
        """Compiles the function, and before it the kernels that it calls."""
        if self._compiled is None:
            function = cast("FunctionType", self.__wrapped__)
            # numba takes what a function calls from its globals, and must find compiled functions there.
            called = {name: function.__globals__.get(name) for name in function.__code__.co_names}
            callees = {name: found.compiled() for name, found in called.items() if isinstance(found, Kernel)}
            self._compiled = _compile(_with_globals(function, callees), self.arguments)
        return self._compiled


def kernel(*arguments: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Makes a function a kernel; see `Kernel` for the types of arguments."""
    return lambda function: Kernel(function, arguments)


def _with_globals(function: FunctionType, changed: dict[str, Any]) -> FunctionType:
    made = FunctionType(function.__code__, function.__globals__ | changed, function.__name__, function.__defaults__)
    made.__module__, made.__qualname__ = function.__module__, function.__qualname__  # the names of the files of a cache
    return made


def _compile(function: FunctionType, arguments: tuple[str, ...]) -> Any:
    import numba  # noqa: PLC0415 - only who calls a kernel pays for it

    types = tuple(_type_of(argument) for argument in arguments)
    options = {"nogil": True, "fastmath": False, "error_model": "numpy"}
    try:
        return numba.njit(types, cache=True, **options)(function)
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache is no reason not to judge; other faults come again
        return numba.njit(types, **options)(function)


def _type_of(argument: str) -> Any:
    from numba import types  # noqa: PLC0415 - as above

    name, bracket, rest = argument.partition("[")
    scalar = {"f8": types.float64, "i8": types.int64, "u8": types.uint64, "b1": types.boolean}[name]
    if not bracket:
        return scalar
    return types.Array(scalar, rest.count(",") + 1, "C", readonly=not rest.endswith("="))
