"""A person's wishes: `config.toml`, read into typed settings and changed in place with its comments kept.

The database holds state, not wishes. A value that cannot be used is refused by its key, never replaced by a default
in silence; keys we do not know are refused too, as they are most often misspelt.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from app.domain.alerts import Wish
from app.domain.errors import FieldError, InputError, StorageError
from app.system.private_files import write_text

_HOST: Final = re.compile(r"[A-Za-z0-9.\-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
_MINUTE: Final = 60
_DAY: Final = 24 * 60 * _MINUTE


class Theme(StrEnum):
    """Which colours the windows have."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class LogLevel(StrEnum):
    """How much the log says."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class VaultKind(StrEnum):
    """Where the data key lives."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105  # the name of a kind of vault, no secret


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The local API (`contract/api.md` §1).

    Args:
        port: wished port; the next free one is used when it is taken. 0 takes any.
        allowed_hosts: `host:port` names accepted in `Host` besides our own.
        allowed_origins: origins that get CORS answers.
        requests_per_hour: limit of one key.
    """

    enabled: bool = True
    port: int = 5545
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    requests_per_hour: int = 2000


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """Defaults of new pairs, and how the scheduler behaves.

    Args:
        quiet_on_metered: runs that nobody asked for wait while the connection is metered.
    """

    interval_seconds: int = 5 * _MINUTE
    sync_on_start: bool = True
    quiet_on_metered: bool = False


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The windows."""

    theme: Theme = Theme.SYSTEM


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """What the desktop's notifications tell of."""

    show: Wish = Wish.PROBLEMS_ONLY


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log file; `console` also writes to stderr."""

    level: LogLevel = LogLevel.INFO
    console: bool = False


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """The vault: the keyring, or by explicit choice a passphrase in a file."""

    kind: VaultKind = VaultKind.KEYRING
    passphrase_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """All wishes.

    Args:
        providers: addresses and client ids by provider and key, as written; `app.auth.addresses` judges them.
    """

    api: ApiSettings = ApiSettings()
    sync: SyncSettings = SyncSettings()
    ui: UiSettings = UiSettings()
    notifications: NotificationSettings = NotificationSettings()
    log: LogSettings = LogSettings()
    vault: VaultSettings = VaultSettings()
    providers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


PROVIDER_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "google": ("calendar_api", "gmail_api", "auth_uri", "token_uri", "revoke_uri", "client_id", "client_secret"),
    "microsoft": ("graph_api", "authority", "client_id"),
}


class _Bad(Exception):
    """A value that cannot be used; the text is the fix."""


Reader = Callable[[object], Any]


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _Bad("Set it to true or false.")


def _number(low: int, high: int) -> Reader:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return int(value)
        raise _Bad(f"Set it to a whole number from {low} to {high}.")

    return read


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return str(value).strip()
    raise _Bad("Set it to a text in quotation marks, or leave the key out.")


def _path(value: object) -> Path:
    path = Path(_text(value)).expanduser()
    if not path.is_absolute():
        raise _Bad("Set it to a full path.")
    return path


def _texts(form: re.Pattern[str], example: str) -> Reader:
    def read(value: object) -> tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(item, str) and form.fullmatch(item) for item in value):
            return tuple(str(item) for item in value)
        raise _Bad(f'Set it to a list of texts such as ["{example}"].')

    return read


def _word(words: type[StrEnum]) -> Reader:
    def read(value: object) -> StrEnum:
        try:
            return words(value)  # type: ignore[arg-type]  # whatever is no word of the list is refused just below
        except ValueError:
            raise _Bad(f"Set it to one of: {', '.join(words)}.") from None

    return read


_KEYS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "api": {
        "enabled": _flag,
        "port": _number(0, 65535),
        "allowed_hosts": _texts(_HOST, "box.example:5545"),
        "allowed_origins": _texts(_ORIGIN, "https://app.example"),
        "requests_per_hour": _number(1, 1_000_000),
    },
    "sync": {"interval_seconds": _number(5 * _MINUTE, _DAY), "sync_on_start": _flag, "quiet_on_metered": _flag},
    "ui": {"theme": _word(Theme)},
    "notifications": {"show": _word(Wish)},
    "log": {"level": _word(LogLevel), "console": _flag},
    "vault": {"kind": _word(VaultKind), "passphrase_file": _path},
    **{name: dict.fromkeys(keys, _text) for name, keys in PROVIDER_KEYS.items()},
}
_VARIABLES: Final[Mapping[str, tuple[str, str]]] = {
    "KALENDS_API_PORT": ("api", "port"),
    "KALENDS_LOG_LEVEL": ("log", "level"),
    "KALENDS_VAULT": ("vault", "kind"),
    "KALENDS_VAULT_PASSPHRASE_FILE": ("vault", "passphrase_file"),
}


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings: the environment over the file over the defaults.

    A `KALENDS_LOG_LEVEL` in the environment also switches the console log on: whoever sets it wants to see it. The
    provider variables are read by `app.auth.addresses`, which gets `Settings.providers`.

    Args:
        path: `config.toml`; it may be missing.
        environ: the environment.

    Raises:
        InputError: names every bad key or variable, with the fix.
        StorageError: the file cannot be read.
    """
    errors: list[FieldError] = []
    values = _checked(_parse(path), errors)
    for variable, (section, key) in _VARIABLES.items():
        text = environ.get(variable, "")
        if text:
            raw: object = int(text) if key == "port" and re.fullmatch(r"\d{1,6}", text) else text
            raw = text.lower() if key in ("level", "kind") else raw
            try:
                values.setdefault(section, {})[key] = _KEYS[section][key](raw)
            except _Bad as bad:
                errors.append(FieldError(variable, str(bad)))
    if environ.get("KALENDS_LOG_LEVEL"):
        values.setdefault("log", {})["console"] = True
    if errors:
        raise _refusal(_placed(path, errors))
    vault = VaultSettings(**values.get("vault", {}))
    if vault.kind is VaultKind.PASSPHRASE and vault.passphrase_file is None:
        missing = FieldError("KALENDS_VAULT_PASSPHRASE_FILE", "Set it to the full path of a file with the passphrase.")
        raise _refusal([missing])
    return Settings(
        api=ApiSettings(**values.get("api", {})),
        sync=SyncSettings(**values.get("sync", {})),
        ui=UiSettings(**values.get("ui", {})),
        notifications=NotificationSettings(**values.get("notifications", {})),
        log=LogSettings(**values.get("log", {})),
        vault=vault,
        providers={name: values[name] for name in PROVIDER_KEYS if name in values},
    )


