"""Preferences in the settings file: what front ends may see and change of `config.toml`, with its comments kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from app.domain.preferences import PreferenceValues
from app.system.settings import change_setting, load_settings

_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "theme": ("ui", "theme"),
    "api_enabled": ("api", "enabled"),
    "api_port": ("api", "port"),
    "interval_seconds": ("sync", "interval_seconds"),
    "sync_on_start": ("sync", "sync_on_start"),
    "quiet_on_metered": ("sync", "quiet_on_metered"),
    "notifications": ("notifications", "show"),
}


class SettingsFile:
    """`services.preferences.PreferenceFile` on `config.toml`.

    Args:
        path: the file, which need not exist.
        environ: the environment, which beats the file.
    """

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ

    def read(self) -> PreferenceValues:
        """What counts now. Raises InputError by key, StorageError."""
        settings = load_settings(self._path, self._environ)
        return PreferenceValues(
            theme=str(settings.ui.theme),
            api_enabled=settings.api.enabled,
            api_port=settings.api.port,
            interval_seconds=settings.sync.interval_seconds,
            sync_on_start=settings.sync.sync_on_start,
            notifications=str(settings.notifications.show),
            quiet_on_metered=settings.sync.quiet_on_metered,
        )

    def write(self, changes: Mapping[str, object]) -> None:
        """Keep these values. Raises InputError by key, StorageError."""
        for name, value in changes.items():
            section, key = _KEYS[name]
            change_setting(self._path, section, key, value)
