"""A session bus with a notification server on it, in one: what `app.system.notifier` talks to, as values to look at.

Speaks D-Bus over a socket with jeepney's own parser (D-Bus specification 0.41); the real bus is end to end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from jeepney import (  # type: ignore[import-untyped]  # ships no types
    DBusAddress,
    HeaderFields,
    Message,
    Parser,
    new_error,
    new_method_return,
    new_signal,
)

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"


@dataclass(frozen=True, slots=True)
class Notified:
    """What the app asked to be shown."""

    number: int
    application: str
    replaces: int
    title: str
    body: str
    actions: tuple[str, ...]
    hints: dict[str, Any]


@dataclass
class NotificationBus:
    """The bus.

    Args:
        folder: where its socket lies.
        abilities: what the server says it can do.
        refuses: methods that are answered with an error.
        silent: nothing is answered at all.
    """

    folder: Path
    abilities: Sequence[str] = ("actions", "body", "body-markup")
    refuses: Sequence[str] = ()
    silent: bool = False
    server: str = ":1.7"
    shown: dict[int, Notified] = field(default_factory=dict)
    all: list[Notified] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    _numbers: Any = field(default_factory=lambda: count(41))
    _serials: Any = field(default_factory=lambda: count(1))
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _listening: asyncio.Server | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def environ(self) -> dict[str, str]:
        """What tells a program where this bus is."""
        return {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder / 'bus'},guid=0123"}

    async def start(self) -> None:
        """Begin to listen."""
        self._listening = await asyncio.start_unix_server(self._serve, self.folder / "bus")

    async def stop(self) -> None:
        """End with all connections."""
        if self._listening is not None:
            self._listening.close()
        for writer in self._writers:
            writer.close()
        await self.until(lambda: self.open == 0)

    async def until(self, what: Any) -> None:
        """Wait until something is the case."""
        async with asyncio.timeout(5):
            while not what():
                self.changed.clear()
                await self.changed.wait()

    def press(self, number: int, action: str) -> None:
        """A person presses a button; the notification goes."""
        self._signal("ActionInvoked", "us", number, action)
        self.close(number, 2)

    def close(self, number: int, reason: int) -> None:
        """A notification goes: 1 its time is over, 2 a person did it."""
        self.shown.pop(number, None)
        self._signal("NotificationClosed", "uu", number, reason)

    def _signal(self, name: str, signature: str, *body: Any) -> None:
        message = new_signal(DBusAddress(PATH, interface=NAME), name, signature, body)
        for writer in self._writers:
            self._send(writer, message)

    def _send(self, writer: asyncio.StreamWriter, message: Message) -> None:
        message.header.fields[HeaderFields.sender] = self.server
        writer.write(message.serialise(next(self._serials)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._writers.append(writer)
        try:
            await reader.readuntil(b"\r\n")
            writer.write(b"OK 0123\r\n")
            assert await reader.readuntil(b"\r\n") == b"BEGIN\r\n"
            parser = Parser()
            while data := await reader.read(4096):
                parser.add_data(data)
                while (message := parser.get_next_message()) is not None:
                    self._answer(writer, message)
                    self.changed.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the app left
        finally:
            self._writers.remove(writer)
            self.open -= 1
            self.changed.set()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, writer: asyncio.StreamWriter, message: Message) -> None:
        method = message.header.fields[HeaderFields.member]
        if self.silent and method != "Hello":
            return
        if method in self.refuses:
            self._send(writer, new_error(message, "org.freedesktop.DBus.Error.ServiceUnknown"))
            return
        if method == "Hello":
            self._send(writer, new_method_return(message, "s", (":1.9",)))
        elif method == "AddMatch":
            self.rules.append(message.body[0])
            self._send(writer, new_method_return(message))
        elif method == "GetCapabilities":
            self._send(writer, new_method_return(message, "as", (list(self.abilities),)))
        elif method == "Notify":
            application, replaces, _icon, title, body, actions, hints, _timeout = message.body
            number = replaces or next(self._numbers)
            told = {name: value for name, (_, value) in hints.items()}
            self.shown[number] = Notified(number, application, replaces, title, body, tuple(actions), told)
            self.all.append(self.shown[number])
            self._send(writer, new_method_return(message, "u", (number,)))
        elif method == "CloseNotification":
            (number,) = message.body
            if number in self.shown:
                self._send(writer, new_method_return(message))
                self.close(number, 3)
            else:
                self._send(writer, new_error(message, "org.freedesktop.Notifications.Error.Gone"))
