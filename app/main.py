"""The composition root: the only file that knows everything. Constructor calls, and the order of start and stop.

Decides nothing about calendars. Heavy libraries (Qt, FastAPI, the sandbox) are imported where they are first needed, so
that `kalends --version` stays quick and a headless machine never loads Qt.
"""

from __future__ import annotations

import builtins
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from app import __version__
from app.auth.addresses import Addresses, find_addresses
from app.auth.google import GoogleAuthenticator
from app.auth.microsoft import MicrosoftAuthenticator
from app.auth.pages import load_pages
from app.auth.safe import Safe
from app.auth.vault import DatabaseVault, KeyringVault, PassphraseVault
from app.cli.host import Running, SandboxHandle
from app.domain.accounts import Account, Provider
from app.domain.errors import InputError, StorageError
from app.domain.ports import Authenticator, CalendarService, Clock, Expander, Vault
from app.domain.runs import Trigger
from app.providers.google.client import GoogleService
from app.providers.http import new_ssl_context
from app.providers.microsoft.client import MicrosoftService
from app.services.audits import Audits
from app.services.clients import Clients, ServiceFactory
from app.services.connections import Connections
from app.services.core import Core, CoreHandle, CoreInfo
from app.services.demo import Demo
from app.services.health import Health
from app.services.history import History
from app.services.holds import Holds
from app.services.keys import Keys
from app.services.maintenance import Maintenance
from app.services.notices import Notices
from app.services.pairs import Pairs
from app.services.schedule import Schedule
from app.services.status import Status
from app.services.sync import Sync
from app.services.views import PairChange
from app.services.visibility import Visibility
from app.store.state import StateRepository
from app.store.store import Store
from app.system import runtime_file
from app.system.clock import SystemClock
from app.system.expansion import BoundedExpander
from app.system.identifiers import Identifiers, WriteStamps
from app.system.instance import SingleWriter
from app.system.log import start_log
from app.system.paths import Paths, Profile, find_paths, resources
from app.system.private_files import PrivateFile
from app.system.redaction import Redactor
from app.system.screen import has_screen
from app.system.settings import Settings, VaultKind, load_settings

if TYPE_CHECKING:
    from app.sandbox.server import Sandbox

_DATA_KEY = "demo_data_key"

_log = structlog.get_logger(__name__)


def main() -> int:
    """Entry of the command `kalends`; returns the exit code."""
    from app.cli.commands import run

    return run(sys.argv[1:], LocalHost(os.environ))


@dataclass(slots=True)
class Built:
    """The services of one profile, and what `open` must start and stop around them."""

    core: Core
    schedule: Schedule
    clients: Clients
    expander: BoundedExpander


def build(
    store: Store,
    addresses: Addresses,
    vault: Vault,
    paths: Paths,
    *,
    clock: Clock,
    api_url: Callable[[], str | None] = lambda: None,
    sandbox: Sandbox | None = None,
    hide: Callable[[str], None] = lambda secret: None,
    authenticators: Mapping[Provider, Authenticator] | None = None,
    clients_of: ServiceFactory | None = None,
    expander: Expander | None = None,
) -> Built:
    """Put the services of one profile together.

    Args:
        store: its open database.
        sandbox: the demo's sandbox, None for real accounts.
        hide: told every secret, so that the log leaves it out.
        authenticators, clients_of, expander: others than the app's own, for tests.
    """
    new_id = Identifiers(clock).new
    if authenticators is None:
        authenticators = make_authenticators(addresses, Safe(vault, store.secrets), clock, hide)
    own_expander = BoundedExpander()
    notices = Notices()
    visibility = Visibility(store.accounts, store.pairs)
    clients = Clients(store.accounts, clients_of or service_factory(addresses, authenticators))
    health = Health(store.accounts, notices, clock)
    sync = Sync(
        pairs=store.pairs,
        accounts=store.accounts,
        runs=store.runs,
        ledger=store.ledger,
        clients=clients,
        visibility=visibility,
        health=health,
        audits=Audits(store.state, store.pairs),
        notices=notices,
        clock=clock,
        stamps=WriteStamps(store.state.installation().id),
        expander=expander or own_expander,
        new_id=new_id,
    )
    schedule = Schedule(
        clock,
        request=sync.request,
        resume=lambda pair_id: pairs.update(pair_id, PairChange.resume()),
        request_all=sync.request_all,
        upkeep=Maintenance(store, clock).keep_up,
    )
    pairs = Pairs(
        repository=store.pairs,
        runs=store.runs,
        ledger=store.ledger,
        sync=sync,
        schedule=schedule,
        visibility=visibility,
        notices=notices,
        clock=clock,
        new_id=new_id,
    )
    connections = Connections(
        accounts=store.accounts,
        pairs=store.pairs,
        visibility=visibility,
        authenticators=authenticators,
        clients=clients,
        health=health,
        notices=notices,
        clock=clock,
        new_id=new_id,
        sandbox=sandbox is not None,
        signed_in=pairs.run_waiting,
    )
    profile = str(paths.profile)
    core = Core(
        info=CoreInfo(profile, __version__, sandbox is not None, paths.log_file),
        connections=connections,
        pairs=pairs,
        sync=sync,
        history=History(store.runs, visibility),
        holds=Holds(
            store.holds, visibility, notices, clock, lambda pair_id: pairs.run_if_active(pair_id, Trigger.MANUAL)
        ),
        keys=Keys(store.keys, clock, new_id, sandbox_only=sandbox is not None),
        status=Status(
            connections, pairs, profile=profile, version=__version__, started_at=clock.now(), api_url=api_url
        ),
        notices=notices,
        demo=_demo(sandbox, connections, pairs, sync) if sandbox is not None else None,
    )
    return Built(core, schedule, clients, own_expander)


