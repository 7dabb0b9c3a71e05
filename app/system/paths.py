"""Where Kalends keeps its files (`ux.md` D, `setup.md`, `contract/cli.md`), and where its own resources lie.

Folders are found here and made by `Paths.prepare`, nowhere else. The environment is an argument: only the composition
root reads `os.environ`. `platformdirs` finds the user's folders; the runtime folder is found by hand, because its
fallback in the temporary folder is shared and disappears.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from platformdirs import PlatformDirs

from app.domain.errors import InputError, StorageError
from app.system import placement

APPLICATION: Final = "kalends"
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600


class Profile(StrEnum):
    """Which of the two worlds of one user: the real accounts, or the demo with its sandbox."""

    DEFAULT = "default"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders and files of one profile.

    Args:
        home: the folder that `KALENDS_HOME` names, None when the platform's own folders are used.
        config: settings; data: database and vault record; state: what may be lost with regret, log and snapshots
            below it;
            cache: what may be lost; runtime: addresses of the running app, gone with the session.
    """

    profile: Profile
    home: Path | None
    config: Path
    data: Path
    state: Path
    cache: Path
    runtime: Path

    @property
    def log(self) -> Path:
        """The folder of the log."""
        return self.state / "log"

    @property
    def log_file(self) -> Path:
        """The log being written."""
        return self.log / "kalends.log"

    @property
    def snapshots(self) -> Path:
        """The folder of calendar snapshots, made with the first one."""
        return self.state / "snapshots"

    @property
    def database(self) -> Path:
        """The database."""
        return self.data / "kalends.db"

    @property
    def second_file(self) -> Path:
        """What calendars were last seen to hold; the store makes it beside the database, under this name."""
        return self.data / "kalends-cache.db"

    @property
    def config_file(self) -> Path:
        """The settings."""
        return self.config / "config.toml"

    @property
    def vault_record(self) -> Path:
        """What the vault remembers about its key, never the key itself."""
        return self.data / "vault.json"

    @property
    def lock_file(self) -> Path:
        """The lock of the one writer."""
        return self.data / "kalends.lock"

    @property
    def api_file(self) -> Path:
        """Where scripts find the API's address."""
        return self.runtime / "api.json"

    @property
    def control_file(self) -> Path:
        """Where our own front ends find the running app."""
        return self.runtime / "control.json"

    @property
    def sandbox_file(self) -> Path:
        """Where `kalends sandbox ctl` finds a running sandbox."""
        return self.runtime / "sandbox.json"

    def prepare_runtime(self) -> None:
        """Make the runtime folder alone. Raises as `prepare` does."""
        _prepare(self.runtime)

    def prepare(self, environ: Mapping[str, str] | None = None) -> None:
        """Make all folders, for this user alone (0700).

        Args:
            environ: the environment; given, the data folder is looked at before it is made.

        Raises:
            StorageError: `home_unwritable` or `home_unsuitable`, naming the folder and the fix.
        """
        if environ is not None:
            require_suitable(self.data, environ)
        for folder in (self.config, self.data, self.state, self.cache, self.runtime, self.log):
            _prepare(folder)

    def as_json(self) -> dict[str, str | None]:
        """The answer of `kalends paths --json`."""
        return {
            "home": None if self.home is None else str(self.home),
            "profile": self.profile.value,
            "config": str(self.config),
            "data": str(self.data),
            "state": str(self.state),
            "cache": str(self.cache),
            "runtime": str(self.runtime),
            "log": str(self.log_file),
            "database": str(self.database),
        }


def find_paths(environ: Mapping[str, str], profile: Profile = Profile.DEFAULT) -> Paths:
    """The folders of a profile; nothing is made.

    Args:
        environ: the environment: `KALENDS_HOME`, `XDG_RUNTIME_DIR`.

    Raises:
        InputError: `KALENDS_HOME` is set to something that is no folder.
    """
    home = _home(environ)
    below = profile.value if profile is not Profile.DEFAULT else ""
    if home is not None:
        return Paths(
            profile=profile,
            home=home,
            config=home / "config" / below,
            data=home / "data" / below,
            state=home / "state" / below,
            cache=home / "cache" / below,
            runtime=home / "run" / below,
        )
    folders = PlatformDirs(APPLICATION, appauthor=False)
    state = folders.user_state_path
    return Paths(
        profile=profile,
        home=None,
        config=folders.user_config_path / below,
        data=folders.user_data_path / below,
        state=state / below,
        cache=folders.user_cache_path / below,
        runtime=_runtime(environ, state) / below,
    )


def require_suitable(data: Path, environ: Mapping[str, str]) -> None:
    """Raises StorageError (`home_unsuitable`), with the offer of another one, where a database must not lie."""
    why = placement.unsuitable(data, environ)
    if why is None:
        return
    offer = placement.local_folder(environ)
    example = "" if offer is None else f", such as {offer}"
    raise StorageError(
        f"The folder {data} is {why}: a database there gets damaged or goes back in time.",
        code="home_unsuitable",
        fix=f"Set KALENDS_HOME to a folder on this computer{example}. Your calendars fill it by themselves.",
    )


def resources() -> Path:
    """The folder of icons, styles and pages: inside the package when installed, beside `app/` in a checkout.

    Raises:
        StorageError: the installation is not whole.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "resources", package.parent / "resources"):
        if folder.is_dir():
            return folder
    raise StorageError(
        "The installation of Kalends is not whole: its resources folder is missing.",
        fix="Install Kalends again.",
    )


def _home(environ: Mapping[str, str]) -> Path | None:
    text = environ.get("KALENDS_HOME", "")
    if not text:
        return None
    home = Path(text).expanduser().absolute()
    # Of a home that this user may not even look at, `prepare` tells.
    if os.path.exists(home) and not os.path.isdir(home):
        raise InputError(
            f"KALENDS_HOME is set to {home}, which is not a folder.", fix="Set it to a folder, or unset it."
        )
    return home


def _runtime(environ: Mapping[str, str], state: Path) -> Path:
    session = Path(environ.get("XDG_RUNTIME_DIR", ""))
    if session.is_absolute() and session.is_dir() and os.access(session, os.W_OK | os.X_OK):
        return session / APPLICATION
    return state / "run"


def _prepare(folder: Path) -> None:
    try:
        _make(folder)
        if os.name == "posix" and stat.S_IMODE(folder.stat().st_mode) != PRIVATE_FOLDER:
            folder.chmod(PRIVATE_FOLDER)
        usable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        raise _unwritable(folder, error.strerror or type(error).__name__) from error
    if not usable:
        raise _unwritable(folder, "not allowed to write")


def _make(folder: Path) -> None:
    """Make a folder; what is made above it on the way is for this user alone too."""
    for missing in [above for above in (*reversed(folder.parents), folder) if not above.exists()]:
        missing.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def _unwritable(folder: Path, why: str) -> StorageError:
    return StorageError(
        f"Kalends cannot write to its folder {folder} ({why}).",
        code="home_unwritable",
        fix="Make the folder writable for your user, or set KALENDS_HOME to a folder that is.",
    )
