"""SQL of operators: statements put together from words of the language, over rows of every view."""

from collections.abc import Callable

from perdure_runtime.query.engine import Engine, Limits
from perdure_runtime.query.relations import RELATIONS
from perdure_runtime.query.settings import MIB

from fuzz.dice import Dice
from fuzz.ground import Found, Ground
from tests.query.rows import Rows, invocation

WORDS = (
    *("select", "*", "from", "where", "and", "not", "in", "(", ")", ",", "=", "<", ">=", "like", "is", "null", "as"),
    *("group by 1", "having", "count(*)", "join", "union all", "with recursive", "1", "'a'", "-1", "1e99", "x''", "?"),
    *(";", "--", "/*", "||", "->> '$.a'", "json_each(input)", "cast(1 as blob)", "delete from", "insert into"),
    *("update", "drop table", "attach 'x' as y", "pragma user_version", "vacuum", "create table t(a)", "begin"),
    *("load_extension('x')", "randomblob(1000000)", "zeroblob(9)", "printf('%9999d', 1)", "replace(hex(1), 'a', 'b')"),
)
COLUMNS = ("id", "service", "status", "key", "created_at", "input", "attempt", "value", "position", "name", "1")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "like", "glob", "is", "in")
VALUES = ("'a'", "1", "-1", "null", "''", "x'00'", "1e99", "(1, 'a')", "(select 1)", "'inv_001'", "'running'", "id")
LIMITS = Limits(rows=50, time_s=0.5, result_bytes=MIB)


def sql(ground: Ground) -> Callable[[bytes], None]:
    """One statement. It is answered, or refused with a sentence."""
    rows = Rows({"invocation": [invocation(f"inv_{number:03}") for number in range(20)]})
    engine = Engine(rows, rows, 64 * MIB)
    views = tuple(RELATIONS)

    def one(data: bytes) -> None:
        dice = Dice(data)
        rows.asked.clear()
        words = _statement(dice, views)
        for _ in range(dice.below(3) if dice.yes(4) else 0):
            words.insert(dice.below(len(words) + 1), dice.choice(WORDS) if not dice.yes(8) else dice.text())
        try:
            answer = engine.answer(" ".join(words), LIMITS)
        except (ValueError, TimeoutError) as error:
            if not str(error):
                raise Found(f"refused without a word: {words}") from error
            return
        if len(answer.rows) > LIMITS.rows:
            raise Found(f"{len(answer.rows)} rows of at most {LIMITS.rows}: {words}")

    return one


def _statement(dice: Dice, views: tuple[str, ...]) -> list[str]:
    view = dice.choice(views)
    columns = tuple(column.name for column in RELATIONS[view].columns) if not dice.yes(8) else COLUMNS
    words = ["select", dice.choice((*columns, "*", "count(*)")), "from", view]
    for joint in ("where", "and", "or")[: dice.below(4)]:
        words += [joint, dice.choice(columns), dice.choice(OPERATORS), dice.choice(VALUES)]
    if dice.yes():
        words += ["order by", dice.choice(columns), dice.choice(("asc", "desc"))]
    if dice.yes():
        words += ["limit", str(dice.number())]
    return words
