"""The two commands of a checkout: ``python3 packaging/dev.py run`` and ``python3 packaging/dev.py test``.

Makes the environment in ``.venv`` from the hash-locked lists beside this file, once, and hands over to the app, pytest
or the checkers. It must run on a bare Python (standard library only, and syntax that Python 3.7 can read, to be told
that it is too old), name no package index, and leave standard output to what it starts: everything said here, by pip
and by apt goes to standard error. Whether there is a screen is for the app to find out, not for this file.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "packaging"
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "kalends-set-up.json"
SET_UP_LOCK = ROOT / ".venv.lock"

SUPPORTED = ((3, 11), (3, 12), (3, 13))  # qasync and PySide6 below 6.12 allow no other

# What Qt loads from the system, as Debian names it: without a screen, and on top of that with an X screen.
QT_PACKAGES = ("libgl1", "libegl1", "libxkbcommon0", "libglib2.0-0", "libfontconfig1", "libdbus-1-3")
QT_SCREEN_PACKAGES = (
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
)

# What a suite needs from the system. A suite that is not named here may open windows off screen.
PLAIN_SUITES = ("unit", "contract", "simulation")
SUITE_PACKAGES: dict[str, tuple[str, ...]] = dict.fromkeys(PLAIN_SUITES, ())

USAGE = """\
usage: python3 packaging/dev.py run [ARGUMENTS OF kalends]
       python3 packaging/dev.py test [SUITE ...] [--full] [ARGUMENTS OF pytest]
       python3 packaging/dev.py check
       python3 packaging/dev.py bench [CASE ...]
       python3 packaging/dev.py lock [ARGUMENTS OF uv pip compile]"""


class Stop(Exception):
    """Ends this program with a sentence on standard error and an exit code (1 unless the caller used it wrongly: 2)."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


class TestRequest(NamedTuple):
    """What ``test`` was asked for: the suites by folder name, and what pytest gets besides."""

    suites: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def everything(self) -> bool:
        """True when neither a suite nor a file was named: the checkers run too."""
        return not self.suites and not any(Path(word.split("::")[0]).exists() for word in self.arguments)


def say(sentence: str) -> None:
    """Tells the person at the terminal; standard output is not ours."""
    sys.stderr.write(f"kalends: {sentence}\n")
    sys.stderr.flush()


# --- this Python ----------------------------------------------------------------------------------------------------


