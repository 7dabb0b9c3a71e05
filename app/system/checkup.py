"""What this computer gives Kalends: folders for this user alone, room on the disk, a desktop. Looks, and changes
nothing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from app.domain.checkups import Check, fail, ok, warn
from app.domain.errors import StorageError
from app.system import runtime_file
from app.system.notifier import bus_address
from app.system.paths import Paths, require_suitable
from app.system.screen import has_screen

ROOM_WANTED = 500 * 1024 * 1024
ROOM_NEEDED = 50 * 1024 * 1024
"""Bytes: below this a backup beside the database may not fit any more."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NOTIFICATIONS, _TRAY = "org.freedesktop.Notifications", "org.kde.StatusNotifierWatcher"
_BUS_SECONDS = 5.0


def folders(paths: Paths) -> Iterable[Check]:
    """Whether the folders can be written, and they and the files in them are closed to other users."""
    kept = {"config": paths.config, "data": paths.data, "state": paths.state, "log": paths.log}
    for name, folder in kept.items():
        if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            fix = f"Make {folder} writable for your user, or set KALENDS_HOME to a folder that is."
            yield fail(f"folder:{name}", f"Kalends may not write to its {name} folder.", fix)
        else:
            missing = "" if folder.exists() else " It is made at the first start."
            yield ok(f"folder:{name}", f"The {name} folder can be used.{missing}")
    if os.name != "posix":
        return
    files = [paths.database, paths.second_file, paths.config_file, paths.vault_record, paths.log_file]
    files += [paths.control_file, paths.api_file]
    open_ones = [path for path in (*kept.values(), *files) if path.exists() and path.stat().st_mode & _OTHERS]
    if open_ones:
        named = " ".join(f"'{path}'" for path in open_ones)
        yield fail("permissions", f"Other users of this computer may open {named}.", f"Run: chmod go-rwx {named}")
    else:
        yield ok("permissions", "Folders and files are open to your user alone.")


def place(paths: Paths, environ: Mapping[str, str]) -> Check:
    """Whether the database lies on this computer, and is carried elsewhere by nobody."""
    try:
        require_suitable(paths.data, environ)
    except StorageError as error:
        return fail("place", error.message, error.fix or "Set KALENDS_HOME to a folder on this computer.")
    return ok("place", "The data folder is on this computer and not synchronised.")


def free_bytes(paths: Paths) -> int | None:
    """What is free on the disk of the data folder, None where the system does not say."""
    folder = next(above for above in (paths.data, *paths.data.parents) if above.exists())
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def disk(paths: Paths) -> Check:
    """Whether there is room for the database, its journal and a backup."""
    free = free_bytes(paths)
    if free is None:
        return warn("disk", "The system does not say how much room the disk has.", "Look whether it is mounted.")
    size = paths.database.stat().st_size if paths.database.exists() else 0
    told = f"{free // (1024 * 1024):,} MB are free on the disk of the data folder."
    if free < ROOM_NEEDED + 2 * size:
        return fail("disk", told, "Free some space: with a full disk nothing is synced, as nothing could be journaled.")
    if free < ROOM_WANTED:
        return warn("disk", told, "Free some space soon: a full disk stops every sync.")
    return ok("disk", told)


def running_app(paths: Paths) -> Check:
    """Whether the app of this profile runs, and its API is its own."""
    control = runtime_file.read_control(paths.control_file)
    if control is None:
        return ok("app", "Kalends is not running.")
    if runtime_file.proves(control.url, control.instance):
        return ok("app", f"Kalends is running; its API is at {control.url}.")
    return warn(
        "app",
        f"Kalends left its address {control.url}, and does not answer there as itself.",
        "Start Kalends again; if it does start, this passes by itself.",
    )


def desktop(environ: Mapping[str, str]) -> Iterable[Check]:
    """Whether there is a screen, a tray, and somebody who shows notifications."""
    if not has_screen(environ):
        yield ok("screen", "There is no screen: `kalends serve` and the commands work without.")
        return
    yield ok("screen", "A screen answers.")
    address = bus_address(environ)
    if address is None:
        told = "There is no session bus, so there are no tray and no notifications."
        yield warn("desktop", told, "Start Kalends in your desktop session, or use the window instead of the tray.")
        return
    yield from _on_the_bus(address)


def _on_the_bus(address: str) -> Iterable[Check]:
    from jeepney import DBusAddress, new_method_call  # type: ignore[import-untyped]  # ships no types
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]  # likewise

    bus = DBusAddress("/org/freedesktop/DBus", bus_name="org.freedesktop.DBus", interface="org.freedesktop.DBus")
    try:
        with open_dbus_connection(bus=address) as line:
            asked = (new_method_call(bus, name) for name in ("ListNames", "ListActivatableNames"))
            names = {name for call in asked for name in line.send_and_get_reply(call, timeout=_BUS_SECONDS).body[0]}
    except (OSError, TimeoutError, ValueError) as error:
        told = f"The session bus does not answer ({type(error).__name__})."
        yield warn("desktop", told, "Sign out of your desktop and in again.")
        return
    if _TRAY in names:
        yield ok("tray", "The desktop shows tray icons.")
    else:
        fix = "On GNOME switch the extension AppIndicator on; the window works without a tray."
        yield warn("tray", "The desktop shows no tray icons.", fix)
    if _NOTIFICATIONS in names:
        yield ok("notifications", "The desktop shows notifications.")
    else:
        fix = "Install a notification service such as dunst; window and tray tell the same."
        yield warn("notifications", "Nobody shows notifications on this desktop.", fix)


def api_port(paths: Paths, port: int) -> Check:
    """Whether scripts find the API where the setting says."""
    address = runtime_file.read_api(paths.api_file)
    if address is None:
        return ok("api", f"The local API is offered at port {port} while Kalends runs.")
    if port and not address.url.endswith(f":{port}"):
        return warn(
            "api",
            f"The local API is at {address.url}, since another program has port {port}.",
            f"End the program at port {port}, or choose another with api.port; scripts find the address in "
            f"{_shown(paths.api_file)}.",
        )
    return ok("api", f"The local API is at {address.url}.")


def _shown(path: Path) -> str:
    return f"'{path}'"
