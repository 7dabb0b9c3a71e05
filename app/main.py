"""The composition root: with `app.wiring` the only code that knows everything. The order of start and stop.

Decides nothing about calendars. Heavy libraries (Qt, FastAPI, the sandbox) are imported where they are first needed, so
that `kalends --version` stays quick and a headless machine never loads Qt.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app import __version__
from app.cli.host import Running, SandboxHandle
from app.cli.starting import start_plainly
from app.domain.errors import InputError, KalendsError, StorageError
from app.system import runtime_file
from app.system.paths import Paths, Profile, find_paths
from app.system.screen import has_screen

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from app.api.server import ApiServer
    from app.api.switch import ApiSwitch
    from app.domain.backups import Backup, Restored
    from app.domain.checkups import Check
    from app.sandbox.server import Sandbox
    from app.services.core import Core, CoreHandle
    from app.system.settings import Settings


def main() -> int:
    """Entry of the command `kalends`; returns the exit code."""
    # requests silences this itself, but another thread that restores its warning filters meanwhile undoes that, and a
    # sign-in is renewed in a thread: said here, before there are threads, it stays.
    warnings.filterwarnings("ignore", message="SOCKS support in urllib3")
    host = LocalHost(os.environ)
    code = start_plainly(sys.argv[1:], host)
    if code is not None:
        return code
    from app.cli.commands import run

    return run(sys.argv[1:], host)


def _log() -> FilteringBoundLogger:
    """The log, imported when there is something to say: structlog takes as long to import as all that the icon in the
    tray needs."""
    import structlog

    logger: FilteringBoundLogger = structlog.get_logger(__name__)
    return logger


def _mend_autostart(core: Core) -> None:
    """A desktop start knows where Kalends lies now: an entry that starts it where it lay before is put right."""
    if core.autostart is None:
        return
    try:
        if core.autostart.mend():
            _log().info("autostart.mended", program=core.autostart.get().program)
    except KalendsError as error:
        # Settings and doctor tell the same, with the fix; nothing else depends on it.
        _log().warning("autostart.not_mended", error=error.message)


def _sandbox_file(paths: Paths) -> Path:
    return paths.data / "sandbox.db"


def _set_aside_without_sandbox(paths: Paths) -> None:
    """The demo's database tells of a sandbox; when that is gone, the demo begins anew instead of asking for sign-ins
    to people and calendars that are no more."""
    if _sandbox_file(paths).exists() or not paths.database.exists():
        return
    _log().warning("demo.sandbox_gone", database=str(paths.database))
    aside = paths.database.with_name(f"{paths.database.stem}-without-sandbox.db")
    for suffix in ("", "-wal", "-shm"):
        part = paths.database.with_name(paths.database.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that were made for a while, innermost first, unless something was put into one meanwhile."""
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _tell_of(sandbox: Sandbox, paths: Paths, opened: AsyncExitStack) -> None:
    """Let `kalends sandbox ctl` find a sandbox that listens, until it is closed."""
    control, pid = sandbox.description()["control"], os.getpid()
    address = runtime_file.SandboxAddress(control["url"], pid, control["token"])
    runtime_file.write_sandbox(paths.sandbox_file, address)
    opened.callback(runtime_file.withdraw, paths.sandbox_file, pid)