def refuse_python(version: tuple[int, ...], arguments: Sequence[str], found: Iterable[str]) -> str | None:
    """The sentence that refuses a Python, or None when it is one of the supported ones.

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


def supported_commands() -> Iterator[str]:
    """The commands on this machine that start a supported Python, newest first."""
    for major, minor in reversed(SUPPORTED):
        command = ["py", f"-{major}.{minor}"] if os.name == "nt" else [f"python{major}.{minor}"]
        if shutil.which(command[0]):
            answer = subprocess.run([*command, "-c", ""], stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if answer.returncode == 0:
                yield " ".join(command)


def environment_python() -> Path:
    """The Python inside the environment."""
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# --- what is set up already -----------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """What a verb needs in the environment: everything that, when it changes, makes a new set-up necessary."""

    level: str
    root: str
    python: str
    project: str
    locks: Mapping[str, str]


def wanted(level: str) -> Wanted:
    """What ``level`` (``run`` or ``test``) needs, read from the files of this checkout and the running Python."""

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    locks = {name: digest(LOCKS / f"{name}.lock") for name in ("run", "test")}
    python = ".".join(map(str, sys.version_info[:2]))
    return Wanted(level, str(ROOT), python, digest(ROOT / "pyproject.toml"), locks)


def read_stamp(path: Path) -> dict[str, object]:
    """What the last complete set-up wrote down; empty when there was none or its note cannot be read."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, stamp: Mapping[str, object]) -> None:
    """Replaces the note in one step, so that a reader finds the old one, the new one or none."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(stamp, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(path)


def steps(stamp: Mapping[str, object], want: Wanted, *, python_exists: bool) -> tuple[str, ...]:
    """What is left to do, in order, of ``environment`` (made anew), ``packages`` and ``project``.

    There is no note while a set-up is under way: one that was killed leaves none and is begun again from the start,
    because pip takes a package that it had half unpacked for an installed one. ``test.lock`` holds all of ``run.lock``.
    """
    if not python_exists or stamp.get("root") != want.root or stamp.get("python") != want.python:
        return ("environment", "packages", "project")
    installed = stamp.get("locks")
    if not isinstance(installed, dict) or installed.get(want.level) != want.locks[want.level]:
        return ("packages", "project")
    return ("project",) if stamp.get("project") != want.project else ()


def stamp_after(want: Wanted, packages: Iterable[str]) -> dict[str, object]:
    """The note of a complete set-up: what is installed, and which system packages were found or installed."""
    locks = dict(want.locks) if want.level == "test" else {"run": want.locks["run"]}
    return {
        "root": want.root,
        "python": want.python,
        "project": want.project,
        "locks": locks,
        "system": sorted(packages),
    }


# --- setting up -----------------------------------------------------------------------------------------------------


def child_environment() -> dict[str, str]:
    """The variables for pip: without those that would lead it out of the environment it is to fill."""
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    return {**variables, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def attempt(command: Sequence[str | Path], *, keep: int | None = None, extra: Mapping[str, str] | None = None) -> int:
    """Runs a command with its words on standard error and nothing to read; returns its exit code.

    ``keep`` is the descriptor of the set-up lock: a child that outlives a killed parent goes on holding it.
    """
    inherited = () if keep is None or os.name == "nt" else (keep,)
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        cwd=ROOT,
        env={**child_environment(), **(extra or {})},
        pass_fds=inherited,
        check=False,
    ).returncode


@contextlib.contextmanager
def set_up_lock() -> Iterator[int]:
    """Holds the set-up lock; a second start waits here until the first has finished."""
    descriptor = os.open(SET_UP_LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        waiting = False
        while not _taken(descriptor):
            if not waiting:
                say("another set-up of this checkout is under way, waiting for it")
            waiting = True
            time.sleep(0.2)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Tries to take the lock on an open file once; the system gives it back when its last holder ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def pip_of(lock: int) -> list[str]:
    """Makes an empty environment and returns the start of the command that installs into it."""
    python = environment_python()
    if not importlib.util.find_spec("ensurepip") and not importlib.util.find_spec("pip"):
        package = venv_package()
        if not may_apt() or not apt_install([package]):
            raise Stop(f"this Python can make no environment of its own; install what it lacks: {sudo_apt([package])}")
        importlib.invalidate_caches()
    if importlib.util.find_spec("ensurepip"):
        if attempt([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], keep=lock):
            raise Stop(f"no environment could be made in {ENVIRONMENT}; the reason stands above")
        return [str(python), "-m", "pip"]
    if attempt([sys.executable, "-m", "venv", "--clear", "--without-pip", ENVIRONMENT], keep=lock):
        raise Stop(f"no environment could be made in {ENVIRONMENT}; the reason stands above")
    return [sys.executable, "-m", "pip", "--python", str(python)]


def existing_pip() -> list[str]:
    """The start of the command that installs into the environment there is (it may have been made without pip)."""
    python = str(environment_python())
    has_pip = subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0
    return [python, "-m", "pip"] if has_pip else [sys.executable, "-m", "pip", "--python", python]


def set_up(level: str, packages: Sequence[str], *, needs_packages: bool) -> None:
    """Brings the environment to ``level`` and the system packages to ``packages``, doing only what is missing.

    ``needs_packages``: stop when a system package is missing and may not be installed; otherwise say so and go on.
    Raises Stop with the one sentence that helps.
    """
    want = wanted(level)

    def open_points() -> tuple[tuple[str, ...], dict[str, object], list[str]]:
        stamp = read_stamp(STAMP)
        known = stamp.get("system")
        seen = [str(name) for name in known] if isinstance(known, list) else []
        return steps(stamp, want, python_exists=environment_python().exists()), stamp, seen

    todo, _, seen = open_points()
    if not todo and set(packages) <= set(seen):
        return
    try:
        with set_up_lock() as lock:
            todo, stamp, seen = open_points()
            if not set(packages) <= set(seen) and provide(packages, strict=needs_packages):
                seen = sorted({*seen, *packages})
            if todo:
                install(todo, want, lock)
                stamp = stamp_after(want, seen)
            if stamp.get("system") != seen or todo:
                write_stamp(STAMP, {**stamp, "system": seen})
    except OSError as error:
        raise Stop(f"setting up failed: {error}") from error


def install(todo: Sequence[str], want: Wanted, lock: int) -> None:
    """Does the steps. The note of the last set-up goes first: without it, whatever is left half-way is begun again."""
    if "packages" in todo:
        say("setting up in .venv; this happens once and takes about half a minute")
    STAMP.unlink(missing_ok=True)
    pip = pip_of(lock) if "environment" in todo else existing_pip()
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    if "packages" in todo:
        locked = ["--require-hashes", "-r", str(LOCKS / f"{want.level}.lock")]
        if attempt([*pip, "install", *quiet, *locked], keep=lock):
            raise Stop("the packages could not be installed; the reason stands above. Start again when it is mended")
    # Built with what the lock brought, from this folder alone: no network, whatever pip is configured to use.
    editable = ["--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT)]
    bin_first = {"PATH": os.pathsep.join([str(environment_python().parent), os.environ.get("PATH", os.defpath)])}
    if attempt([*pip, "install", *quiet, *editable], keep=lock, extra=bin_first):
        raise Stop("Kalends itself could not be installed into .venv; the reason stands above")


# --- system packages ------------------------------------------------------------------------------------------------


def missing_packages(packages: Iterable[str], listing: str) -> list[str]:
    """Those of ``packages`` that a ``dpkg-query`` listing (name, state, provided names, by tab) does not hold."""
    present = set()
    for line in listing.splitlines():
        name, state, provides = [*line.split("\t"), "", ""][:3]
        if state == "installed":
            present.add(name)
            present.update(part.split("(")[0].split(":")[0].strip() for part in provides.split(","))
    return [name for name in packages if name not in present]


def packages_of(suites: Sequence[str]) -> tuple[str, ...]:
    """The system packages that these suites need; of every suite when none is named."""
    folders = suites or test_suites()
    return tuple(dict.fromkeys(name for suite in folders for name in SUITE_PACKAGES.get(suite, QT_PACKAGES)))


def on_debian() -> bool:
    """True where packages are asked for and installed the way this file knows."""
    return sys.platform.startswith("linux") and bool(shutil.which("dpkg-query") and shutil.which("apt-get"))


def may_apt() -> bool:
    """True when this process may install system packages: as root, on a Debian, and not forbidden."""
    return on_debian() and os.geteuid() == 0 and os.environ.get("KALENDS_NO_APT", "") in ("", "0")


def sudo_apt(packages: Iterable[str]) -> str:
    """The one command that installs the packages."""
    return f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"


def venv_package() -> str:
    """The Debian package with ensurepip for the running Python."""
    if Path("/usr/bin/python3").resolve() == Path(sys.executable).resolve():
        return "python3-venv"
    return "python{}.{}-venv".format(*sys.version_info)


def apt_install(packages: Sequence[str]) -> bool:
    """Installs system packages and says which; False when apt could not."""
    say(f"installing system packages: {' '.join(packages)}")
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    order = [*apt, "install", "-y", "--no-install-recommends", *packages]
    unasked = {"DEBIAN_FRONTEND": "noninteractive"}
    attempt([*apt, "update"], extra=unasked)  # one broken source does not matter if the packages are found elsewhere
    if attempt(order, extra=unasked) == 0:
        return True
    # A set-up that was killed may have left packages unpacked and not configured; apt refuses until that is done.
    return attempt(["dpkg", "--configure", "-a"], extra=unasked) == 0 and attempt(order, extra=unasked) == 0


def provide(packages: Sequence[str], *, strict: bool) -> bool:
    """True when the system packages are there, installed if need be. Without: Stop if ``strict``, else a hint."""
    if not on_debian():
        return True  # other systems bring these libraries with their desktop, and Windows and macOS with the wheel
    query = ["dpkg-query", "-W", "-f", "${Package}\\t${db:Status-Status}\\t${Provides}\\n"]
    listing = subprocess.run(query, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    missing = missing_packages(packages, listing)
    if not missing:
        return True
    if may_apt() and apt_install(missing):
        return True
    if strict:
        raise Stop(f"these tests need system packages that are missing; install them: {sudo_apt(missing)}")
    if may_apt() or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        say(f"the windows need system packages that are missing; install them: {sudo_apt(missing)}")
    return False


# --- the verbs ------------------------------------------------------------------------------------------------------


def become(command: Sequence[str | Path]) -> int:
    """Hands over to a program: its exit code and its signals are this command's own. Returns only on Windows."""
    words = [str(word) for word in command]
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(words[0], words)  # noqa: S606 - replaced on purpose, without a shell
    with contextlib.suppress(KeyboardInterrupt):  # the child got it too, and its exit code is what counts
        return subprocess.call(words)
    return 130


