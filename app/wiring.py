"""The services of one profile, put together: constructor calls and nothing else.

Half of the composition root: `app.main` opens what these need, starts and stops it, in order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app import __version__
from app.auth.addresses import Addresses
from app.auth.google import GoogleAuthenticator
from app.auth.microsoft import MicrosoftAuthenticator
from app.auth.pages import load_pages
from app.auth.safe import Safe
from app.auth.vault import KeyringVault, PassphraseVault
from app.domain.accounts import Account, Provider
from app.domain.errors import InputError
from app.domain.pairs import PairStatus
from app.domain.ports import Authenticator, CalendarService, Clock, Expander, Network, Notifier, Vault
from app.domain.runs import Trigger
from app.domain.snapshots import CalendarText, Detail, Head, Read
from app.providers.checkup import service_time
from app.providers.google.client import GoogleService
from app.providers.http import Listening, new_ssl_context
from app.providers.microsoft.client import MicrosoftService
from app.services.alerts import Alerts
from app.services.audits import Audits
from app.services.autostart import StartEntry, StartsWithComputer
from app.services.availability import FreeTimes
from app.services.clients import Clients, ServiceFactory
from app.services.clock_guard import ClockGuard
from app.services.connections import Connections
from app.services.core import Core, CoreInfo, Doctor
from app.services.demo import Demo
from app.services.duplicates import Duplicates
from app.services.feed import Feed
from app.services.health import Health
from app.services.history import History
from app.services.holds import Holds
from app.services.integrity import Integrity
from app.services.keys import Keys
from app.services.leaks import Leaks
from app.services.log_reading import LogReading
from app.services.maintenance import Maintenance
from app.services.metered import MeteredRule
from app.services.narrowing import Narrowing
from app.services.notices import Notices
from app.services.pairs import Pairs
from app.services.preferences import PreferenceFile, Preferences
from app.services.previews import Previews
from app.services.questions import Questions
from app.services.restores import Restores
from app.services.room import room_problem
from app.services.schedule import Schedule
from app.services.second_copies import SecondCopies
from app.services.settings_files import SettingsFiles
from app.services.snapshots import Snapshots
from app.services.status import Status
from app.services.stored_plan import StoredPlans
from app.services.sync import Sync
from app.services.undo import Undo
from app.services.views import PairChange, Problem
from app.services.visibility import Visibility
from app.services.why import Why
from app.services.work import Names
from app.store.state import StateRepository
from app.store.store import Store
from app.system.checkup import free_bytes
from app.system.clock import ServiceTime
from app.system.expansion import BoundedExpander
from app.system.identifiers import Identifiers, WriteStamps
from app.system.log_reading import LogFiles
from app.system.paths import Paths, resources
from app.system.private_files import PrivateFile
from app.system.settings import Settings, VaultKind
from app.system.snapshot_files import SnapshotFolder

if TYPE_CHECKING:
    from app.sandbox.server import Sandbox

_DATA_KEY = "demo_data_key"


@dataclass(slots=True)
class Built:
    """The services of one profile, and what `open` must start and stop around them."""

    core: Core
    schedule: Schedule
    clients: Clients
    expander: BoundedExpander
    guard: ClockGuard


def build(
    store: Store,
    addresses: Addresses,
    vault: Vault,
    paths: Paths,
    preferences: PreferenceFile,
    *,
    clock: Clock,
    api_url: Callable[[], str | None] = lambda: None,
    sandbox: Sandbox | None = None,
    hide: Callable[[str], None] = lambda secret: None,
    authenticators: Mapping[Provider, Authenticator] | None = None,
    clients_of: ServiceFactory | None = None,
    expander: Expander | None = None,
    start_entry: StartEntry | None = None,
    network: Network | None = None,
    doctor: Doctor | None = None,
) -> Built:
    """Put the services of one profile together.

    Args:
        store: its open database.
        preferences: where the person's preferences are kept.
        sandbox: the demo's sandbox, None for real accounts.
        hide: told every secret, so that the log leaves it out.
        authenticators, clients_of, expander: others than the app's own, for tests.
        doctor: looks at everything that Kalends needs, None where nobody can.
        start_entry: the system's entry for programs that start with the computer, None where there is none.
        network: knows whether the connection is metered, None where nobody does.
    """
    new_id = Identifiers(clock).new
    if authenticators is None:
        authenticators = make_authenticators(addresses, Safe(vault, store.secrets), clock, hide)
    own_expander = BoundedExpander()
    notices = Notices()
    visibility = Visibility(store.accounts, store.pairs)
    run_clock = ServiceTime(clock)
    clients = Clients(store.accounts, clients_of or service_factory(addresses, authenticators, run_clock.listening))
    health = Health(store.accounts, notices, clock)
    integrity = Integrity(store, notices, clock, is_idle=lambda: sync.is_idle)
    guard = ClockGuard(
        store.state,
        clock,
        ask=lambda: service_time((addresses.google.calendar_api, addresses.microsoft.graph_api)),
        when_right=lambda: sync.request_all(Trigger.RESUME),
    )

    def standstill() -> Problem | None:
        return integrity.problem() or guard.problem() or room_problem(lambda: free_bytes(paths))

    preferred = Preferences(preferences)
    metered = MeteredRule(preferred, network, when_over=lambda: sync.request_all(Trigger.RESUME))
    stamps = WriteStamps(store.state.installation().id)
    snapshots = Snapshots(
        SnapshotFolder(paths.snapshots),
        _text_maker,
        _read_snapshot,
        pairs=store.pairs,
        ledger=store.ledger,
        questions=store.questions,
        clients=clients,
        visibility=visibility,
        clock=run_clock,
    )
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
        run_clock=run_clock,
        stamps=stamps,
        expander=expander or own_expander,
        new_id=new_id,
        standstill=standstill,
        before_writing=snapshots.before_writing,
        when_written=store.state.begin_epoch,
        metered=metered.waits,
    )
    maintenance = Maintenance(store, run_clock, standstill, sure=lambda: run_clock.told)

    async def upkeep() -> None:
        if standstill() is None:
            await integrity.keep_up()
        await maintenance.keep_up()

    schedule = Schedule(
        clock,
        request=sync.request,
        resume=lambda pair_id: pairs.update(pair_id, PairChange.resume()),
        request_all=sync.request_all,
        upkeep=upkeep,
    )
    plans = StoredPlans(
        ledger=store.ledger,
        clients=clients,
        clock=run_clock,
        stamps=stamps,
        names=Names(new_id),
        expander=expander or own_expander,
    )
    pairs = Pairs(
        repository=store.pairs,
        narrowing=Narrowing(ledger=store.ledger, plans=plans, clock=clock, new_id=new_id),
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
        pause=lambda pair_id, reason: pairs.update(pair_id, PairChange(status=PairStatus.PAUSED, pause_reason=reason)),
    )
    holds = Holds(store.holds, visibility, notices, clock, lambda pair_id: pairs.run_if_active(pair_id, Trigger.MANUAL))
    profile = str(paths.profile)
    core = Core(
        info=CoreInfo(profile, __version__, sandbox is not None, paths.log_file, paths.database, paths.config_file),
        connections=connections,
        pairs=pairs,
        sync=sync,
        history=History(store.runs, store.pairs, visibility),
        holds=holds,
        undo=Undo(runs=store.runs, ledger=store.ledger, sync=sync, visibility=visibility, clock=clock),
        keys=Keys(store.keys, clock, new_id, sandbox_only=sandbox is not None),
        status=Status(
            connections,
            pairs,
            profile=profile,
            version=__version__,
            started_at=clock.now(),
            now=clock.now,
            api_url=api_url,
            standstill=standstill,
            told=integrity.told,
        ),
        notices=notices,
        preferences=preferred,
        alerts=Alerts(
            connections=connections,
            pairs=pairs,
            holds=holds,
            runs=store.runs,
            state=store.state,
            notices=notices,
            preferences=preferred,
            clock=clock,
            standstill=standstill,
            told=integrity.told,
        ),
        questions=Questions(
            why=Why(
                pairs=store.pairs,
                ledger=store.ledger,
                questions=store.questions,
                plans=plans,
                visibility=visibility,
                schedule=schedule,
                clock=clock,
            ),
            free=FreeTimes(
                ledger=store.ledger,
                questions=store.questions,
                visibility=visibility,
                expander=expander or own_expander,
                clock=clock,
            ),
            leaks=Leaks(pairs=store.pairs, ledger=store.ledger, clients=clients, visibility=visibility),
            duplicates=Duplicates(ledger=store.ledger, questions=store.questions, visibility=visibility),
        ),
        snapshots=snapshots,
        restores=Restores(
            snapshots,
            pairs=store.pairs,
            ledger=store.ledger,
            questions=store.questions,
            clients=clients,
            sync=sync,
        ),
        second_copies=SecondCopies(
            pairs=store.pairs, ledger=store.ledger, clients=clients, sync=sync, visibility=visibility
        ),
        feed=Feed(
            _text_maker, pairs=store.pairs, ledger=store.ledger, questions=store.questions, visibility=visibility
        ),
        previews=Previews(
            ledger=store.ledger,
            questions=store.questions,
            clients=clients,
            visibility=visibility,
            expander=expander or own_expander,
            clock=clock,
        ),
        log=LogReading(LogFiles(paths.log_file)),
        settings_files=SettingsFiles(preferences=preferred, connections=connections, pairs=pairs),
        demo=_demo(sandbox, connections, pairs, sync) if sandbox is not None else None,
        autostart=StartsWithComputer(start_entry) if start_entry is not None else None,
        doctor=doctor,
    )
    return Built(core, schedule, clients, own_expander, guard)


def _text_maker(head: Head, detail: Detail) -> CalendarText:
    """Begins an iCalendar file; the library is imported with the first one."""
    from app.providers.ics.writing import IcsText

    return IcsText(head, detail)


def _read_snapshot(data: bytes) -> Read:
    """Reads a snapshot's file."""
    from app.providers.ics.kept import read_kept

    return read_kept(data)


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
    addresses: Addresses,
    authenticators: Mapping[Provider, Authenticator],
    listening: Listening,
) -> Callable[[Account], CalendarService]:
    """Clients for accounts; one trust store for the whole process, built when first needed.

    Args:
        listening: hears what time the services say it is.
    """
    trust: list[Any] = []

    def make(account: Account) -> CalendarService:
        if not trust:
            trust.append(new_ssl_context())
        tokens = authenticators[account.provider].tokens(account.id)
        if account.provider is Provider.GOOGLE:
            return GoogleService(tokens, addresses.google.calendar_api, ssl_context=trust[0], listening=listening)
        if account.provider is Provider.MICROSOFT:
            return MicrosoftService(tokens, addresses.microsoft.graph_api, ssl_context=trust[0], listening=listening)
        raise InputError(f"Kalends cannot read calendars of '{account.provider}' yet.")

    return make


def make_notifier(environ: Mapping[str, str]) -> Notifier | None:
    """The desktop's notifications, None where Kalends cannot speak through them: window and tray tell all the same."""
    if not sys.platform.startswith("linux"):
        return None
    from app.system.notifier import BusNotifier

    return BusNotifier(environ, icon=resources() / "icons" / "kalends" / "kalends.svg")


def make_network(environ: Mapping[str, str]) -> Network | None:
    """What knows whether the connection is metered, None where Kalends cannot ask: then it never is."""
    if not sys.platform.startswith("linux"):
        return None
    from app.system.network import BusNetwork

    return BusNetwork(environ)


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


def _demo(sandbox: Sandbox, connections: Connections, pairs: Pairs, sync: Sync) -> Demo:
    from app.providers.ics.reading import read_ics
    from app.sandbox.hands import Hands
    from app.sandbox.visitor import Visitor

    return Demo(connections, pairs, sync, Visitor(sandbox), Hands(sandbox), read_ics)
