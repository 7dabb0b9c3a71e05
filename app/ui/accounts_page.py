"""Accounts: every sign-in with its health in words, its calendars, and the pairs that use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from app.domain.accounts import Access, Account, AccountStatus
from app.services.views import PROVIDER_NAMES, ConnectionView, PairView
from app.ui import time_words, words
from app.ui.boxes import EmptyBox, Pill, ScrollPage
from app.ui.bridge import CoreThread
from app.ui.feed import Snapshot
from app.ui.focus import Left, hand_over, take_away
from app.ui.tasks import TaskRunner
from app.ui.theme import Theme
from app.ui.widgets import Badge, Button, Frame, Icon, IconButton, Label, plain_tooltip
from app.ui.words import Tone

CALENDARS_SHOWN = 6
"""More calendars than this are folded away."""

_SECRETS = (
    "Sign-ins are kept encrypted on this computer. Their key lies in your system's password store, "
    "or is opened by the passphrase you chose."
)
_DEMO_SECRETS = "The demo's sign-ins open nothing but the demo on this computer."


@dataclass(frozen=True, slots=True)
class Usage:
    """An account with its calendars, and by calendar the pairs that use it."""

    account: Account
    calendars: tuple[tuple[ConnectionView, tuple[str, ...]], ...]
    pairs: tuple[str, ...]


def usages(
    accounts: Iterable[Account], connections: Iterable[ConnectionView], pairs: Iterable[PairView]
) -> tuple[Usage, ...]:
    """Accounts with what uses them, in the order of the accounts; the main calendar comes first."""
    connections, pairs = tuple(connections), tuple(pairs)
    names = words.short_names(pairs)
    using: dict[str, list[str]] = {}
    for view in pairs:
        for side in (view.a, view.b):
            using.setdefault(side.connection.id, []).append(view.pair.id)
    found = []
    for account in accounts:
        mine = sorted(
            (view for view in connections if view.account.id == account.id),
            key=lambda view: (view.connection.id not in using, not view.connection.primary),
        )
        ids = dict.fromkeys(pair_id for view in mine for pair_id in using.get(view.connection.id, ()))
        calendars = tuple(
            (view, tuple(names[pair_id] for pair_id in using.get(view.connection.id, ()))) for view in mine
        )
        found.append(Usage(account, calendars, tuple(names[pair_id] for pair_id in ids)))
    return tuple(found)


class AccountsPage(ScrollPage):
    """The third page.

    Args:
        theme: its colours.
        bridge: the way to the core.
        tasks: runs the tests and shows what fails.
    """

    connect_wanted = Signal()
    reconnect_wanted = Signal(object)
    """Sign in again to this `Account`."""
    remove_wanted = Signal(object)
    """Remove the account of this `Usage`."""
    sign_out_wanted = Signal(object)
    """Sign out of the account of this `Usage`."""
    stop_wanted = Signal(object)
    """Stop following the calendar of this `ConnectionView`."""

    def __init__(self, theme: Theme, bridge: CoreThread, tasks: TaskRunner) -> None:
        super().__init__("Accounts", "The calendar services you are signed in to.")
        self._theme = theme
        self._bridge = bridge
        self._tasks = tasks
        self._shown: tuple[Usage, ...] | None = None
        self.cards: dict[str, AccountCard] = {}
        self.add_button = Button(theme, "Add account", "plus", "primary")
        self.add_button.clicked.connect(self.connect_wanted)
        self.head.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._list = QVBoxLayout()
        self._list.setSpacing(14)
        self.column.addLayout(self._list)
        self._empty = EmptyBox(theme, "users", "No account yet", "Connect Google or Microsoft to see your calendars.")
        connect = Button(theme, "Connect an account", "plus")
        connect.clicked.connect(self.connect_wanted)
        self._empty.offer(connect)
        self.column.addWidget(self._empty)
        foot = QHBoxLayout()
        foot.setSpacing(10)
        foot.addWidget(Icon(theme, "shield-check"), 0, Qt.AlignmentFlag.AlignTop)
        self._secrets = Label(_SECRETS, "small", wrap=True)
        foot.addWidget(self._secrets, 1)
        self.column.addLayout(foot)
        self.column.addStretch(1)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the accounts."""
        self.add_button.setVisible(bool(snapshot.accounts) and not snapshot.is_demo)
        self._empty.setVisible(not snapshot.accounts)
        self._secrets.setText(_DEMO_SECRETS if snapshot.is_demo else _SECRETS)
        found = usages(snapshot.accounts, snapshot.connections, snapshot.pairs)
        if found == self._shown:
            return  # a card that stays keeps the focus of its button
        self._shown = found
        unfolded = {key for key, card in self.cards.items() if card.unfolded}
        left: tuple[str, Left] | None = None
        for account_id, card in self.cards.items():
            self._list.removeWidget(card)
            if (had := take_away(card)) is not None:
                left = account_id, had
        self.cards.clear()
        for usage in found:
            card = AccountCard(self._theme, usage, unfolded=usage.account.id in unfolded)
            card.reconnect_button.clicked.connect(partial(self._reconnect, usage.account))
            card.test_button.clicked.connect(partial(self.test, usage.account))
            card.remove_wanted.connect(self.remove_wanted)
            card.sign_out_wanted.connect(self.sign_out_wanted)
            card.stop_wanted.connect(self.stop_wanted)
            card.follow_wanted.connect(partial(self.follow_again, usage.account))
            self._list.addWidget(card)
            self.cards[usage.account.id] = card
        if left is not None and left[0] in self.cards:
            hand_over(left[1], self.cards[left[0]])

    @property
    def usages(self) -> tuple[Usage, ...]:
        """The accounts that are shown."""
        return self._shown or ()

    def forget(self) -> None:
        """The core was stopped or switched."""
        self._shown = None

    def test(self, account: Account) -> None:
        """Ask the account's service for the calendars and say how that went."""

        async def work() -> None:
            card = self.cards.get(account.id)
            if card is not None:
                card.say("Asking…")
            try:
                answered: Account = await self._bridge.call(lambda core: core.connections.test(account.id))
            except BaseException:
                if (card := self.cards.get(account.id)) is not None:
                    card.say("")
                raise
            # What the test changed is announced and may have made another card meanwhile.
            if (card := self.cards.get(account.id)) is not None:
                works = answered.status is AccountStatus.CONNECTED
                name = PROVIDER_NAMES[account.provider]
                card.say(f"It works: {name} answered just now." if works else "")

        self._tasks.spawn(work, key=f"test {account.id}")

    def follow_again(self, account: Account) -> None:
        """Take up all calendars of an account that were let go."""

        async def work() -> None:
            _known: Account = await self._bridge.call(lambda core: core.connections.follow_again(account.id))

        self._tasks.spawn(work, key=f"follow {account.id}")

    def _reconnect(self, account: Account) -> None:
        self.reconnect_wanted.emit(account)


