"""Which ways through a module were taken: every arm of every `if`, `for` and `while`, counted from outside by a tracer.

Nothing in the engine knows of it, and only the functions that are watched are traced line by line.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any


@dataclass(frozen=True)
class Arm:
    """One way on from a condition.

    Args:
        test: the lines of the condition.
        body: the lines that its yes leads to.
        yes: whether this is the yes, or the no.
    """

    name: str
    test: range
    body: range
    yes: bool


def arms_of(module: ModuleType) -> list[Arm]:
    """All arms of the functions of a module, named by function and condition."""
    tree = ast.parse(inspect.getsource(module))
    short = module.__name__.rpartition(".")[2]
    return [arm for function, node in _conditions(tree, short) for arm in _arms(function, node)]


def _conditions(tree: ast.AST, where: str) -> Iterator[tuple[str, ast.If | ast.For | ast.While | ast.ExceptHandler]]:
    for node in ast.iter_child_nodes(tree):
        inner = where
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{where}.{node.name}"
        elif isinstance(node, ast.If | ast.For | ast.While | ast.ExceptHandler):
            yield where, node
        yield from _conditions(node, inner)


def _arms(function: str, node: ast.If | ast.For | ast.While | ast.ExceptHandler) -> Iterator[Arm]:
    body = range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
    if isinstance(node, ast.ExceptHandler):
        yield Arm(f"{function}: except {ast.unparse(node.type) if node.type else ''}", range(0), body, True)
        return
    asked = node.iter if isinstance(node, ast.For) else node.test
    test = range(node.lineno, (asked.end_lineno or 0) + 1)
    word = {ast.If: "if", ast.For: "for each of", ast.While: "while"}[type(node)]
    name = f"{function}: {word} {ast.unparse(asked)}"
    yield Arm(name, test, body, True)
    if isinstance(node, ast.If):
        yield Arm(f"{name} (no)", test, body, False)


class Watch:
    """Traces the functions of some modules while `watching`; `missing` are the arms that were not taken so far."""

    def __init__(self, modules: Sequence[ModuleType]) -> None:
        self._arms: Mapping[str, list[Arm]] = {str(module.__file__): arms_of(module) for module in modules}
        self.missing: set[str] = {arm.name for arms in self._arms.values() for arm in arms}
        self.all = frozenset(self.missing)
        self._jumps: dict[str, set[tuple[int, int]]] = {path: set() for path in self._arms}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Trace what runs inside."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)
            self._count()

    def _called(self, frame: FrameType, _event: str, _argument: object) -> Callable[..., Any] | None:
        jumps = self._jumps.get(frame.f_code.co_filename)
        if jumps is None:
            return None
        at = frame.f_lineno

        def line(frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
            nonlocal at
            jumps.add((at, frame.f_lineno if event == "line" else 0))
            at = frame.f_lineno
            return line

        return line

    def _count(self) -> None:
        for path, arms in self._arms.items():
            jumps, self._jumps[path] = self._jumps[path], set()
            for arm in arms:
                if arm.name in self.missing and any(_takes(arm, start, end) for start, end in jumps):
                    self.missing.discard(arm.name)


def _takes(arm: Arm, start: int, end: int) -> bool:
    """Whether a step from one line to another (0 for out of the function) is this arm."""
    if arm.yes:
        return end == arm.body.start or (start in arm.test and end in arm.body)
    return start in arm.test and end not in arm.test and end not in arm.body
