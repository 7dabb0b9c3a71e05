"""What the words after ``dev.py`` mean: suites, files, pytest's arguments, and the system packages that follow."""

from __future__ import annotations

from pathlib import Path

import pytest

import verbs
from system_packages import QT_PACKAGES
from terminal import ROOT, Stop

SUITES = ("contract", "integration", "ui", "unit")


def test_without_words_everything_is_chosen() -> None:
    chosen = verbs.selection([], SUITES)
    assert chosen.everything
    assert not [word for word in verbs.pytest_command(chosen, Path("python")) if "tests" in Path(word).parts]


def test_words_that_name_suites_choose_their_folders() -> None:
    chosen = verbs.selection(["unit", "contract"], SUITES)
    assert not chosen.everything
    assert verbs.pytest_command(chosen, Path("python"))[-2:] == ["tests/unit", "tests/contract"]


def test_the_rest_is_passed_to_pytest_even_if_it_sounds_like_a_suite() -> None:
    chosen = verbs.selection(["unit", "--full", "-k", "contract"], SUITES)
    assert chosen.suites == ("unit",)
    assert chosen.arguments == ("--full", "-k", "contract")


def test_options_alone_still_choose_everything() -> None:
    assert verbs.selection(["--full", "-x"], SUITES).everything


def test_a_file_chooses_itself_and_not_everything(tmp_path: Path) -> None:
    file = tmp_path / "test_one.py"
    file.touch()
    assert not verbs.selection([f"{file}::test_it"], SUITES).everything
    assert not verbs.selection(["-x", str(file)], SUITES).everything


def test_suites_share_the_processors_unless_it_is_taken_back() -> None:
    command = verbs.pytest_command(verbs.selection(["unit", "-n", "0"], SUITES), Path("python"))
    assert command.index("auto") < command.index("0")


def test_a_file_runs_in_one_process(tmp_path: Path) -> None:
    command = verbs.pytest_command(verbs.selection([str(tmp_path)], SUITES), Path("python"))
    assert command == ["python", "-m", "pytest", str(tmp_path)]


def test_an_unknown_suite_is_refused_with_the_suites_there_are() -> None:
    with pytest.raises(Stop, match="no file nonsense; the suites are: contract, integration, ui, unit") as stop:
        verbs.selection(["nonsense"], SUITES)
    assert stop.value.code == 2


def test_the_suites_are_the_folders_that_hold_tests() -> None:
    suites = verbs.suites_there()
    assert "unit" in suites
    assert "data" not in suites


def test_suites_without_windows_need_no_system_packages_and_no_qt_plugin() -> None:
    chosen = verbs.selection(["unit", "contract"], SUITES)
    assert verbs.needed_packages(chosen) == ()
    assert "no:pytest-qt" in verbs.pytest_command(chosen, Path("python"))


@pytest.mark.parametrize("words", [["ui"], ["unit", "ui"], ["integration"]])
def test_a_suite_that_may_open_windows_needs_what_qt_loads(words: list[str]) -> None:
    chosen = verbs.selection(words, SUITES)
    assert verbs.needed_packages(chosen) == QT_PACKAGES
    assert "no:pytest-qt" not in verbs.pytest_command(chosen, Path("python"))


def test_the_end_to_end_suite_needs_a_desktop_of_its_own_and_so_does_everything() -> None:
    chosen = verbs.selection(["e2e"], (*SUITES, "e2e"))
    assert set(verbs.needed_packages(chosen)) >= {*QT_PACKAGES, "xvfb", "trayer", "gnome-keyring", "chromium-driver"}
    assert set(verbs.needed_packages(verbs.selection([], SUITES))) >= set(verbs.needed_packages(chosen))


@pytest.mark.parametrize("words", [[], ["nonsense"], ["--json"], ["check", "more"], ["bench", "no-such-case"]])
def test_words_that_mean_nothing_end_with_code_2_and_an_explanation(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert verbs.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("kalends: ")


def test_asking_for_help_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert verbs.main(["--help"]) == 0
    assert "dev.py run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "judged"), [([], True), (["--full"], True), (["contract"], True), (["unit", "ui"], False)]
)
def test_the_judges_are_set_up_for_the_contract_suite_alone(words: list[str], judged: bool) -> None:
    assert verbs.selection(words, SUITES).judged is judged


def test_measurements_are_no_suite_and_no_test_that_pytest_finds_by_itself() -> None:
    assert "benchmarks" not in verbs.suites_there()
    folder = ROOT / "tests" / "benchmarks"
    assert {path.name for path in folder.glob("bench_*.py")} >= {"bench_gui_gap.py", "bench_tray.py", "bench_idle.py"}
    assert not list(folder.glob("**/test_*.py"))


def test_a_measurement_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(Stop, match=r"there are: .*gui_gap, idle, .*tray"):
        verbs.bench(["no-such-case"])


def test_the_full_simulation_is_handed_to_its_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(verbs, "set_up", lambda *_, **__: None)

    def become(command: list[object]) -> int:
        started.append([str(word) for word in command])
        return 0

    monkeypatch.setattr(verbs, "become", become)
    monkeypatch.chdir(ROOT)

    assert verbs.test(["simulation", "--full", "100000", "--jobs", "2"]) == 0

    assert started[0][1:] == ["-m", "tests.simulation", "--full", "100000", "--jobs", "2"]
