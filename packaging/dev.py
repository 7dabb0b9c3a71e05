"""The two commands of a checkout: ``python3 packaging/dev.py run`` and ``python3 packaging/dev.py test``.

Refuses a Python that cannot run Kalends, in one sentence, and hands everything else to ``verbs``. It must stay readable
for every Python that ``python3`` may be (3.6 and newer, hence the quoted annotations) and import no file of ours before
it knows which one that is.
"""

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SUPPORTED = ((3, 11), (3, 12), (3, 13))  # qasync and PySide6 below 6.12 allow no other


def refusal(version: "tuple[int, ...]", arguments: "Sequence[str]", found: "Iterable[str]") -> "str | None":
    """Returns the sentence that refuses a Python, or None when it is one of the supported ones.

    ``version`` is the running Python's, ``arguments`` what follows dev.py, ``found`` the supported commands there are.
    """
    if tuple(version[:2]) in SUPPORTED:
        return None
    names = [".".join(map(str, pair)) for pair in SUPPORTED]
    command = next(iter(found), None)
    advice = "use" if command else "install one of them and use"
    line = " ".join([command or f"python{names[0]}", "packaging/dev.py", *arguments])
    this = ".".join(map(str, version[:3]))
    return f"Kalends needs Python {', '.join(names[:-1])} or {names[-1]} and this is {this}; {advice}: {line}"


def supported_commands() -> "Iterator[str]":
    """Yields the commands on this machine that start a supported Python, newest first."""
    for major, minor in reversed(SUPPORTED):
        command = ["py", f"-{major}.{minor}"] if os.name == "nt" else [f"python{major}.{minor}"]
        if shutil.which(command[0]):
            nothing = subprocess.DEVNULL
            if subprocess.call([*command, "-c", ""], stdin=nothing, stdout=nothing, stderr=nothing) == 0:
                yield " ".join(command)


if __name__ == "__main__":
    sentence = refusal(sys.version_info[:3], sys.argv[1:], supported_commands())
    if sentence:
        sys.stderr.write(f"kalends: {sentence}\n")
        sys.exit(2)
    from verbs import main

    sys.exit(main(sys.argv[1:]))