def make_authenticators(
    addresses: Addresses, safe: Safe, clock: Clock, hide: Callable[[str], None]
) -> Mapping[Provider, Authenticator]:
    """How people sign in, by provider."""
    pages = load_pages(resources() / "oauth")
    return {
        Provider.GOOGLE: GoogleAuthenticator(addresses.google, safe, pages, clock, hide=hide),
        Provider.MICROSOFT: MicrosoftAuthenticator(addresses.microsoft, safe, pages, clock, hide=hide),
    }


def service_factory(
    addresses: Addresses, authenticators: Mapping[Provider, Authenticator]
) -> Callable[[Account], CalendarService]:
    """Clients for accounts; one trust store for the whole process, built when first needed."""
    trust: list[Any] = []

    def make(account: Account) -> CalendarService:
        if not trust:
            trust.append(new_ssl_context())
        tokens = authenticators[account.provider].tokens(account.id)
        if account.provider is Provider.GOOGLE:
            return GoogleService(tokens, addresses.google.calendar_api, ssl_context=trust[0])
        if account.provider is Provider.MICROSOFT:
            return MicrosoftService(tokens, addresses.microsoft.graph_api, ssl_context=trust[0])
        raise InputError(f"Kalends cannot read calendars of '{account.provider}' yet.")

    return make


def make_vault(settings: Settings, paths: Paths) -> Vault:
    """The vault of real accounts: the keyring, or by explicit choice a passphrase. Never plain text."""
    record = PrivateFile(paths.vault_record)
    if settings.vault.kind is VaultKind.KEYRING:
        return KeyringVault(record, service=f"Kalends {paths.data}" if paths.home is not None else "Kalends")
    if settings.vault.passphrase_file is None:
        raise InputError(
            "The passphrase vault needs its file: set KALENDS_VAULT_PASSPHRASE_FILE or vault.passphrase_file."
        )
    return PassphraseVault(record, settings.vault.passphrase_file)


@dataclass(frozen=True, slots=True)
class DemoKey:
    """`auth.vault.StoredKey`: the demo's own key lies in its own database, since its secrets open only the sandbox."""

    state: StateRepository

    def load_key(self) -> bytes | None:
        """The key, None before the demo's first start."""
        kept = self.state.get(_DATA_KEY)
        return None if kept is None else bytes.fromhex(kept)

    def store_key(self, key: bytes) -> None:
        """Keep the key."""
        self.state.put(_DATA_KEY, key.hex())


def _sandbox_file(paths: Paths) -> Path:
    return paths.data / "sandbox.db"


def _set_aside_without_sandbox(paths: Paths) -> None:
    """The demo's database tells of a sandbox; when that is gone, the demo begins anew instead of asking for sign-ins
    to people and calendars that are no more."""
    if _sandbox_file(paths).exists() or not paths.database.exists():
        return
    _log.warning("demo.sandbox_gone", database=str(paths.database))
    aside = paths.database.with_name(f"{paths.database.stem}-without-sandbox.db")
    for suffix in ("", "-wal", "-shm"):
        part = paths.database.with_name(paths.database.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))


