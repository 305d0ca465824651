"""What an examination has found."""

import enum
from dataclasses import dataclass


class Grade(enum.Enum):
    """How a thing does."""

    OK = "ok"
    # Work goes on; somebody should look at it.
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, how it does, and what to do where it is not well."""

    grade: Grade
    subject: str
    fact: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """For programs."""
        return {"grade": self.grade.value, "subject": self.subject, "fact": self.fact, "advice": self.advice}


def ok(subject: str, fact: str) -> Finding:
    """It is as it should be."""
    return Finding(Grade.OK, subject, fact)


def warn(subject: str, fact: str, advice: str) -> Finding:
    """Work goes on, and this is what to do."""
    return Finding(Grade.WARN, subject, fact, advice)


def fail(subject: str, fact: str, advice: str) -> Finding:
    """It does not work, and this is what to do."""
    return Finding(Grade.FAIL, subject, fact, advice)
