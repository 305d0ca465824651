"""One thing that is wrong with a contract."""

from dataclasses import dataclass

from perdure_codegen.contract import Place


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Where it is, what it is about, and what was wrong and what to do.

    Attributes:
        subject: The option and whose it is, such as "(perdure.v1.service).state of shop.v1.Cart"; else what is named.
    """

    place: Place
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.place}: {self.subject}: {self.sentence}"


class Unreadable(Exception):
    """A contract of which no facts can be made, since it uses what this version does not know."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
