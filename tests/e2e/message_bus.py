"""A D-Bus session of the tests' own, and calls on it (D-Bus specification 0.41). Everything of jeepney is in here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from jeepney import (  # type: ignore[import-untyped]  # ships no types
    DBusAddress,
    HeaderFields,
    MessageType,
    Properties,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # ships no types

from tests.e2e.processes import Processes, read_address
from tests.e2e.waiting import until

CALL_SECONDS = 20.0


class BusError(Exception):
    """The other side answered with an error, is gone, or did not answer."""


def start_bus(processes: Processes, environ: Mapping[str, str]) -> str:
    """Start a session bus; its address. What it activates by itself lives as long as the bus."""
    reading, writing = os.pipe()
    processes.start(
        "dbus-daemon", "--session", "--nofork", "--print-address", str(writing), environ=environ, keep=(writing,)
    )
    os.close(writing)
    address = read_address(reading)
    assert address, "dbus-daemon did not start"
    return address


class Caller:
    """A connection that asks others.

    Args:
        address: of the bus.
    """

    def __init__(self, address: str) -> None:
        self._connection = open_dbus_connection(address)

    def call(self, service: str, path: str, interface: str, method: str, signature: str = "", *body: Any) -> Any:
        """Call a method; what it returns: nothing, one value, or a tuple. Raises BusError."""
        to = DBusAddress(path, bus_name=service, interface=interface)
        return self._answer(new_method_call(to, method, signature or None, body))

    def get(self, service: str, path: str, interface: str, name: str) -> Any:
        """The value of a property. Raises BusError."""
        to = DBusAddress(path, bus_name=service, interface=interface)
        return self._answer(Properties(to).get(name))[1]

    def set(self, service: str, path: str, interface: str, name: str, signature: str, value: Any) -> None:
        """Set a property. Raises BusError."""
        to = DBusAddress(path, bus_name=service, interface=interface)
        self._answer(Properties(to).set(name, signature, value))

    def has_owner(self, name: str) -> bool:
        """Whether somebody serves this name."""
        daemon = "org.freedesktop.DBus"
        return bool(self.call(daemon, "/org/freedesktop/DBus", daemon, "NameHasOwner", "s", name))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _answer(self, message: Any) -> Any:
        try:
            reply = self._connection.send_and_get_reply(message, timeout=CALL_SECONDS)
        except (TimeoutError, OSError) as error:
            raise BusError(f"no answer to {message.header.fields}") from error
        if reply.header.message_type is MessageType.error:
            raise BusError(f"{reply.header.fields.get(HeaderFields.error_name)}: {reply.body}")
        body = reply.body
        return body[0] if len(body) == 1 else body or None


class Listener:
    """A connection that hears signals.

    Args:
        address: of the bus.
        rule: which ones, as a match rule.
    """

    def __init__(self, address: str, rule: str) -> None:
        self._connection = open_dbus_connection(address)
        daemon = "org.freedesktop.DBus"
        to = DBusAddress("/org/freedesktop/DBus", bus_name=daemon, interface=daemon)
        self._connection.send_and_get_reply(new_method_call(to, "AddMatch", "s", (rule,)), timeout=CALL_SECONDS)

    def heard(self) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
        """Sender, path and arguments of each signal that has come and was not asked for yet."""
        while True:
            try:
                message = self._connection.receive(timeout=0)
            except TimeoutError:
                return
            fields = message.header.fields
            if message.header.message_type is MessageType.signal and HeaderFields.path in fields:
                yield fields[HeaderFields.sender], fields[HeaderFields.path], message.body

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Served:
    """A connection that answers others; one message at a time, on the caller's thread.

    Args:
        address: of the bus.
        names: the names it serves.
    """

    def __init__(self, address: str, *names: str) -> None:
        self._connection = open_dbus_connection(address)
        for name in names:
            to = DBusAddress("/org/freedesktop/DBus", bus_name="org.freedesktop.DBus", interface="org.freedesktop.DBus")
            reply = self._connection.send_and_get_reply(new_method_call(to, "RequestName", "su", (name, 0)))
            assert reply.body == (1,), f"somebody else serves {name}"

    def receive(self, seconds: float) -> tuple[Any, str, str, str, tuple[Any, ...]] | None:
        """The next call as message, sender, interface, method and arguments; None when none came in time."""
        try:
            message = self._connection.receive(timeout=seconds)
        except TimeoutError:
            return None
        if message.header.message_type is not MessageType.method_call:
            return None
        fields = message.header.fields
        return (
            message,
            fields[HeaderFields.sender],
            fields.get(HeaderFields.interface, ""),
            fields[HeaderFields.member],
            message.body,
        )

    def reply(self, message: Any, signature: str = "", *body: Any) -> None:
        """Answer a call."""
        self._connection.send(new_method_return(message, signature or None, body))

    def refuse(self, message: Any) -> None:
        """Answer that there is no such method."""
        self._connection.send(new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))

    def signal(self, path: str, interface: str, name: str, signature: str = "", *body: Any) -> None:
        """Tell everyone."""
        self._connection.send(new_signal(DBusAddress(path, interface=interface), name, signature or None, body))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def start_keyring(processes: Processes, environ: Mapping[str, str], caller: Caller) -> None:
    """Start a keyring that is unlocked, as after a login: the Secret Service of GNOME, in the HOME of `environ`."""
    processes.start(
        *("gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"),
        environ=environ,
        stdin=b"the login password",
    )
    until("the keyring is there", lambda: caller.has_owner("org.freedesktop.secrets"))
