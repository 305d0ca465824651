"""The checker: reads a history and the ledger, and finds every promise that was broken. Pure.

The promises: nothing that was acknowledged is lost, nothing happens twice, and a key has one writer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from chaos.history import (
    Answer,
    Approved,
    Balance,
    Box,
    Call,
    Count,
    Counted,
    Event,
    Finished,
    Posted,
    Refused,
    Transferred,
    Unanswered,
    Worked,
)
from chaos.ledger import Entered, Left, Line, Ran

ANSWERS = (Worked, Counted, Transferred, Posted, Approved, Finished)
# Clocks that are read in whole milliseconds differ by that.
CLOCK_MS = 2


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise."""

    promise: str
    told: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.told}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checker found.

    ``reexecutions`` are steps that ran again before a result of theirs was durable, and ``overlaps`` are attempts that
    were in a counter together with its writer, without any effect. Both are allowed.
    """

    violations: Sequence[Violation]
    reexecutions: int
    overlaps: int
    lateness_ms: Sequence[int]


def check(events: Sequence[Event], ledger: Iterable[Line]) -> Verdict:
    """Looks at all of it."""
    lines = list(ledger)
    answers = [event for event in events if isinstance(event, ANSWERS)]
    # Of what was asked again the first answer counts.
    first = list({answer.call.id: answer for answer in reversed(answers)}.values())[::-1]
    runs: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if isinstance(line, Ran):
            runs[line.step].append(line.run)
    writers = Writers(lines)
    violations = [
        *check_answered(events),
        *check_one_answer(answers),
        *check_steps(first, runs),
        *check_counters([each for each in first if isinstance(each, Counted)], events),
        *writers.check([each for each in first if isinstance(each, Counted)]),
        *check_accounts(events, first),
        *check_boxes(events, first),
        *check_errands(first),
    ]
    reexecutions = sum(len(each) - 1 for each in runs.values())
    return Verdict(violations, reexecutions, writers.overlaps, list(_lateness(events, first)))


def check_answered(events: Iterable[Event]) -> Iterator[Violation]:
    """Every call gets an answer, and none but what its handler gives."""
    for event in events:
        match event:
            case Unanswered():
                yield Violation("every call ends", f"{event.what} {event.call.id} hangs; the last try: {event.error}")
            case Refused():
                yield Violation("callers see latency, not errors", f"{event.what} {event.call.id}: {event.error}")
            case _:
                pass


def check_one_answer(answers: Iterable[Answer]) -> Iterator[Violation]:
    """An idempotency key has one answer, however often it is asked."""
    seen: dict[str, Answer] = {}
    for answer in answers:
        bare = replace(answer, call=Call(answer.call.id, 0.0))
        if seen.setdefault(answer.call.id, bare) != bare:
            yield Violation("one answer a key", f"{answer.call.id} got {seen[answer.call.id]}, and later {bare}")


def check_steps(answers: Iterable[Answer], runs: dict[str, list[str]]) -> Iterator[Violation]:
    """The result of a step is that of a run that took place."""
    for answer in answers:
        match answer:
            case Worked(call, first_run, second_run):
                named = {f"{call.id}/first": first_run, f"{call.id}/second": second_run}
            case Finished(errand=errand, run=run):
                named = {errand: run}
            case _:
                continue
        for step, run in named.items():
            if run not in runs.get(step, []):
                yield Violation("steps run", f"the result of {step} is {run!r}, but the ledger has {runs.get(step)}")


def check_counters(answers: Iterable[Counted], events: Iterable[Event]) -> Iterator[Violation]:
    """The values of a counter are 1, 2, 3 … up to what it holds, in an order that its callers can have seen."""
    finals = {event.counter: event.value for event in events if isinstance(event, Count)}
    counted: dict[str, list[Counted]] = {counter: [] for counter in finals}
    for answer in answers:
        counted.setdefault(answer.counter, []).append(answer)
    for counter, adds in counted.items():
        adds.sort(key=lambda add: add.value)
        times = Counter(add.value for add in adds)
        final = finals.get(counter)
        if final is None:
            yield Violation("nothing lost", f"what {counter} holds at the end is not known")
            continue
        for value, many in times.items():
            if many > 1:
                yield Violation("one writer a key", f"{counter} gave {value} to {many} calls: an update was lost")
        for value in sorted(set(range(1, final + 1)) - times.keys()):
            yield Violation("nothing twice", f"nobody was told the value {value} of {counter}: an add counted twice")
        for value in sorted(times.keys() - set(range(1, final + 1))):
            yield Violation("nothing lost", f"{counter} gave {value}, and holds {final} at the end")
        yield from _check_order(counter, adds)


def _check_order(counter: str, adds: Iterable[Counted]) -> Iterator[Violation]:
    """A call that began after another one was answered comes after it."""
    latest: Counted | None = None
    for add in adds:
        if latest is not None and add.call.ended_s < latest.call.began_s:
            told = f"{counter}: {add.call.id} was answered before {latest.call.id} began, and came after it"
            yield Violation("calls happen before their answer", told)
        if latest is None or add.call.began_s > latest.call.began_s:
            latest = add


class Writers:
    """Which attempts were in which counter at what time."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._entered: dict[str, Entered] = {}
        self._left: dict[str, float] = {}
        self.overlaps = 0
        for line in lines:
            match line:
                case Entered():
                    self._entered[line.attempt] = line
                case Left():
                    self._left[line.attempt] = line.at_s
                case Ran():
                    pass

    def check(self, answers: Iterable[Counted]) -> Iterator[Violation]:
        """Of the attempts that ended a call no two were in a counter together; counts the others that were."""
        ended: dict[str, list[Counted]] = defaultdict(list)
        for answer in answers:
            if answer.attempt in self._entered and answer.attempt in self._left:
                ended[answer.counter].append(answer)
            else:
                told = f"{answer.call.id} ended by attempt {answer.attempt!r}, which never was in {answer.counter}"
                yield Violation("one writer a key", told)
        losers = self._losers({each.attempt for adds in ended.values() for each in adds})
        for counter, adds in ended.items():
            adds.sort(key=lambda add: self._entered[add.attempt].at_s)
            for one, next in pairwise(adds):
                if self._entered[next.attempt].at_s < self._left[one.attempt]:
                    yield Violation("one writer a key", f"{one.call.id} and {next.call.id} were in {counter} together")
            self.overlaps += sum(self._meets(loser, adds) for loser in losers[counter])

    def _losers(self, winners: set[str]) -> dict[str, list[Entered]]:
        """Attempts that did not end their call, and went on to their last line, by counter."""
        losers: dict[str, list[Entered]] = defaultdict(list)
        for attempt, entered in self._entered.items():
            if attempt not in winners and attempt in self._left:
                losers[entered.counter].append(entered)
        return losers

    def _meets(self, loser: Entered, adds: Iterable[Counted]) -> bool:
        left_s = self._left[loser.attempt]
        return any(self._entered[add.attempt].at_s < left_s and loser.at_s < self._left[add.attempt] for add in adds)