class LocalHost:
    """`cli.host.Host` on this machine.

    Args:
        environ: the process's environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @property
    def version(self) -> str:
        """The app's version."""
        return __version__

    def paths(self, profile: str) -> Mapping[str, str | None]:
        """The folders of a profile."""
        return self._paths(profile).as_json()

    def running(self, profile: str) -> Running | None:
        """The running app of a profile; asked for its proof, so that no other program on the port gets the token."""
        control = runtime_file.read_control(self._paths(profile).control_file)
        if control is None or not runtime_file.proves(control.url, control.instance):
            return None
        return Running(control.url, control.token, control.profile)

    def has_screen(self) -> bool:
        """Whether a screen answers."""
        return has_screen(self._environ)

    async def open(
        self,
        profile: str,
        *,
        serve: bool,
        api_port: int | None = None,
        on_quit: Callable[[], None] = lambda: None,
        on_show: Callable[[], None] | None = None,
    ) -> CoreHandle:
        """Start the core of a profile: folders, log, lock, database, sandbox, services, API, scheduler."""
        from app.auth.addresses import find_addresses
        from app.auth.vault import DatabaseVault
        from app.domain.runs import Trigger
        from app.services.core import CoreHandle, Doctor
        from app.store.store import Store
        from app.system.autostart import find_entry
        from app.system.clock import SystemClock
        from app.system.instance import SingleWriter
        from app.system.log import start_log
        from app.system.preferences import SettingsFile
        from app.system.redaction import Redactor
        from app.system.settings import load_settings
        from app.wiring import DemoKey, build, make_network, make_notifier, make_vault

        paths = self._paths(profile)
        paths.prepare(self._environ)
        settings = load_settings(paths.config_file, self._environ)
        clock = SystemClock()
        async with AsyncExitStack() as opened:
            redactor = Redactor()
            log = start_log(paths.log_file, redactor, level=settings.log.level, console=settings.log.console)
            opened.callback(log.close)
            opened.enter_context(SingleWriter(paths.lock_file))
            if paths.profile is Profile.DEMO:
                _set_aside_without_sandbox(paths)
            store = opened.enter_context(Store.open(paths.database, now=clock.now, recover=True))
            sandbox = await self._sandbox_of(paths, opened)
            api: list[ApiSwitch] = []
            network = make_network(self._environ)
            if network is not None:
                opened.push_async_callback(network.aclose)
            built = build(
                store,
                find_addresses(sandbox.description()["env"] if sandbox else self._environ, settings.providers),
                DatabaseVault(DemoKey(store.state)) if sandbox else make_vault(settings, paths),
                paths,
                SettingsFile(paths.config_file, self._environ),
                clock=clock,
                api_url=lambda: api[0].url if api else None,
                sandbox=sandbox,
                hide=redactor.register,
                start_entry=find_entry(self._environ),
                network=network,
                doctor=Doctor(partial(self.diagnose, profile, network=True)),
            )
            opened.callback(built.expander.close)
            opened.push_async_callback(built.clients.aclose)
            opened.push_async_callback(built.core.connections.stop)
            opened.push_async_callback(built.guard.stop)
            opened.push_async_callback(built.core.sync.stop)
            store.runs.interrupt_ongoing("stopped")
            if serve:
                api.append(self._api_of(built.core, settings, paths, api_port, on_show, on_quit))
                opened.push_async_callback(api[0].close)
                if settings.api.enabled:
                    await api[0].open(settings.api.port)
                built.core.preferences.carried_out_by(api[0].follow)
                built.schedule.start()
                opened.callback(built.schedule.stop)
                opened.push_async_callback(built.core.alerts.stop)
                built.core.alerts.start(make_notifier(self._environ), can_open=on_show is not None)
                if on_show is not None:
                    _mend_autostart(built.core)
                built.core.pairs.follow_all()
                if settings.sync.sync_on_start:
                    built.core.sync.request_all(Trigger.STARTUP)
            _log().info("core.started", profile=profile, serve=serve)
            stop = opened.pop_all().aclose
        return CoreHandle(built.core, api[0].url if api else None, stop)

    async def diagnose(self, profile: str, *, network: bool) -> Sequence[Check]:
        """Look at everything that Kalends needs, beside whatever runs: nothing is started, locked or changed."""
        import asyncio

        from app.auth import checkup as auth_checkup
        from app.auth.addresses import find_addresses
        from app.domain.checkups import fail
        from app.providers import checkup as providers_checkup
        from app.store import checkup as store_checkup
        from app.system import autostart
        from app.system import checkup as system_checkup
        from app.system.clock import SystemClock
        from app.system.settings import VaultKind, load_settings
        from app.wiring import make_vault

        paths, now = self._paths(profile), SystemClock().now()
        try:
            settings = load_settings(paths.config_file, self._environ)
            addresses = find_addresses(self._environ, settings.providers)
        except (InputError, StorageError) as error:
            # Nobody knows then what to look at.
            return [fail("settings", error.message, error.fix or f"Mend {paths.config_file}.")]
        checks = [*system_checkup.folders(paths), system_checkup.place(paths, self._environ)]
        checks += [system_checkup.disk(paths), store_checkup.library()]
        checks += await asyncio.to_thread(
            lambda: [*store_checkup.database(paths.database), *store_checkup.cache(paths.database)]
        )
        checks += [*store_checkup.accounts(paths.database, now), *store_checkup.audits(paths.database)]
        # In a thread: asked from within the app, its own API has to be able to answer meanwhile.
        checks += await asyncio.to_thread(
            lambda: [system_checkup.running_app(paths), system_checkup.api_port(paths, settings.api.port)]
        )
        checks += await asyncio.to_thread(lambda: [*system_checkup.desktop(self._environ)])
        checks.append(autostart.checkup(self._environ))
        if paths.profile is Profile.DEMO:
            return checks  # its services and its vault are its own
        keyring = settings.vault.kind is VaultKind.KEYRING
        checks.append(
            await asyncio.to_thread(
                lambda: auth_checkup.vault(make_vault(settings, paths), paths.vault_record, keyring=keyring)
            )
        )
        checks += auth_checkup.clients(addresses)
        if network:
            bases = {"google": addresses.google.calendar_api, "microsoft": addresses.microsoft.graph_api}
            checks += [check async for check in providers_checkup.services(bases, now)]
        return checks

    def backups(self, profile: str) -> Sequence[Backup]:
        """The backups of a profile's database, the newest first."""
        from app.store.restoring import list_backups

        return list_backups(self._paths(profile).database)

    def restore(self, profile: str, name: str) -> Restored:
        """Put a backup in the place of a profile's database, while nobody writes to it."""
        from app.store.restoring import finish, restore
        from app.system.clock import SystemClock
        from app.system.instance import SingleWriter

        paths = self._paths(profile)
        paths.prepare(self._environ)
        with SingleWriter(paths.lock_file):
            finish(paths.database)
            return restore(paths.database, name, SystemClock().now())

    def windows(self, profile: str, *, hidden: bool) -> int:
        """Run the desktop app until it is quit."""
        plain_import = builtins.__import__
        from app.ui import application

        # PySide6 wraps the import function; every module imported after it would cost a quarter more time and 24 MiB.
        builtins.__import__ = plain_import

        async def start(name: str) -> CoreHandle:
            handle = await self.open(
                name, serve=True, on_quit=application.request_quit, on_show=application.show_window
            )
            if handle.core.demo is not None:
                try:
                    await handle.core.demo.prepare()
                except BaseException:
                    # Nobody else knows the handle: the lock would be held until the process ends.
                    await handle.stop()
                    raise
            return handle

        paths = self._paths("default")
        paths.prepare(self._environ)
        return application.run(start, paths=paths, profile=profile, hidden=hidden)

    async def sandbox(self, *, port: int, seed: Path | None, random_seed: int | None) -> SandboxHandle:
        """Start a sandbox in memory, on its own."""
        from app.sandbox.alone import start_alone

        paths = self._paths(Profile.DEFAULT)
        folder = paths.runtime
        made = [above for above in (folder, *folder.parents) if not above.exists()]
        async with AsyncExitStack() as opened:
            opened.callback(_remove_empty, made)
            paths.prepare_runtime()
            sandbox = await start_alone(port=port, seed=seed, random_seed=random_seed)
            opened.push_async_callback(sandbox.stop)
            _tell_of(sandbox, paths, opened)
            return SandboxHandle(sandbox.description(), opened.pop_all().aclose)

    def sandbox_control(self, profile: str) -> Running | None:
        """The control API of a sandbox: the demo's, or for the default profile the one on its own."""
        found = runtime_file.read_sandbox(self._paths(profile).sandbox_file)
        return None if found is None else Running(found.url, found.token, profile)

    def _paths(self, profile: str) -> Paths:
        return find_paths(self._environ, Profile(profile))

    async def _sandbox_of(self, paths: Paths, opened: AsyncExitStack) -> Sandbox | None:
        if paths.profile is not Profile.DEMO:
            return None
        from app.sandbox.faults import SandboxInputError
        from app.sandbox.server import Sandbox

        file = _sandbox_file(paths)
        try:
            sandbox = Sandbox(file)
        except SandboxInputError as error:
            raise StorageError(
                "The demo's sandbox cannot be opened. Its file was left as it is.",
                code="sandbox_unusable",
                fix=f"Move {file} away and start again: the demo then begins anew.",
            ) from error
        opened.push_async_callback(sandbox.stop)
        await sandbox.start()
        _tell_of(sandbox, paths, opened)
        return sandbox

    def _api_of(
        self,
        core: Core,
        settings: Settings,
        paths: Paths,
        port: int | None,
        on_show: Callable[[], None] | None,
        on_quit: Callable[[], None],
    ) -> ApiSwitch:
        """The API of a core, not open yet."""
        from app.api.switch import ApiSwitch

        instance, token, pid = runtime_file.new_secret(), runtime_file.new_secret(), os.getpid()

        def make(wanted: int, exactly: bool) -> ApiServer:
            from app.api.server import ApiServer

            return ApiServer(
                core,
                port=wanted,
                exactly=exactly,
                allowed_hosts=settings.api.allowed_hosts,
                allowed_origins=settings.api.allowed_origins,
                requests_per_hour=settings.api.requests_per_hour,
                control_token=token,
                instance_secret=instance,
                on_show=on_show,
                on_quit=on_quit,
            )

        def tell(url: str | None) -> None:
            if url is None:
                runtime_file.withdraw(paths.api_file, pid)
                runtime_file.withdraw(paths.control_file, pid)
                return
            runtime_file.write_api(paths.api_file, runtime_file.ApiAddress(url, pid, __version__, instance))
            runtime_file.write_control(
                paths.control_file,
                runtime_file.ControlAddress(url, pid, __version__, str(paths.profile), instance, token),
            )

        return ApiSwitch(make, tell, port)