def change_setting(path: Path, section: str, key: str, value: object) -> None:
    """Change one value in the file, everything else in it, comments too, untouched.

    Args:
        value: as TOML has it; None removes the key, so that the default holds again.

    Raises:
        InputError: unknown key or bad value, or the file as it is cannot be understood.
        StorageError: the file cannot be read or written.
    """
    reader = _KEYS.get(section, {}).get(key)
    if reader is None:
        raise _refusal([FieldError(f"{section}.{key}", "There is no such setting.")])
    document = _parse(path)
    table = document.setdefault(section, tomlkit.table())
    if not isinstance(table, dict):
        raise _refusal([FieldError(section, f"Write it as a table: [{section}].")])
    if value is None:
        table.pop(key, None)
    else:
        try:
            reader(value)
        except _Bad as bad:
            raise _refusal([FieldError(f"{section}.{key}", str(bad))]) from bad
        table[key] = value
    write_text(path, tomlkit.dumps(document))


def _parse(path: Path) -> tomlkit.TOMLDocument:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return tomlkit.parse(text)
    except FileNotFoundError:
        return tomlkit.document()
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise InputError(
            f"The settings file {path} is not UTF-8 text at line {line}, column {column}.",
            fix="Save it as UTF-8.",
        ) from error
    except ParseError as error:
        line, column = _where(text, error)
        raise InputError(
            f"The settings file {path} cannot be understood at line {line}, column {column}.",
            fix="Correct that line; the form is TOML. Nothing is assumed in its place.",
        ) from error
    except TOMLKitError as error:
        raise InputError(f"The settings file {path} cannot be understood: {error}.", fix="The form is TOML.") from error
    except OSError as error:
        raise StorageError(
            f"The settings file {path} cannot be read ({error.strerror or type(error).__name__})."
        ) from error


def _where(text: str, error: ParseError) -> tuple[int, int]:
    """Where a text stops being TOML. tomlkit often names the beginning of the next line, the standard library the very
    place; columns count from 1 in both."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as other:
        found = re.search(r"at line (\d+), column (\d+)", str(other))
        if found is not None:
            return int(found[1]), int(found[2])
        lines = text.split("\n")
        return len(lines), len(lines[-1]) + 1  # "at end of document"
    return error.line, error.col + 1


def _line_of(text: str, field: str) -> int | None:
    """The line that sets `section.key`, from 1; None where it is written in another form."""
    section, _, key = field.partition(".")
    here = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.fullmatch(r"\s*\[\s*([\w\-]+)\s*\]\s*(?:#.*)?", line)
        if header is not None:
            here = header[1]
        name, _, _ = line.partition("=")
        of_section = not key and (here == section if header is not None else name.partition(".")[0].strip() == section)
        if of_section or (key and here == section and name.strip() == key):
            return number
    return None


def _placed(path: Path, errors: list[FieldError]) -> list[FieldError]:
    """The same, with the line of each that stands in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return errors
    lines = {error.field: _line_of(text, error.field) for error in errors}
    return [
        error if (line := lines[error.field]) is None else replace(error, message=f"{error.message} (Line {line}.)")
        for error in errors
    ]


def _checked(document: tomlkit.TOMLDocument, errors: list[FieldError]) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    for section, table in document.unwrap().items():
        readers = _KEYS.get(section)
        if readers is None:
            errors.append(FieldError(section, "There is no such section."))
        elif not isinstance(table, dict):
            errors.append(FieldError(section, f"Write it as a table: [{section}]."))
        else:
            values[section] = _section(section, table, readers, errors)
    return values


def _section(
    section: str, table: Mapping[str, object], readers: Mapping[str, Reader], errors: list[FieldError]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, raw in table.items():
        reader = readers.get(key)
        if reader is None:
            errors.append(FieldError(f"{section}.{key}", "There is no such setting."))
            continue
        try:
            values[key] = reader(raw)
        except _Bad as bad:
            errors.append(FieldError(f"{section}.{key}", str(bad)))
    return values


def _refusal(errors: list[FieldError]) -> InputError:
    first = errors[0]
    return InputError(f"The setting {first.field} cannot be used. {first.message}", details=errors)
