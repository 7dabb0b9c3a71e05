"""A metered connection is what NetworkManager says; without it, or without a bus, none is."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jeepney import (  # type: ignore[import-untyped]  # ships no types
    DBusAddress,
    HeaderFields,
    Message,
    new_error,
    new_method_return,
    new_signal,
)

from app.system import network as module
from app.system.network import BusNetwork, system_bus_address
from tests.unit.system.notification_bus import NotificationBus

pytestmark = pytest.mark.anyio
NAME = "org.freedesktop.NetworkManager"
PATH = "/org/freedesktop/NetworkManager"
YES, NO, GUESS_YES, GUESS_NO, UNKNOWN = 1, 2, 3, 4, 0


@dataclass
class NetworkBus(NotificationBus):
    """A system bus with NetworkManager on it; `metered` is its property, None where it is not there."""

    metered: int | None = NO
    reads: int = 0

    @property
    def environ(self) -> dict[str, str]:
        """What tells a program where this bus is."""
        return {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.folder / 'bus'}"}

    def becomes(self, value: int, *, interface: str = NAME, name: str = "Metered") -> None:
        """The property changes."""
        self.metered = value
        address = DBusAddress(PATH, interface="org.freedesktop.DBus.Properties")
        message = new_signal(address, "PropertiesChanged", "sa{sv}as", (interface, {name: ("u", value)}, []))
        for writer in self._writers:
            self._send(writer, message)

    def _answer(self, writer: object, message: Message) -> None:
        if message.header.fields[HeaderFields.member] != "Get":
            super()._answer(writer, message)  # type: ignore[arg-type]  # a writer, whatever it is called here
            return
        self.reads += 1
        if self.metered is None:
            self._send(writer, new_error(message, "org.freedesktop.DBus.Error.ServiceUnknown"))  # type: ignore[arg-type]  # as above
            return
        assert message.body == (NAME, "Metered")
        self._send(writer, new_method_return(message, "v", (("u", self.metered),)))  # type: ignore[arg-type]  # as above


@pytest.fixture
async def bus() -> AsyncIterator[NetworkBus]:
    # A short name: the address of a socket has at most 108 characters.
    with tempfile.TemporaryDirectory(prefix="kalends-") as folder:
        bus = NetworkBus(Path(folder))
        await bus.start()
        yield bus
        await bus.stop()


@pytest.fixture
async def network(bus: NetworkBus) -> AsyncIterator[BusNetwork]:
    network = BusNetwork(bus.environ, usual=())
    yield network
    await network.aclose()


@pytest.mark.parametrize(
    ("value", "metered"), [(YES, True), (GUESS_YES, True), (NO, False), (GUESS_NO, False), (UNKNOWN, False)]
)
async def test_it_is_metered_when_that_is_known_or_guessed(
    bus: NetworkBus, network: BusNetwork, value: int, metered: bool
) -> None:
    bus.metered = value
    assert await network.metered() is metered
    assert bus.connections == 1


async def test_changes_are_told_and_nothing_is_read_for_them(bus: NetworkBus, network: BusNetwork) -> None:
    told: list[bool] = []

    def hear(metered: bool) -> None:
        told.append(metered)
        bus.changed.set()
        if metered:
            raise RuntimeError("a listener that fails")

    network.on_change(hear)
    await network.metered()
    (rule,) = bus.rules
    assert f"sender='{NAME}'" in rule
    bus.becomes(GUESS_YES)
    bus.becomes(NO, interface="org.freedesktop.NetworkManager.Device")
    bus.becomes(4, name="State")
    bus.becomes(NO)
    await bus.until(lambda: len(told) == 2)
    assert (told, bus.reads) == ([True, False], 1)


async def test_without_network_manager_nothing_is_metered_and_the_bus_is_kept(
    bus: NetworkBus, network: BusNetwork
) -> None:
    bus.metered = None
    assert not await network.metered()
    bus.metered = YES
    assert await network.metered()
    assert bus.connections == 1


async def test_a_bus_that_never_answers_holds_nobody_up(
    bus: NetworkBus, network: BusNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALL_SECONDS", 0.05)
    bus.silent = True
    assert not await network.metered()
    await bus.until(lambda: bus.open == 0)


async def test_a_bus_that_went_is_found_again(bus: NetworkBus, network: BusNetwork) -> None:
    bus.metered = YES
    assert await network.metered()
    await bus.stop()
    assert not await network.metered()
    (bus.folder / "bus").unlink(missing_ok=True)
    await bus.start()
    assert await network.metered()


async def test_without_a_bus_nothing_is_metered(tmp_path: Path) -> None:
    network = BusNetwork({}, usual=(tmp_path / "none",))
    assert system_bus_address({}, (tmp_path / "none",)) is None
    assert not await network.metered()
    await network.aclose()


async def test_nobody_is_asked_before_somebody_wants_to_know(bus: NetworkBus, network: BusNetwork) -> None:
    network.on_change(lambda metered: None)
    await network.aclose()
    assert bus.connections == 0
