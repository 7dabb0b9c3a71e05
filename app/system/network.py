"""Whether the connection to the network is metered, as NetworkManager says on the system bus of a Linux desktop.

Its property `Metered` (NetworkManager D-Bus reference, `org.freedesktop.NetworkManager`, `NMMetered`) is read when
somebody asks, and its changes are heard from then on; nothing is asked again and again. jeepney speaks D-Bus on the
loop it is called on. Without a bus, or without NetworkManager on it, nobody knows of a metered connection, so none is.
It must not decide what a metered connection means for a sync.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from jeepney import Message  # type: ignore[import-untyped]  # ships no types
    from jeepney.io.asyncio import DBusConnection  # type: ignore[import-untyped]  # likewise

_NAME: Final = "org.freedesktop.NetworkManager"
_PATH: Final = "/org/freedesktop/NetworkManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_PROPERTY: Final = "Metered"
_METERED: Final = frozenset({1, 3})
"""`NM_METERED_YES` and `NM_METERED_GUESS_YES`."""
_CALL_SECONDS: Final = 5.0
_USUAL: Final = (Path("/run/dbus/system_bus_socket"), Path("/var/run/dbus/system_bus_socket"))

_log = structlog.get_logger(__name__)


class _Line:
    """A connection to the bus: calls and their answers, and what is heard between them.

    Not jeepney's router: a call that meets the end of its connection leaves a failure there that nobody fetches.
    """

    def __init__(self, connection: DBusConnection, heard: Callable[[Message], None]) -> None:
        self._connection = connection
        self._heard = heard
        self._waiting: dict[int, asyncio.Future[Message | None]] = {}
        self._reading = asyncio.create_task(self._read(), name="network")
        self.over = False

    async def call(self, message: Message) -> Message:
        """The answer to a call. Raises ConnectionError where there is none, and what sending raises."""
        serial = next(self._connection.outgoing_serial)
        answer = self._waiting[serial] = asyncio.get_running_loop().create_future()
        try:
            await self._connection.send(message, serial=serial)
            reply = await answer
        finally:
            del self._waiting[serial]
        if reply is None:
            raise ConnectionResetError("the bus went")
        return reply

    async def close(self) -> None:
        """End."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        with contextlib.suppress(OSError, EOFError):
            await self._connection.close()

    async def _read(self) -> None:
        from jeepney import HeaderFields, MessageType

        try:
            while not self.over:
                message = await self._connection.receive()
                waiting = self._waiting.get(message.header.fields.get(HeaderFields.reply_serial, 0))
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
                elif message.header.message_type is MessageType.signal:
                    self._heard(message)
        except (OSError, EOFError, ValueError) as error:
            _log.debug("network.bus_went", error=type(error).__name__)
        finally:
            self.over = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(None)


class BusNetwork:
    """`domain.ports.Network` on the system bus. Connects when it is asked for the first time.

    Args:
        environ: says where the bus is.
        usual: where it is if the environment does not say.
    """

    def __init__(self, environ: Mapping[str, str], *, usual: tuple[Path, ...] = _USUAL) -> None:
        self._environ = environ
        self._usual = usual
        self._line: _Line | None = None
        self._one_at_a_time = asyncio.Lock()
        self._callback: Callable[[bool], None] = lambda metered: None

    def on_change(self, callback: Callable[[bool], None]) -> None:
        """Call this, on the loop, when the connection becomes metered or is no longer."""
        self._callback = callback

    async def metered(self) -> bool:
        """Whether the connection is metered now; False where nobody can say."""
        from jeepney import DBusErrorResponse

        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    line = await self._connected()
                    return line is not None and await self._read(line)
            except DBusErrorResponse as error:
                # The bus is well, and nobody on it knows of networks.
                _log.debug("network.not_known", error=error.name)
            except (OSError, EOFError, ValueError, RuntimeError) as error:
                # TimeoutError is an OSError; jeepney meets an address it does not understand with a ValueError or
                # RuntimeError. The next time begins anew.
                _log.info("network.no_answer", error=type(error).__name__, detail=str(error))
                await self._hang_up()
        return False

    async def aclose(self) -> None:
        """Leave the bus."""
        async with self._one_at_a_time:
            await self._hang_up()

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _connected(self) -> _Line | None:
        if self._line is not None and self._line.over:
            await self._hang_up()
        if self._line is not None:
            return self._line
        address = system_bus_address(self._environ, self._usual)
        if address is None:
            _log.debug("network.no_bus")
            return None
        from jeepney import MatchRule, message_bus
        from jeepney.io.asyncio import open_dbus_connection

        line = self._line = _Line(await open_dbus_connection(address), self._heard)
        rule = MatchRule(type="signal", sender=_NAME, interface=_PROPERTIES, path=_PATH)
        await line.call(message_bus.AddMatch(rule))
        return line

    @staticmethod
    async def _read(line: _Line) -> bool:
        from jeepney import DBusAddress, DBusErrorResponse, MessageType, new_method_call

        to = DBusAddress(_PATH, bus_name=_NAME, interface=_PROPERTIES)
        reply = await line.call(new_method_call(to, "Get", "ss", (_NAME, _PROPERTY)))
        if reply.header.message_type is MessageType.error:
            raise DBusErrorResponse(reply)
        ((_, value),) = reply.body
        return value in _METERED

    def _heard(self, message: Message) -> None:
        from jeepney import HeaderFields

        fields, body = message.header.fields, message.body
        if (fields.get(HeaderFields.path), fields.get(HeaderFields.interface)) != (_PATH, _PROPERTIES):
            return
        if len(body) > 1 and body[0] == _NAME and _PROPERTY in body[1]:
            self._tell(body[1][_PROPERTY][1] in _METERED)

    def _tell(self, metered: bool) -> None:
        try:
            self._callback(metered)
        except Exception:  # noqa: BLE001 - a listener's fault must not end the listening
            _log.exception("network.listener_failed")

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def system_bus_address(environ: Mapping[str, str], usual: tuple[Path, ...] = _USUAL) -> str | None:
    """Where the system bus is: as the environment says, or in its usual place (D-Bus specification, system bus)."""
    named = environ.get("DBUS_SYSTEM_BUS_ADDRESS", "")
    if named:
        return named
    return next((f"unix:path={path}" for path in usual if path.is_socket()), None)
