"""Notifications of a Linux desktop, over D-Bus (Desktop Notifications Specification 1.2), with jeepney.

jeepney speaks D-Bus on the loop it is called on and is there anyway, for the keyring. desktop-notifier cannot say which
notification a new one replaces, nor which desktop file is ours, loses a connection each time nobody answers, and
cannot be closed. Without a bus, or with nobody on it, nothing happens. Knows nothing of what is announced.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from jeepney.io.asyncio import (  # type: ignore[import-untyped]  # ships no types
        DBusConnection,
        DBusRouter,
    )

APPLICATION = "Kalends"
DESKTOP_ENTRY = "kalends"
_NAME = "org.freedesktop.Notifications"
_PATH = "/org/freedesktop/Notifications"
_CALL_SECONDS = 5.0
"""Longer than a desktop needs to start its notifications; nobody waits meanwhile."""
_CLOSE_SECONDS = 1.0
_LOW, _NORMAL = 0, 1
_AS_THE_DESKTOP_LIKES = -1
_DEFAULT = "default"
"""The action of pressing the notification itself."""
_SIGNALS_KEPT = 100

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Line:
    """A connection to the bus, and what is shown through it."""

    connection: DBusConnection
    router: DBusRouter
    listening: asyncio.Task[None]
    server: str = ""
    ids: dict[str, int] = field(default_factory=dict)
    first_actions: dict[str, str] = field(default_factory=dict)


class BusNotifier:
    """`domain.ports.Notifier` on the session bus. Connects when there is something to show.

    Args:
        environ: says where the bus is.
        icon: a picture of the app.
    """

    def __init__(self, environ: Mapping[str, str], *, icon: Path) -> None:
        self._environ = environ
        self._icon = icon
        self._line: _Line | None = None
        self._one_at_a_time = asyncio.Lock()
        self._callback: Callable[[str, str], None] = lambda tag, action: None

    def on_action(self, callback: Callable[[str, str], None]) -> None:
        """Call this with tag and action when a person presses a button."""
        self._callback = callback

    async def show(
        self, tag: str, title: str, body: str, actions: Sequence[tuple[str, str]], *, quiet: bool = False
    ) -> None:
        """Show a notification, in place of the one with this tag if there is one."""

        async def work() -> None:
            line = self._line = self._line or await self._connect()
            if line is None:
                return
            server, (abilities,) = await self._call(line, "GetCapabilities")
            if server != line.server:
                # Another program shows notifications now; it does not know the old ones.
                line.server, line.ids = server, {}
            pressable = list(actions) if "actions" in abilities else []
            buttons = [*([(_DEFAULT, "")] if pressable else []), *pressable]
            hints = {"urgency": ("y", _LOW if quiet else _NORMAL), "desktop-entry": ("s", DESKTOP_ENTRY)}
            _, (number,) = await self._call(
                line,
                "Notify",
                "susssasa{sv}i",
                APPLICATION,
                line.ids.get(tag, 0),
                self._icon.as_uri(),
                title,
                html.escape(body, quote=False) if "body-markup" in abilities else body,
                [text for button in buttons for text in button],
                hints,
                _AS_THE_DESKTOP_LIKES,
            )
            line.ids[tag] = number
            line.first_actions[tag] = pressable[0][0] if pressable else ""

        await self._try(work, _CALL_SECONDS)

    async def withdraw(self, tag: str) -> None:
        """Take the notification with this tag away, if it is there."""

        async def work() -> None:
            if self._line is not None:
                await self._close(self._line, tag)

        await self._try(work, _CALL_SECONDS)

    async def aclose(self) -> None:
        """Take all away and leave the bus."""

        async def work() -> None:
            for tag in tuple(self._line.ids) if self._line is not None else ():
                if self._line is not None:
                    await self._close(self._line, tag)

        await self._try(work, _CLOSE_SECONDS)
        await self._hang_up()

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _try(self, work: Callable[[], Any], seconds: float) -> None:
        """Do something at the desktop; its faults are noted, and the next time begins anew."""
        from jeepney import DBusErrorResponse  # type: ignore[import-untyped]  # ships no types
        from jeepney.io.asyncio import RouterClosed

        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(seconds):
                    await work()
            except (DBusErrorResponse, RouterClosed, OSError, EOFError, KeyError, ValueError, RuntimeError) as error:
                # TimeoutError is an OSError; jeepney meets an address it does not understand with a ValueError or
                # RuntimeError, and stumbles with a KeyError when the bus goes while an answer is awaited.
                _log.info("notifier.no_answer", error=type(error).__name__, detail=str(error))
                await self._hang_up()

    async def _connect(self) -> _Line | None:
        address = bus_address(self._environ)
        if address is None:
            _log.debug("notifier.no_bus")
            return None
        from jeepney import MatchRule, message_bus
        from jeepney.io.asyncio import DBusRouter, Proxy, open_dbus_connection

        connection = await open_dbus_connection(address)
        router = DBusRouter(connection)
        heard: asyncio.Queue[Any] = asyncio.Queue(_SIGNALS_KEPT)
        # On the wire the sender is the program's own name, so the filter here cannot name the service.
        router.filter(MatchRule(type="signal", interface=_NAME, path=_PATH), queue=heard)
        line = _Line(connection, router, asyncio.create_task(self._listen(heard), name="notifier"))
        self._line = line
        await Proxy(message_bus, router).AddMatch(MatchRule(type="signal", sender=_NAME, interface=_NAME, path=_PATH))
        return line

    @staticmethod
    async def _call(line: _Line, method: str, signature: str | None = None, *body: Any) -> tuple[str, tuple[Any, ...]]:
        """Call the notification server; its own name on the bus, and the answer."""
        from jeepney import DBusAddress, DBusErrorResponse, HeaderFields, MessageType, new_method_call

        to = DBusAddress(_PATH, bus_name=_NAME, interface=_NAME)
        reply = await line.router.send_and_get_reply(new_method_call(to, method, signature, body))
        if reply.header.message_type is MessageType.error:
            raise DBusErrorResponse(reply)
        return reply.header.fields.get(HeaderFields.sender, ""), reply.body

    async def _close(self, line: _Line, tag: str) -> None:
        from jeepney import DBusErrorResponse

        number = line.ids.pop(tag, None)
        if number is not None:
            # An error means that it is gone already (§ CloseNotification).
            with contextlib.suppress(DBusErrorResponse):
                await self._call(line, "CloseNotification", "u", number)

    async def _listen(self, heard: asyncio.Queue[Any]) -> None:
        from jeepney import HeaderFields

        while True:
            message = await heard.get()
            member, body = message.header.fields.get(HeaderFields.member), message.body
            line = self._line
            tag = next((tag for tag, number in line.ids.items() if number == body[0]), None) if line and body else None
            if line is None or tag is None:
                continue
            if member == "NotificationClosed":
                del line.ids[tag]
            elif member == "ActionInvoked":
                action = line.first_actions.get(tag, "") if body[1] == _DEFAULT else str(body[1])
                if action:
                    self._pressed(tag, action)

    def _pressed(self, tag: str, action: str) -> None:
        try:
            self._callback(tag, action)
        except Exception:  # noqa: BLE001 - a listener's fault must not end the listening
            _log.exception("notifier.action_failed", action=action)

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        line.listening.cancel()
        await asyncio.gather(line.listening, return_exceptions=True)
        # The receiving may have ended with whatever ended the connection; that was noted.
        with contextlib.suppress(OSError, EOFError):
            await line.router.__aexit__(None, None, None)
        with contextlib.suppress(OSError, EOFError):
            await line.connection.close()


def bus_address(environ: Mapping[str, str]) -> str | None:
    """Where the session bus is: as the environment says, or where systemd puts it."""
    named = environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    if named:
        return named
    folder = environ.get("XDG_RUNTIME_DIR", "")
    usual = Path(folder) / "bus"
    return f"unix:path={usual}" if folder and usual.is_socket() else None
