"""The settings of a pair as options of commands: declared once, for all commands that take them.

`takes_settings` gives a command these options; it is handed what the API takes. What settings can be is judged there.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from app.cli.session import given
from app.domain.errors import InputError
from app.domain.pairs import (
    Conflict,
    CopyAvailability,
    CopyColour,
    CopyDeleted,
    CopyEdited,
    CopyField,
    FilteredLater,
    Mode,
    PrivateOriginals,
    Reminders,
    Weekday,
    Within,
)


class ShownField(StrEnum):
    """What copies in details mode show beside title and time; `none` for no more."""

    NONE = "none"
    TEXT = "text"
    PLACE = "place"
    LINK = "link"


class VisibilityName(StrEnum):
    """Who may see the details of copies; `by-mode` is private for blockers, as the original else."""

    BY_MODE = "by-mode"
    AS_ORIGINAL = "as_original"
    DEFAULT = "default"
    PRIVATE = "private"


class Kind(StrEnum):
    """Events that can be left out by what they are."""

    DECLINED = "declined"
    FREE = "free"
    TENTATIVE = "tentative"
    ALL_DAY = "all-day"
    BIRTHDAYS = "birthdays"
    WORKING_LOCATION = "working-location"
    ALREADY_THERE = "already-there"


ColourName = StrEnum("ColourName", {"BY_MODE": "by-mode", **{one.name: str(one) for one in CopyColour}})  # type: ignore[misc]  # made of the domain's names


@dataclass(frozen=True, slots=True)
class Told:
    """Settings that a command was told, as the API takes them.

    Args:
        mode: what a copy shows.
        values: `settings`, without what was left out.
        way_back: they are for the way from B to A alone.
        same: the way from B to A shall have the settings of the other again.
    """

    mode: Mode | None = None
    values: dict[str, Any] = field(default_factory=dict)
    way_back: bool = False
    same: bool = False

    def body(self) -> dict[str, Any]:
        """The fields of a request that say so."""
        mode = given(sync_mode=None if self.mode is None else str(self.mode))
        if self.same:
            return {**mode, **given(settings=self.values or None), "settings_b_to_a": None}
        if self.way_back:
            return {"settings_b_to_a": {**mode, **self.values}}
        return {**mode, **given(settings=self.values or None)}


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter `settings` is filled from these options."""
    own = inspect.signature(command, eval_str=True).parameters
    options = inspect.signature(_told, eval_str=True).parameters

    @functools.wraps(command)
    def taking(**values: Any) -> None:
        told = _told(**{name: values.pop(name) for name in options})
        command(**values, settings=told)

    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        parameters.extend(options.values() if name == "settings" else [parameter])
    # Required ones stand first in a signature; options have defaults, all of them.
    parameters.sort(key=lambda one: one.default is not inspect.Parameter.empty)
    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by inspect
    taking.__annotations__ = {one.name: one.annotation for one in parameters}
    del taking.__wrapped__  # set by wraps, and would be looked at instead
    return taking


