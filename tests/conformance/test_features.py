"""Every promise has a test that names it, and the page that says so is up to date."""

from tests.conformance.features import SECTIONS, names
from tests.conformance.table import PAGE, ROOT, functions_of, marks, page, proofs


def test_every_promise_has_a_test() -> None:
    found = proofs()

    assert [name for name in names() if not found.get(name)] == []


def test_tests_prove_nothing_that_is_not_promised() -> None:
    assert proofs().keys() - set(names()) == set()


def test_every_test_of_the_suite_says_what_it_proves() -> None:
    suite = [file for file in (ROOT / "tests" / "conformance").glob("test_*.py") if file.name != "test_features.py"]

    assert [test.name for file in suite for test in functions_of(file) if not list(marks(test))] == []


def test_functions_of_other_folders_are_there() -> None:
    elsewhere = [test.split("::") for section in SECTIONS.values() for feature in section for test in feature.elsewhere]

    missing = [
        f"{path}::{name}" for path, name in elsewhere if name not in {test.name for test in functions_of(ROOT / path)}
    ]
    assert missing == []


def test_the_page_of_features_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.conformance.table"