def check_accounts(events: Sequence[Event], answers: Iterable[Answer]) -> Iterator[Violation]:
    """Every account holds what the transfers make of it, and all of them together hold nothing."""
    if any(isinstance(event, Unanswered | Refused) and event.what == "transfer" for event in events):
        return  # That is told already, and what it did is not known.
    expected: Counter[str] = Counter()
    for answer in answers:
        if isinstance(answer, Transferred):
            expected[answer.source] -= answer.amount
            expected[answer.target] += answer.amount
    held = {event.account: event.amount for event in events if isinstance(event, Balance)}
    for account in sorted(held.keys() | expected.keys()):
        if held.get(account) != expected[account]:
            told = f"{account} holds {held.get(account)}, and its transfers make {expected[account]}"
            yield Violation("nothing lost, nothing twice", told)
    if sum(held.values()) != 0:
        yield Violation("nothing lost, nothing twice", f"all accounts together hold {sum(held.values())}, not 0")


def check_boxes(events: Sequence[Event], answers: Iterable[Answer]) -> Iterator[Violation]:
    """Every letter that was accepted is in its box, once, and came no earlier than it should; no others are there."""
    arrived: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for event in events:
        if isinstance(event, Box):
            for letter, arrived_ms in event.letters:
                arrived[letter].append((event.box, arrived_ms))
    for answer in answers:
        if not isinstance(answer, Posted):
            continue
        for letter, box in answer.letters.items():
            match arrived.pop(letter, []):
                case []:
                    yield Violation("nothing lost", f"{letter} was accepted for {box}, and never came")
                case [(there, at_ms)]:
                    if there != box:
                        yield Violation("nothing lost", f"{letter} was for {box}, and is in {there}")
                    if at_ms < answer.due_ms - CLOCK_MS:
                        yield Violation("timers are not early", f"{letter} came {answer.due_ms - at_ms} ms early")
                case several:
                    yield Violation("nothing twice", f"{letter} is there {len(several)} times: {several}")
    unknown = {event.call.id for event in events if isinstance(event, Unanswered | Refused)}
    for letter in arrived:
        if letter.partition("/")[0] not in unknown:
            yield Violation("nothing twice", f"nobody sent {letter}, and it is in a box")


def check_errands(answers: Sequence[Answer]) -> Iterator[Violation]:
    """An errand is approved once, by whom it says, and sleeps no shorter than it should."""
    first: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if isinstance(answer, Approved) and answer.first:
            first[answer.errand].append(answer.by)
    for errand, approvers in first.items():
        if len(approvers) > 1:
            yield Violation("a promise is resolved once", f"{approvers} all were the first to approve {errand}")
    for answer in answers:
        if not isinstance(answer, Finished):
            continue
        if answer.approved_by not in first[answer.errand]:
            who = f"{first[answer.errand]} approved" if first[answer.errand] else "nobody was the first to approve"
            told = f"{who} {answer.errand}, which was told {answer.approved_by!r}"
            yield Violation("a promise is resolved once", told)
        if answer.slept_ms < answer.asked_ms - CLOCK_MS:
            told = f"{answer.errand} slept {answer.slept_ms} ms instead of {answer.asked_ms} ms"
            yield Violation("timers are not early", told)


def _lateness(events: Iterable[Event], answers: Iterable[Answer]) -> Iterator[int]:
    """How much later than they should letters with a delay came."""
    due = {
        letter: answer.due_ms
        for answer in answers
        if isinstance(answer, Posted) and answer.due_ms
        for letter in answer.letters
    }
    for event in events:
        if isinstance(event, Box):
            yield from (arrived_ms - due[letter] for letter, arrived_ms in event.letters if letter in due)
