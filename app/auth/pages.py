"""The pages that the browser shows at the end of a sign-in: fixed files of the resources, nothing of a request in them.

The headers forbid storing, referring and framing; the policy allows exactly the style and the script in the file, by
their hashes (Content Security Policy Level 3, §2.3.1). The script takes the code out of the address bar.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.domain.errors import StorageError

_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """One page: its bytes and the policy that goes with it."""

    body: bytes
    policy: str


@dataclass(frozen=True, slots=True)
class AnswerPages:
    """What the browser may be shown.

    Args:
        success: the answer has come; denied: the person said no; mismatch: not the sign-in we wait for.
    """

    success: AnswerPage
    denied: AnswerPage
    mismatch: AnswerPage


def load_pages(folder: Path) -> AnswerPages:
    """Read the pages from `resources/oauth`.

    Raises:
        StorageError: the installation is not whole.
    """
    return AnswerPages(*(_page(folder / f"{name}.html") for name in ("success", "denied", "mismatch")))


def _page(path: Path) -> AnswerPage:
    try:
        # As bytes: a changed line end would change the hashes.
        body = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"The installation of Kalends is not whole: {path.name} is missing.", fix="Install Kalends again."
        ) from error
    policy = (
        f"default-src 'none'; style-src {_hashes(_STYLE, body)}; script-src {_hashes(_SCRIPT, body)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return AnswerPage(body, policy)


def _hashes(part: re.Pattern[bytes], body: bytes) -> str:
    found = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in part.findall(body)]
    return " ".join(f"'sha256-{text}'" for text in found) or "'none'"