class AccountCard(Frame):
    """One account.

    Args:
        theme: its colours.
        usage: the account and what uses it.
        unfolded: all calendars are shown.
    """

    remove_wanted = Signal(object)
    sign_out_wanted = Signal(object)
    stop_wanted = Signal(object)
    follow_wanted = Signal()

    def __init__(self, theme: Theme, usage: Usage, *, unfolded: bool) -> None:
        super().__init__("card")
        self._theme = theme
        self._usage = usage
        self.unfolded = unfolded
        account = usage.account
        sign = words.ACCOUNT_SIGNS[account.status]
        well = account.status is AccountStatus.CONNECTED
        self._result = Label("", "small")
        self._result.hide()
        texts = QVBoxLayout()
        texts.setSpacing(1)
        texts.addWidget(Label(account.email or account.display_name, "heading"))
        count = words.plural(len(usage.pairs), "sync pair", "sync pairs")
        used = f"used by {count}" if usage.pairs else "not used by any sync pair"
        about = [PROVIDER_NAMES[account.provider], used]
        if well and account.expires_at is not None:
            about.append(f"sign-in lasts until {time_words.day(account.expires_at)}")
        texts.addWidget(Label(" · ".join(about), "muted"))
        texts.addWidget(self._result)
        name = words.account_name(account)
        again = "Sign in" if account.status is AccountStatus.SIGNED_OUT else "Reconnect"
        self.reconnect_button = Button(
            theme, again, "key-round" if not well else "", "" if well else "primary", name=f"{again} {name}"
        )
        # A locked password store is opened by asking for what is in it; no sign-in repairs that.
        locked = account.status is AccountStatus.VAULT_LOCKED
        word = "Unlock" if locked else "Test"
        glyph, role = ("lock", "primary") if locked else ("plug-zap", "")
        self.test_button = Button(theme, word, glyph, role, name=f"{word} {name}")
        self.test_button.setVisible(well or locked)
        self.reconnect_button.setVisible(not locked)
        self.more_button = IconButton(theme, "ellipsis", f"More for {name}")
        self.more_button.clicked.connect(self._menu)
        head = QHBoxLayout()
        head.setContentsMargins(20, 0, 14, 0)
        head.setSpacing(14)
        head.addWidget(Badge(theme, "calendar-days", sign.tone if not well else Tone.BUSY, 40))
        head.addLayout(texts, 1)
        head.addWidget(Pill(theme, sign))
        for button in (self.reconnect_button, self.test_button, self.more_button):
            head.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 16, 0, 10)
        column.setSpacing(12)
        column.addLayout(head)
        sentence = account.problem or words.ACCOUNT_SENTENCES.get(account.status, "")
        if sentence and not well:
            problem = Label(sentence, wrap=True)
            problem.setContentsMargins(20, 0, 20, 0)
            column.addWidget(problem)
        if usage.calendars:
            column.addWidget(Frame("rule"))
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(20, 0, 20, 0)
        self._rows.setSpacing(6)
        column.addLayout(self._rows)
        self._folded: list[QWidget] = []
        for number, (view, pairs) in enumerate(usage.calendars):
            row = _CalendarRow(theme, view, pairs)
            row.stop_button.clicked.connect(partial(self._stop, view))
            self._rows.addWidget(row)
            if number >= CALENDARS_SHOWN:
                self._folded.append(row)
                row.setVisible(unfolded)
        if self._folded:
            self.fold_button = Button(theme, "", role="link")
            self.fold_button.clicked.connect(self._fold)
            self._rows.addWidget(self.fold_button, 0, Qt.AlignmentFlag.AlignLeft)
            self._say_fold()
        self.setAccessibleName(f"{name}, {sign.word}, {used}")

    def say(self, text: str) -> None:
        """Say how a test went."""
        self._result.setText(text)
        self._result.setVisible(bool(text))

    def _fold(self) -> None:
        self.unfolded = not self.unfolded
        for row in self._folded:
            row.setVisible(self.unfolded)
        self._say_fold()

    def _say_fold(self) -> None:
        count = len(self._usage.calendars)
        self.fold_button.say("Show fewer" if self.unfolded else f"Show all {count:,} calendars")

    def _menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self._usage.account.status is AccountStatus.CONNECTED:
            menu.addAction("Follow all calendars again", self.follow_wanted.emit)
        if self._usage.account.status is not AccountStatus.SIGNED_OUT:
            menu.addAction("Sign out…", lambda: self.sign_out_wanted.emit(self._usage))
        menu.addAction("Remove…", lambda: self.remove_wanted.emit(self._usage))
        menu.popup(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))

    def _stop(self, view: ConnectionView) -> None:
        self.stop_wanted.emit(view)


