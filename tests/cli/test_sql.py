"""`perdure sql`: a table, JSON, or CSV."""

import csv
import io

import pytest

from tests.cli.covering import covers
from tests.cli.town import Town

NUMBERS = "select 1 as number, 'one' as word union all select 2, null"


@covers("sql")
def test_an_answer_is_a_table_json_or_csv(there: Town) -> None:
    assert there.says("sql", NUMBERS).splitlines() == ["number  word", "1       one", "2"]
    assert there.json("sql", NUMBERS) == [{"number": 1, "word": "one"}, {"number": 2, "word": None}]
    rows = list(csv.reader(io.StringIO(there.says("sql", NUMBERS, "--csv"))))
    assert rows == [["number", "word"], ["1", "one"], ["2", ""]]


def test_the_views_are_those_of_the_runtime(there: Town) -> None:
    sent = there.mail("asked by SQL", "ended")

    assert there.json("sql", f"select id, status from invocation where id = '{sent}'") == [
        {"id": sent, "status": "ended"}
    ]


def test_more_rows_than_the_limit_are_told(there: Town) -> None:
    ran = there.perdure("sql", NUMBERS, "--limit", "1", "--csv")

    assert (ran.out, ran.err) == ("number,word\n1,one\n", "these are the first 1 rows; --limit prints more\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("selec 1",), "selec"),
        (("delete from invocation",), ""),
        (("select 1", "--json", "--csv"), "--json and --csv: choose one of them"),
        (("select 1", "--timeout", "0s"), "--timeout: 0s is too short or too long"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_asked_is_one_sentence(arguments: tuple[str, ...], says: str, there: Town) -> None:
    assert says in there.refuses("sql", *arguments)
