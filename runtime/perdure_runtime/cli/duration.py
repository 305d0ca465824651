"""Durations on the command line, such as 90s, 12h or 1h30m."""

from perdure_runtime.cli.problem import Problem


def parse_duration_ms(option: str, text: str) -> int:
    """The milliseconds of a duration that an option was given. Raises Problem."""
    # The models of the settings stand behind it, which most commands do without.
    from perdure_runtime.config.values import read_duration_ms

    try:
        return read_duration_ms(text)
    except ValueError as error:
        raise Problem(f"{option}: {text!r} is no duration; {error}") from error


def show_duration(milliseconds: float) -> str:
    """As people say it, to two units: "850 ms", "1m 5s", "3d 2h"."""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 10_000:
        return f"{milliseconds / 1_000:.1f} s"
    left = int(milliseconds) // 1_000
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