def _told(
    mode: Annotated[Mode | None, typer.Option("--mode", help="What a copy shows. Default: blocker.")] = None,
    way_back: Annotated[
        bool, typer.Option("--b-to-a", help="These settings are for the way from B to A alone.")
    ] = False,
    same: Annotated[
        bool, typer.Option("--b-to-a-same", help="The way from B to A has the settings of the other again.")
    ] = False,
    show: Annotated[
        list[ShownField] | None,
        typer.Option("--show", help="With mode details: what is shown beside title and time. Again for more."),
    ] = None,
    guests: Annotated[
        bool | None, typer.Option("--guests/--no-guests", help="List guests' names below the text. Nobody is invited.")
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Title of copies; {title}, {calendar} and {account} are filled in.")
    ] = None,
    prefix: Annotated[str | None, typer.Option("--prefix", help="Stands before each copy's title.")] = None,
    replace: Annotated[
        list[str] | None,
        typer.Option("--replace", metavar="FIND=BY", help="In titles, show BY where FIND stands. Again for more."),
    ] = None,
    replace_pattern: Annotated[
        list[str] | None,
        typer.Option("--replace-pattern", metavar="FIND=BY", help="The same; FIND is a small regular expression."),
    ] = None,
    no_replace: Annotated[bool, typer.Option("--no-replace", help="Replace nothing in titles.")] = False,
    private: Annotated[
        PrivateOriginals | None, typer.Option("--private", help="What to do with private events.")
    ] = None,
    availability: Annotated[
        CopyAvailability | None, typer.Option("--availability", help="What copies do to free and busy time.")
    ] = None,
    visibility: Annotated[
        VisibilityName | None, typer.Option("--visibility", help="Who may see the details of copies.")
    ] = None,
    colour: Annotated[ColourName | None, typer.Option("--colour", help="Colour of copies.")] = None,
    reminders: Annotated[Reminders | None, typer.Option("--reminders", help="Reminders of copies.")] = None,
    reminder_minutes: Annotated[
        int | None, typer.Option("--reminder-minutes", min=0, help="With --reminders fixed: how long before.")
    ] = None,
    buffer_before: Annotated[
        int | None, typer.Option("--buffer-before", min=0, metavar="MINUTES", help="Busy time before an event too.")
    ] = None,
    buffer_after: Annotated[
        int | None, typer.Option("--buffer-after", min=0, metavar="MINUTES", help="Busy time after an event too.")
    ] = None,
    merge: Annotated[
        bool | None, typer.Option("--merge/--no-merge", help="Make one block of events that touch.")
    ] = None,
    minimum: Annotated[
        int | None, typer.Option("--minimum", min=0, metavar="MINUTES", help="Shortest length of busy time.")
    ] = None,
    leave_out: Annotated[
        list[Kind] | None, typer.Option("--leave-out", help="Events that get no copy. Again for more.")
    ] = None,
    take_in: Annotated[
        list[Kind] | None, typer.Option("--take-in", help="Events that get copies. Again for more.")
    ] = None,
    shorter_than: Annotated[
        int | None, typer.Option("--shorter-than", min=0, metavar="MINUTES", help="Leave out shorter events.")
    ] = None,
    without_word: Annotated[
        list[str] | None,
        typer.Option("--without-word", metavar="WORD", help="Leave out events with this word. Again for more."),
    ] = None,
    only_word: Annotated[
        list[str] | None,
        typer.Option("--only-word", metavar="WORD", help="Only events with this word. Again for more."),
    ] = None,
    words_in: Annotated[Within, typer.Option("--words-in", help="Where words are looked for.")] = Within.EITHER,
    whole_words: Annotated[bool, typer.Option("--whole-words", help="Words count as whole words only.")] = False,
    any_words: Annotated[bool, typer.Option("--any-words", help="Events with any words.")] = False,
    only_hours: Annotated[
        str | None,
        typer.Option("--only-hours", metavar="HOURS", help='Only events then, as "mo-fr 09:00-17:00 Europe/Berlin".'),
    ] = None,
    never_hours: Annotated[
        str | None, typer.Option("--never-hours", metavar="HOURS", help="Leave out events then.")
    ] = None,
    any_hours: Annotated[bool, typer.Option("--any-hours", help="Events at any time.")] = False,
    copy_edited: Annotated[CopyEdited | None, typer.Option("--copy-edited", help="When somebody edits a copy.")] = None,
    write_back: Annotated[
        list[CopyField] | None,
        typer.Option("--write-back", help="With --copy-edited write_back: what is carried to the original."),
    ] = None,
    copy_deleted: Annotated[
        CopyDeleted | None, typer.Option("--copy-deleted", help="When somebody deletes a copy.")
    ] = None,
    conflict: Annotated[
        Conflict | None, typer.Option("--conflict", help="When original and copy were both edited.")
    ] = None,
    filtered_later: Annotated[
        FilteredLater | None, typer.Option("--filtered-later", help="When an event's copy is no longer wanted.")
    ] = None,
    back_days: Annotated[int | None, typer.Option("--back-days", min=0, help="How far back events get copies.")] = None,
    ahead_days: Annotated[
        int | None, typer.Option("--ahead-days", min=0, help="How far ahead events get copies.")
    ] = None,
) -> Told:
    """What was told. Raises InputError for options that cannot be read, or contradict each other."""
    if way_back and same:
        raise InputError("Use --b-to-a or --b-to-a-same, not both.")
    words = {"within": str(words_in), "whole_words": whole_words}
    filters = {
        **given(
            **_kinds(leave_out or (), take_in or ()),
            shorter_than_seconds=None if shorter_than is None else shorter_than * 60,
            words=_words(without_word or (), only_word or (), words, nothing=any_words),
        ),
        **_hours(only_hours, never_hours, nothing=any_hours),
    }
    named = given(
        title=title,
        title_prefix=prefix,
        title_replacements=_replacements(replace or (), replace_pattern or (), nothing=no_replace),
        detail_fields=_shown(show),
        guests_in_text=guests,
        private_originals=_text(private),
        availability=_text(availability),
        reminders=_text(reminders),
        reminder_minutes=reminder_minutes,
        buffer_before_minutes=buffer_before,
        buffer_after_minutes=buffer_after,
        merge_touching=merge,
        minimum_minutes=minimum,
        filters=filters or None,
        copy_edited=_text(copy_edited),
        write_back_fields=[str(name) for name in write_back] if write_back else None,
        copy_deleted=_text(copy_deleted),
        conflict=_text(conflict),
        filtered_later=_text(filtered_later),
        window_back_days=back_days,
        window_ahead_days=ahead_days,
    )
    by_mode = {
        name: None if str(chosen) == "by-mode" else str(chosen)
        for name, chosen in (("visibility", visibility), ("colour", colour))
        if chosen is not None
    }
    return Told(mode, {**named, **by_mode}, way_back, same)