def test_suites() -> list[str]:
    """The suites there are: the folders of tests/ that hold tests."""
    return sorted({path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")})


def test_request(words: Sequence[str], suites: Iterable[str]) -> TestRequest:
    """Reads the words after ``test``: suites first, everything else is pytest's. Raises Stop on an unknown suite."""
    known = set(suites)
    named = 0
    while named < len(words) and words[named] in known:
        named += 1
    rest = list(words[named:])
    if rest and not rest[0].startswith("-") and not Path(rest[0].split("::")[0]).exists():
        raise Stop(f"there is no suite and no file {rest[0]}; the suites are: {', '.join(sorted(known))}", 2)
    return TestRequest(tuple(words[:named]), tuple(rest))


def test_command(request: TestRequest, python: Path) -> list[str]:
    """The pytest command of a request. Suites that need no Qt run without its plugin, which would load it."""
    plain = request.suites and all(suite in PLAIN_SUITES for suite in request.suites)
    without_qt = ["-p", "no:pytest-qt"] if plain else []
    folders = [f"tests/{suite}" for suite in request.suites]
    return [str(python), "-m", "pytest", *without_qt, *folders, *request.arguments]


def run(words: Sequence[str]) -> int:
    """Starts the app with these arguments."""
    set_up("run", (*QT_PACKAGES, *QT_SCREEN_PACKAGES), needs_packages=False)
    # -P: a folder app/ where the person happens to stand is not our app.
    return become([environment_python(), "-P", "-m", "app", *words])


def check(words: Sequence[str]) -> int:
    """Runs ruff, mypy and the import rules; the first that finds something ends it."""
    if words:
        raise Stop(f"check takes no arguments\n{USAGE}", 2)
    set_up("test", (), needs_packages=False)
    tools = environment_python().parent
    for command in (["ruff", "check", "."], ["mypy"], ["lint-imports"]):
        code = attempt([tools / command[0], *command[1:]])
        if code:
            say(f"{command[0]} found something to mend")
            return code
    return 0


def test(words: Sequence[str]) -> int:
    """Runs the suites named, or the checkers and everything; the last line is pytest's summary."""
    request = test_request(words, test_suites())
    set_up("test", packages_of(request.suites if request.suites or request.everything else ()), needs_packages=True)
    if request.everything:
        code = check(())
        if code:
            return code
    command = test_command(request, environment_python())
    os.chdir(ROOT)
    return become(command)


def bench(words: Sequence[str]) -> int:
    """Runs the measurements named, or all: the files tests/benchmarks/bench_CASE.py."""
    folder = ROOT / "tests" / "benchmarks"
    cases = {path.stem[len("bench_") :]: path for path in sorted(folder.glob("bench_*.py"))}
    unknown = [word for word in words if word not in cases]
    if unknown or not cases:
        raise Stop(f"no measurement {' '.join(unknown)}; there are: {', '.join(cases) or 'none'}", 2)
    set_up("test", QT_PACKAGES, needs_packages=True)
    os.chdir(ROOT)
    return become([environment_python(), "-m", "pytest", "-s", *(cases[name] for name in words or cases)])


def lock(words: Sequence[str]) -> int:
    """Writes run.lock and test.lock anew from their .in files, with uv; further arguments (--upgrade) are uv's."""
    uv = shutil.which("uv", path=os.pathsep.join([str(environment_python().parent), os.environ.get("PATH", "")]))
    if not uv:
        raise Stop("locking needs uv, which is not here; install it: python3 -m pip install uv")
    shape = ["--universal", "--python-version", "3.11", "--generate-hashes"]
    silent = ["--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"]
    for name in ("run", "test"):
        files = [f"packaging/{name}.in", "--output-file", f"packaging/{name}.lock"]
        code = attempt([uv, "pip", "compile", *files, *shape, *silent, *words])
        if code:
            return code
    return 0


def main(words: Sequence[str]) -> int:
    """Reads the verb and does it; returns the exit code."""
    verbs = {"run": run, "test": test, "check": check, "bench": bench, "lock": lock}
    try:
        refusal = refuse_python(sys.version_info[:3], words, supported_commands())
        if refusal:
            raise Stop(refusal, 2)
        if not words or words[0] not in verbs:
            asked = bool(words) and words[0] in ("-h", "--help", "help")
            raise Stop(USAGE if asked else f"which command?\n{USAGE}", 0 if asked else 2)
        return verbs[words[0]](words[1:])
    except Stop as stop:
        say(str(stop))
        return stop.code
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