def _demo(sandbox: Sandbox, connections: Connections, pairs: Pairs, sync: Sync) -> Demo:
    from app.providers.ics.reading import read_ics
    from app.sandbox.visitor import Visitor

    return Demo(connections, pairs, sync, Visitor(sandbox), read_ics)


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
        paths = self._paths(profile)
        paths.prepare()
        settings = load_settings(paths.config_file, self._environ)
        clock = SystemClock()
        async with AsyncExitStack() as opened:
            redactor = Redactor()
            log = start_log(paths.log_file, redactor, level=settings.log.level, console=settings.log.console)
            opened.callback(log.close)
            opened.enter_context(SingleWriter(paths.lock_file))
            if paths.profile is Profile.DEMO:
                _set_aside_without_sandbox(paths)
            store = opened.enter_context(Store.open(paths.database, now=clock.now))
            sandbox = await self._sandbox_of(paths, opened)
            api_address: list[str] = []
            built = build(
                store,
                find_addresses(sandbox.description()["env"] if sandbox else self._environ, settings.providers),
                DatabaseVault(DemoKey(store.state)) if sandbox else make_vault(settings, paths),
                paths,
                clock=clock,
                api_url=lambda: api_address[0] if api_address else None,
                sandbox=sandbox,
                hide=redactor.register,
            )
            opened.callback(built.expander.close)
            opened.push_async_callback(built.clients.aclose)
            opened.push_async_callback(built.core.connections.stop)
            opened.push_async_callback(built.core.sync.stop)
            store.runs.interrupt_ongoing("stopped")
            if serve:
                if settings.api.enabled:
                    api_address.append(
                        await self._serve_api(built.core, settings, paths, opened, api_port, on_show, on_quit)
                    )
                built.schedule.start()
                opened.callback(built.schedule.stop)
                built.core.pairs.follow_all()
                if settings.sync.sync_on_start:
                    built.core.sync.request_all(Trigger.STARTUP)
            _log.info("core.started", profile=profile, serve=serve)
            stop = opened.pop_all().aclose
        return CoreHandle(built.core, api_address[0] if api_address else None, stop)

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
        paths.prepare()
        return application.run(start, paths=paths, profile=profile, hidden=hidden)

    async def sandbox(self, *, port: int, seed: Path | None, random_seed: int | None) -> SandboxHandle:
        """Start a sandbox in memory, on its own."""
        from app.sandbox.alone import start_alone

        sandbox = await start_alone(port=port, seed=seed, random_seed=random_seed)
        return SandboxHandle(sandbox.description(), sandbox.stop)

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
        except (SandboxInputError, sqlite3.Error) as error:
            raise StorageError(
                "The demo's sandbox cannot be opened. Its file was left as it is.",
                code="sandbox_unusable",
                fix=f"Move {file} away and start again: the demo then begins anew.",
            ) from error
        opened.push_async_callback(sandbox.stop)
        await sandbox.start()
        return sandbox

    async def _serve_api(
        self,
        core: Core,
        settings: Settings,
        paths: Paths,
        opened: AsyncExitStack,
        port: int | None,
        on_show: Callable[[], None] | None,
        on_quit: Callable[[], None],
    ) -> str:
        from app.api.server import ApiServer

        instance, token = runtime_file.new_secret(), runtime_file.new_secret()
        server = ApiServer(
            core,
            port=settings.api.port if port is None else port,
            allowed_hosts=settings.api.allowed_hosts,
            allowed_origins=settings.api.allowed_origins,
            control_token=token,
            instance_secret=instance,
            on_show=on_show,
            on_quit=on_quit,
        )
        await server.start()
        opened.push_async_callback(server.stop)
        pid = os.getpid()
        runtime_file.write_api(paths.api_file, runtime_file.ApiAddress(server.url, pid, __version__, instance))
        runtime_file.write_control(
            paths.control_file,
            runtime_file.ControlAddress(server.url, pid, __version__, str(paths.profile), instance, token),
        )
        opened.callback(runtime_file.withdraw, paths.api_file, pid)
        opened.callback(runtime_file.withdraw, paths.control_file, pid)
        return server.url
