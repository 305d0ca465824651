"""What happened lately, in intervals."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.partition.rows import Ended
from perdure_runtime.telemetry.histogram import LATENCY_S, Histogram, quantile
from perdure_runtime.telemetry.metrics import Metrics
from perdure_runtime.telemetry.samples import KEPT, Sample, Samples

OK = Outcome(value=b"")
FAILED = Outcome(failure=Failure(code=5))


def test_an_interval_has_what_happened_within_it() -> None:
    metrics, now = Metrics(), [1_000]
    handler = metrics.handlers.of("shop.v1.Orders", "Process")
    handler.accepted += 7
    samples = Samples(metrics, lambda: now[0])
    handler.accepted += 3
    handler.retries += 1
    for outcome in (OK, OK, FAILED):
        handler.end(Ended(outcome, 20, 0, 0), 0)
    samples.take()
    now[0] = 6_000
    samples.take()

    first, second = samples.list()
    assert (first.at_ms, first.accepted, first.succeeded, first.failed, first.retried) == (1_000, 3, 2, 1, 1)
    assert 10 < first.p50_ms <= first.p99_ms <= 25
    assert second == Sample(6_000, 0, 0, 0, 0, 0.0, 0.0)


def test_the_oldest_intervals_are_forgotten() -> None:
    now = [0]
    samples = Samples(Metrics(), lambda: now[0])
    for number in range(KEPT + 2):
        now[0] = number
        samples.take()

    assert [sample.at_ms for sample in samples.list()] == list(range(2, KEPT + 2))


def test_handlers_that_come_later_count_from_their_beginning() -> None:
    metrics = Metrics()
    samples = Samples(metrics, lambda: 0)
    metrics.handlers.of("shop.v1.Orders", "Process").accepted += 2
    samples.take()

    assert samples.list()[0].accepted == 2


def test_a_quantile_lies_in_the_bucket_of_its_value() -> None:
    histogram = Histogram(LATENCY_S)
    for milliseconds in range(1, 101):
        histogram.observe(milliseconds / 1000)

    assert quantile(LATENCY_S, histogram.counts, 0.5) == 0.05
    assert 0.05 < quantile(LATENCY_S, histogram.counts, 0.99) <= 0.1


def test_values_above_all_bounds_count_as_the_last_one() -> None:
    histogram = Histogram((1.0, 2.0))
    histogram.observe(100.0)

    assert quantile((1.0, 2.0), histogram.counts, 0.5) == 2.0
    assert histogram.buckets() == [("1.0", 0.0), ("2.0", 0.0), ("+Inf", 1.0)]


def test_nothing_has_no_quantile() -> None:
    assert quantile(LATENCY_S, Histogram(LATENCY_S).counts, 0.5) == 0.0
