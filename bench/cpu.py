"""CPU time of processes, as the kernel counts it."""

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# In /proc/<pid>/stat, behind the name of the process.
_PARENT, _USER, _SYSTEM, _ENDED_USER, _ENDED_SYSTEM = 1, 11, 12, 13, 14


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, its ended children left out."""
    fields = _stat(pid)
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS


def family(pid: int) -> list[int]:
    """A process, and all that descend from it and run."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # Some end while they are listed.
            with suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int(_stat(int(entry.name))[_PARENT])
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in parents.items() if its_parent == parent]
    return found


def family_cpu_s(pid: int) -> dict[int, float]:
    """Seconds of CPU by process of a family; what its ended children have used counts as the first one's."""
    first = _stat(pid)
    used = {pid: cpu_s(pid) + (int(first[_ENDED_USER]) + int(first[_ENDED_SYSTEM])) / _TICKS}
    for member in family(pid)[1:]:
        # Where it has ended since it was listed, its parent has its time.
        with suppress(FileNotFoundError, ProcessLookupError):
            used[member] = cpu_s(member)
    return used


def machine_busy_s() -> float:
    """Seconds of CPU that all processes of this machine have used, whosoever they are."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq) / _TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no resident memory: it has ended")


def _stat(pid: int) -> list[str]:
    # The name of the process stands in parentheses, and may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
