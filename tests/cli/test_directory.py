"""The data directory: what was made for some number of workers is not for another one."""

from pathlib import Path

import pytest
from perdure_runtime.cli.directory import claim, file_of, files_of
from perdure_runtime.cli.problem import Problem


@pytest.fixture
def made_for_four(tmp_path: Path) -> Path:
    """A directory with a file of one of four workers."""
    claim(tmp_path / "new" / "data", workers=4)
    files_of(tmp_path / "new" / "data", 4)[0].touch()
    return tmp_path / "new" / "data"


def test_a_directory_is_for_as_many_workers_as_it_was_made_for(made_for_four: Path) -> None:
    claim(made_for_four, workers=4)


@pytest.mark.parametrize("workers", [1, 2])
def test_another_number_of_workers_is_told_which_one_it_must_be(workers: int, made_for_four: Path) -> None:
    with pytest.raises(Problem, match="was made for 4 workers; start it with --workers 4, or name another directory"):
        claim(made_for_four, workers)


def test_the_file_of_a_node_alone_is_not_for_workers(tmp_path: Path) -> None:
    file_of(tmp_path).touch()
    claim(tmp_path, workers=1)
    with pytest.raises(Problem, match="was made for one worker; leave --workers out, or name another directory"):
        claim(tmp_path, workers=2)


def test_a_start_that_made_no_file_binds_nobody(tmp_path: Path) -> None:
    claim(tmp_path, workers=3)
    claim(tmp_path, workers=2)


def test_a_directory_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(Problem, match=r"--data: .* cannot be used: File exists"):
        claim(tmp_path / "data", workers=2)
