"""Load over gRPC, by grpc.aio in processes of their own."""

import asyncio
import multiprocessing
import random
import time

import grpc

from bench.http_load import LoadFailed, Measured

# One process of grpc.aio makes about this many calls at once before it is the bottleneck.
CALLERS_A_PROCESS = 32


def run_grpc(address: str, seconds: float, *, method: str, callers: int, keys: int = 0, text: str = "") -> Measured:
    """Calls a method without a break from so many callers. Raises LoadFailed.

    ``keys`` above 0 sends a random one of so many keys as field 1, else ``text`` is field 1.
    """
    processes = max(1, min(2, callers // CALLERS_A_PROCESS))
    share = [callers // processes + (1 if i < callers % processes else 0) for i in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        jobs = [pool.apply_async(_drive, (address, method, part, seconds, keys, text)) for part in share]
        results = [job.get(timeout=seconds + 60) for job in jobs]
    errors = [error for _, error in results if error]
    latencies = sorted(latency for part, _ in results for latency in part)
    if errors or not latencies:
        raise LoadFailed(errors[0] if errors else "no call was answered")
    p50, p99 = (latencies[int(len(latencies) * part)] * 1000 for part in (0.5, 0.99))
    return Measured(len(latencies), seconds, p50, p99)


def _drive(address: str, method: str, callers: int, seconds: float, keys: int, text: str) -> tuple[list[float], str]:
    return asyncio.run(_call(address, method, callers, seconds, keys, text))


async def _call(
    address: str, method: str, callers: int, seconds: float, keys: int, text: str
) -> tuple[list[float], str]:
    latencies: list[float] = []
    error = ""
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(f"/{method}", bytes, bytes)
        await call(_string_field(text or "0"))
        end = time.perf_counter() + seconds

        async def caller() -> None:
            while (start := time.perf_counter()) < end:
                await call(_string_field(str(random.randrange(keys)) if keys else text))
                latencies.append(time.perf_counter() - start)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(callers):
                    group.create_task(caller())
        except* grpc.aio.AioRpcError as failed:
            error = str(failed.exceptions[0])
    return latencies, error


def _string_field(text: str) -> bytes:
    """A message with field 1 a string: no generated code of ours in the client."""
    data = text.encode()
    return bytes((0x0A, len(data))) + data