class _CalendarRow(QWidget):
    def __init__(self, theme: Theme, view: ConnectionView, pairs: tuple[str, ...]) -> None:
        super().__init__()
        connection = view.connection
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(10)
        row.addWidget(_Dot(theme, connection.colour))
        row.addWidget(Label(connection.name))
        notes = ["view only"] if connection.access is Access.READER else []
        if connection.primary:
            notes.insert(0, "main calendar")
        if connection.problem:
            notes.append(connection.problem)
        row.addWidget(Label(" · ".join(notes), "small"))
        row.addStretch(1)
        used = Label(pairs[0] if len(pairs) == 1 else f"{len(pairs):,} sync pairs" if pairs else "", "small")
        used.setToolTip(plain_tooltip("\n".join(pairs)))
        row.addWidget(used)
        self.stop_button = IconButton(theme, "unlink", f"Stop following {connection.name}")
        row.addWidget(self.stop_button)


class _Dot(QWidget):
    """The calendar's own colour, decoration only."""

    def __init__(self, theme: Theme, colour: str | None) -> None:
        super().__init__()
        self._theme = theme
        self._colour = QColor(colour) if colour and QColor.isValidColorName(colour) else QColor()
        self.setFixedSize(10, 10)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it; grey where the service gives no colour."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour if self._colour.isValid() else QColor(self._theme.colours.line_strong))
        painter.drawEllipse(QRectF(0.5, 0.5, 9, 9))
        painter.end()
