"""`domain.ports.Expander`: which occurrences a series has in a span, counted and bounded (`engine.md` §5, fault E1).

Rules that people make are walked here. A rule that might walk for ever goes to a worker process, which is killed when
it has not answered within a second; its verdict is kept, so that one hostile series costs that second once.
"""

from __future__ import annotations

import json
import math
import os
import queue
import subprocess  # the worker must be killable, which a thread is not
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.errors import InputError, KalendsError
from app.domain.events import Fields
from app.domain.times import Moment, Span, to_utc
from app.system.recurrence import RuleSet, read_rules, too_dense

WORKER_SECONDS: Final = 1.0
_START_SECONDS: Final = 20.0
_VERDICTS_KEPT: Final = 512
_LATE_SECONDS: Final = 900.0
# A wall clock and its zone differ by less than this from any other zone's.
_MARGIN: Final = timedelta(days=2)


def worker_command() -> tuple[str, ...]:
    """How the worker is started from a checkout or an installed package; a frozen app passes its own."""
    return (sys.executable, "-P", "-m", "app.system.expansion_worker")


class BoundedExpander:
    """Expands series, never for longer than about a second.

    Blocking for that second at worst. `close` ends the worker; it is started again when needed.

    Args:
        command: starts the worker.
        worker_seconds: how long it may think about one series.
        clock: seconds that only go forward, for how long the verdict on a late rule lasts.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        worker_seconds: float = WORKER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = _Worker(tuple(command if command is not None else worker_command()), worker_seconds)
        self._clock = clock
        self._verdicts: OrderedDict[tuple[Any, ...], tuple[tuple[datetime, ...] | InputError, float]] = OrderedDict()

    def occurrences(self, fields: Fields, span: Span, fallback_zone: str) -> Sequence[Moment]:
        """Original starts of all occurrences that overlap a span, cancelled ones included, in order.

        Args:
            fields: of the series, or of a single event, which is its own only occurrence.
            span: absolute.
            fallback_zone: where the dates of all-day series begin.

        Returns:
            Naive wall times of the series zone, or dates.

        Raises:
            InputError: `series_too_dense`, `rule_unreadable`.
            KalendsError: `expansion_failed`, the worker cannot run at all.
        """
        when = fields.when
        zone = when.zone or fallback_zone
        lines = fields.recurrence.lines if fields.recurrence is not None else ()
        rules = read_rules(lines, when.start, zone)
        after, before = _wall_span(span, zone, when.duration)
        walls = rules.walls(after, before) if rules.simple(before) else self._elsewhere(rules, lines, after, before)
        return [
            wall.date() if rules.all_day else wall
            for wall in walls
            if span.meets(to_utc(wall, zone), to_utc(wall + when.duration, zone))
        ]

    def close(self) -> None:
        """End the worker."""
        self._worker.stop()

    def _elsewhere(self, rules: RuleSet, lines: Sequence[str], after: datetime, before: datetime) -> Sequence[datetime]:
        series = (rules.start, rules.zone, rules.all_day, tuple(lines))
        # A refusal is kept for the series whatever the span: spans move with the days, hostile rules stay.
        verdict = self._kept(series) or self._kept((*series, after, before))
        if verdict is None:
            try:
                verdict = self._worker.ask(rules, lines, after, before)
                lasts = math.inf
            except TimeoutError:
                # On a busy machine an honest rule can be late too: it gets another chance.
                verdict, lasts = too_dense(), self._clock() + _LATE_SECONDS
            key = series if isinstance(verdict, InputError) else (*series, after, before)
            self._verdicts[key] = (verdict, lasts)
            if len(self._verdicts) > _VERDICTS_KEPT:
                self._verdicts.popitem(last=False)
        if isinstance(verdict, InputError):
            raise InputError(verdict.message, code=verdict.code, fix=verdict.fix)
        return verdict

    def _kept(self, key: tuple[Any, ...]) -> tuple[datetime, ...] | InputError | None:
        verdict, until = self._verdicts.get(key, (None, math.inf))
        return verdict if self._clock() < until else None


class _Worker:
    """The other process: one JSON line in, one out (`expansion_worker`)."""

    def __init__(self, command: tuple[str, ...], seconds: float) -> None:
        self._command = command
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask(
        self, rules: RuleSet, lines: Sequence[str], after: datetime, before: datetime
    ) -> tuple[datetime, ...] | InputError:
        """Have one series walked. Raises TimeoutError when it took too long, the worker killed."""
        question = json.dumps(
            {
                "lines": list(lines),
                "start": rules.start.isoformat() if not rules.all_day else rules.start.date().isoformat(),
                "zone": rules.zone,
                "after": after.isoformat(),
                "before": before.isoformat(),
            }
        )
        with self._lock:
            process = self._running()
            try:
                if process.stdin is None:
                    raise OSError("the worker has no input")
                process.stdin.write(question + "\n")
                process.stdin.flush()
                answer = self._answers.get(timeout=self._seconds)
            except queue.Empty:
                self._kill()
                raise TimeoutError from None
            except OSError as error:
                self._kill()
                raise _failed() from error
            if not answer:
                # It ended by itself: out of memory or processor time, which is what its limits are for.
                self._kill()
                return too_dense()
        told = json.loads(answer)
        if "error" in told:
            return InputError(told["message"], code=told["error"])
        return tuple(datetime.fromisoformat(text) for text in told["walls"])

    def stop(self) -> None:
        """End the process if there is one."""
        with self._lock:
            self._kill()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._kill()
        root = str(Path(__file__).resolve().parents[2])
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": root},
            )
        except OSError as error:
            raise _failed() from error
        self._answers = queue.SimpleQueue()
        threading.Thread(
            target=_read, args=(self._process, self._answers), name="expansion-answers", daemon=True
        ).start()
        try:
            ready = self._answers.get(timeout=_START_SECONDS)
        except queue.Empty:
            ready = ""
        if ready.strip() != "ready":
            self._kill()
            raise _failed()
        return self._process

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                # What was still to be written is of no use to a dead process.
                return


def _read(process: subprocess.Popen[str], answers: queue.SimpleQueue[str]) -> None:
    """Hand on what the worker says, and an empty text when it has ended."""
    if process.stdout is not None:
        with process.stdout as lines:
            for line in lines:
                answers.put(line)
    answers.put("")


def _failed() -> KalendsError:
    return KalendsError("The process that reads unusual repeat rules could not be started.", code="expansion_failed")


def _wall_span(span: Span, zone: str, duration: timedelta) -> tuple[datetime, datetime]:
    """A stretch of wall time in which every start that can overlap the span lies."""
    place = ZoneInfo(zone)
    try:
        after = span.start.astimezone(place).replace(tzinfo=None) - duration - _MARGIN
    except OverflowError:
        after = datetime.min  # noqa: DTZ901  # wall times are naive
    try:
        before = span.end.astimezone(place).replace(tzinfo=None) + _MARGIN
    except OverflowError:
        before = datetime.max  # noqa: DTZ901  # wall times are naive
    return after, before