def _text(value: StrEnum | None) -> str | None:
    return None if value is None else str(value)


def _shown(chosen: Sequence[ShownField] | None) -> list[str] | None:
    if not chosen:
        return None
    if ShownField.NONE in chosen and len(chosen) > 1:
        raise InputError("--show none stands alone.")
    return [str(one) for one in chosen if one is not ShownField.NONE]


def _replacements(plain: Iterable[str], patterns: Iterable[str], *, nothing: bool) -> list[dict[str, Any]] | None:
    made = [_replacement("--replace", text) for text in plain]
    made += [{**_replacement("--replace-pattern", text), "pattern": True} for text in patterns]
    if nothing and made:
        raise InputError("--no-replace stands without --replace and --replace-pattern.")
    return made if made or nothing else None


def _replacement(option: str, text: str) -> dict[str, Any]:
    find, between, by = text.partition("=")
    if not between or not find:
        raise InputError(f"{option}: write FIND=BY, such as 'Project X=Work'.")
    return {"find": find, "by": by}


def _kinds(leave_out: Iterable[Kind], take_in: Iterable[Kind]) -> dict[str, bool]:
    out, back = set(leave_out), set(take_in)
    if out & back:
        raise InputError(f"{min(out & back)} is both left out and taken in.")
    chosen = {**dict.fromkeys(sorted(out), True), **dict.fromkeys(sorted(back), False)}
    return {str(kind).replace("-", "_"): value for kind, value in chosen.items()}


def _words(
    without: Sequence[str], only: Sequence[str], how: dict[str, Any], *, nothing: bool
) -> list[dict[str, Any]] | None:
    rules = [{"words": list(words), **how, "only": asked} for words, asked in ((without, False), (only, True)) if words]
    if nothing and rules:
        raise InputError("--any-words stands without --without-word and --only-word.")
    return rules if rules or nothing else None


_DAYS: Final = tuple(str(day) for day in Weekday)
_HOURS: Final = re.compile(r"(?P<days>\S+)\s+(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)\s+(?P<zone>\S+)", re.ASCII)


def _hours(only: str | None, never: str | None, *, nothing: bool) -> dict[str, Any]:
    if sum((only is not None, never is not None, nothing)) > 1:
        raise InputError("Use one of --only-hours, --never-hours and --any-hours.")
    if nothing:
        return {"hours": None}
    text, option = (only, "--only-hours") if only is not None else (never, "--never-hours")
    if text is None:
        return {}
    found = _HOURS.fullmatch(text.strip())
    wrong = InputError(f"{option}: write days, hours and time zone, as 'mo-fr 09:00-17:00 Europe/Berlin'.")
    if found is None or any(found[end] > "23:59" or found[end][3:] > "59" for end in ("start", "end")):
        raise wrong
    days: list[str] = []
    for part in found["days"].upper().split(","):
        first, between, last = part.partition("-")
        if first not in _DAYS or (between and last not in _DAYS):
            raise wrong
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days.extend(_DAYS[(begin + number) % 7] for number in range((end - begin) % 7 + 1))
    told = {"weekdays": list(dict.fromkeys(days)), "start": found["start"], "end": found["end"], "zone": found["zone"]}
    return {"hours": {**told, "only": only is not None}}
