"""Which edits of a copy may be carried to its original, and what of a conflict wins (`engine.md` §7, §8). Pure.

An original is touched only where the pair says so, and only by fields that came over without loss: what is carried
back, copied once more, must be exactly what stands on the copy now. Everything else is put back on the copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.events import Event, EventKind, Fields
from app.domain.links import Carried, CopyForm, DirectionRecord, Link
from app.domain.pairs import Conflict, CopyDeleted, CopyEdited, Mode
from app.domain.times import When, to_wall
from app.domain.title_patterns import replaced
from app.engine.comparison import Comparison
from app.engine.fingerprint import PLACE, TEXT, TITLE, WHEN, hashes
from app.engine.transform import copy_fields, shows_blocker, title_frame
from app.engine.wishes import Wish

SAME_TIME = timedelta(seconds=60)
"""Changes no further apart than this are told apart by no clock: the original wins."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What becomes of edits on one copy.

    Args:
        carried: what is written to the original, None when nothing can be.
        keep_both: the copy becomes an event of its own, and the original gets another copy.
        conflict: original and copy were both changed.
    """

    carried: Carried | None = None
    keep_both: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Originals:
    """What of the originals' service a plan needs. Pure functions of its client."""

    normal_form: Callable[[Fields], Fields]
    writable_fields: Callable[[Event], frozenset[str]]


class WriteBack:
    """Judges edits and deletions of copies in one direction.

    Args:
        normal_form: the target's.
        originals: None where originals are never written: a pair that goes one way.
    """

    def __init__(
        self, direction: DirectionRecord, normal_form: Callable[[Fields], Fields], originals: Originals | None
    ) -> None:
        self._direction = direction
        self._normal = normal_form
        self._originals = originals if direction.both_ways else None

    @property
    def carries_edits(self) -> bool:
        """Whether this direction carries edits of copies to originals at all."""
        settings = self._direction.settings
        return (
            self._originals is not None
            and settings.copy_edited is CopyEdited.WRITE_BACK
            and settings.mode is not Mode.BLOCKER
        )

    @property
    def deletes_originals(self) -> bool:
        """Whether this direction deletes the original of a copy that a person deleted."""
        settings = self._direction.settings
        return (
            self._originals is not None
            and settings.copy_deleted is CopyDeleted.DELETE_ORIGINAL
            and settings.mode is Mode.FULL
        )

    def may_delete(self, original: Event) -> bool:
        """Whether this original may be deleted: nobody else is on it, and we may write it."""
        return bool(self._writable(original))

    def returned(
        self,
        wish: Wish,
        link: Link | None,
        event: Event,
        comparison: Comparison,
        *,
        confirmed: bool,
        parts: Iterable[Event] = (),
    ) -> Returned:
        """What becomes of the edits of one copy.

        Args:
            event: the copy as it is; `comparison` is its comparison with the wish.
            confirmed: the service told what it made of our last write, or the copy was seen to be just that. Else what
                differs may be the service's own spelling, which nobody typed.
            parts: the original's exceptions: what may not be written to one of them is not written to their series.
        """
        if not confirmed:
            return Returned()
        edited = [name for name in comparison.edited if name in self._direction.settings.write_back_fields]
        if not self.carries_edits or not edited or wish.occ or wish.form is CopyForm.OCCURRENCE:
            return Returned()
        if event.fields is None or wish.source.fields is None:
            return Returned()
        both = [name for name in edited if name in comparison.wish_changed and _original_changed(name, wish, link)]
        if both and self._direction.settings.conflict is Conflict.KEEP_BOTH:
            return Returned(keep_both=True, conflict=True)
        if both and not self._copy_wins(wish.source, event):
            edited = [name for name in edited if name not in both]
        writable = self._writable(wish.source).intersection(*map(self._writable, parts))
        names = [name for name in edited if name in writable]
        return Returned(
            self._without_loss(wish.source.fields, event.fields, wish.source.kind, names), False, bool(both)
        )

    def _writable(self, original: Event) -> frozenset[str]:
        if self._originals is None or original.fields is None:
            return frozenset()
        if shows_blocker(original.fields, self._direction.settings):
            return frozenset()
        return self._originals.writable_fields(original)

    def _copy_wins(self, original: Event, copy: Event) -> bool:
        policy = self._direction.settings.conflict
        if policy is Conflict.NEWEST:
            return _later(copy.updated_at, original.updated_at)
        return (policy is Conflict.A_WINS) is not self._direction.source_is_a

    def _without_loss(self, original: Fields, copy: Fields, kind: EventKind, names: list[str]) -> Carried | None:
        """The original with those fields of the copy that are the same on the copy again after the way there."""
        if self._originals is None:
            return None
        there = hashes(self._normal(copy))
        kept: list[str] = []
        fields = original
        for name in names:
            candidate = self._taken(name, fields, copy, kind)
            if candidate is None:
                continue
            # Nor may it change what else the copy shows: a private original would be a mere blocker from then on.
            wanted = {**self._copied_again(fields), name: there[name]}
            if self._copied_again(candidate) == wanted:
                fields = candidate
                kept.append(name)
        return Carried(fields, tuple(kept)) if kept else None

    def _copied_again(self, original: Fields) -> Mapping[str, str]:
        if self._originals is None:
            return {}
        return hashes(self._normal(copy_fields(self._originals.normal_form(original), self._direction)))

    def _taken(self, name: str, original: Fields, copy: Fields, kind: EventKind) -> Fields | None:
        """The original with one field as the copy has it; None where the way back is not known."""
        if name == TITLE:
            if replaced(original.title, self._direction.settings.title_replacements) != original.title:
                # Words of it were replaced on the way over: nobody can tell them from what a person wrote.
                return None
            title = self._unframed(copy.title)
            return None if title is None else replace(original, title=title)
        if name == WHEN:
            # Another time or rule for a whole series may cost it its exceptions: that is done on the original only.
            when = _time_back(original.when, copy.when) if kind is EventKind.SINGLE else None
            return None if when is None else replace(original, when=when)
        if name == TEXT:
            # Formatting would be lost on the way, and what we add below a copy's text must not land on an original.
            plain = original.html is None and copy.html is None and not original.link and original.guests is None
            return replace(original, text=copy.text) if plain else None
        if name == PLACE:
            return replace(original, place=copy.place)
        return replace(original, **{name: getattr(copy, name)})

    def _unframed(self, title: str) -> str | None:
        """What stands for `{title}` in a copy's title, while the constant rest of the template stands around it."""
        frame = title_frame(self._direction)
        if frame is None:
            return None
        before, after = frame
        if not (title.startswith(before) and title.endswith(after)) or len(title) < len(before) + len(after):
            return None
        return title[len(before) : len(title) - len(after)]


def _original_changed(name: str, wish: Wish, link: Link | None) -> bool:
    """Whether the original itself changed in this field since both sides last agreed, and not only the settings."""
    return link is None or link.base_original.get(name) != wish.original_hashes.get(name)


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one - other > SAME_TIME


def _time_back(original: When, copy: When) -> When | None:
    """The copy's time in the words of the original: in its zone; dates as dates."""
    if copy.all_day or original.all_day or copy.zone is None or original.zone is None:
        return copy
    zone = original.zone
    start = to_wall(copy.start_instant(zone), zone)
    end = to_wall(copy.end_instant(zone), zone)
    return When(start, end, zone, floating=original.floating)
