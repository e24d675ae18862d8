"""Load on a server of a tfsynth model: how fast it is, and whether wrong requests harm it.

    python export/serving/load.py --host localhost:8501 --clients 1 4 16 --seconds 10
    python export/serving/load.py --host localhost:8500 --grpc --malformed 10000 --pid PID

For servers on this machine; `--allow-remote` is for one of your own elsewhere.
"""

import argparse
import ipaddress
import itertools
import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from client import Client, ServingError
from malformed import CLEAN, answer_to, kinds
from png import grey_png

MOST_SECONDS, MOST_CLIENTS, MOST_MALFORMED = 600.0, 64, 100_000
# Of the wrong requests, this many later a right one must be answered as before.
BETWEEN = 50


def main(arguments=None):
    """The command line: returns 1 if an answer was not as it must be."""
    given = _parse(arguments)
    try:
        first = _client(given)
        first.wait_until_available(60.0)
        layout = given.layout.read_bytes() if given.layout else default_layout(first, *given.size)
        if given.malformed:
            report: Any = malformed(first, layout, given.malformed, given.pid)
            failed, text = report["not_clean"], _malformed_text(report)
        else:
            report = [throughput(given, layout, clients) for clients in given.clients]
            failed, text = any(one["errors"] for one in report), _throughput_text(report)
    except (OSError, ServingError, ValueError) as error:
        print(f"load.py: {error}", file=sys.stderr)
        return 1
    print(text)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


def default_layout(client, height, width):
    """Returns a PNG of bands of all classes; a black one for a model of condition pictures."""
    labels = client.describe()["label_set"] or {"classes": [{}]}
    # What files hold for a class: its first value, else its number.
    values = [one.get("values", [i])[0] for i, one in enumerate(labels["classes"])]
    rows = [bytes([values[row * len(values) // height]]) * width for row in range(height)]
    return grey_png(width, rows)


def throughput(given, layout, clients):
    """Sends one layout again and again from several threads; returns what was measured."""
    latencies, errors, lock = [], Counter(), threading.Lock()
    begin = time.perf_counter()
    end = begin + given.seconds

    def work(number):
        client, seeds = _client(given), itertools.count(number * 1_000_000)
        client.signatures()
        while time.perf_counter() < end:
            start = time.perf_counter()
            try:
                client.photograph(layout, seed=next(seeds), format=given.format)
                with lock:
                    latencies.append(time.perf_counter() - start)
            except ServingError as error:
                with lock:
                    errors[str(error)] += 1
                time.sleep(0.1)

    threads = [threading.Thread(target=work, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The last answers come after the end.
    seconds = time.perf_counter() - begin
    return {
        "clients": clients,
        "requests": len(latencies),
        "per_second": len(latencies) / seconds,
        **{f"p{p}_ms": 1000 * percentile(latencies, p) for p in (50, 95, 99)},
        "errors": dict(errors),
    }


def percentile(values, p):
    """Returns the value that p of 100 do not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * p // 100) - 1)] if ordered else float("nan")


def malformed(client, layout, count, pid=None):
    """Sends wrong requests of all kinds in turn; returns what the answers were.

    After each 50 a right request must bring the same photograph as before.
    """
    expected = client.photograph(layout)
    sends = kinds(client)
    answers = {what: {"count": 0, "codes": Counter(), "example": ""} for what in sends}
    served, before = 0, memory(pid)
    later, latencies, begin = None, [], time.perf_counter()
    for number, what in enumerate(itertools.islice(itertools.cycle(sends), count)):
        start = time.perf_counter()
        code, sentence = answer_to(sends[what])
        latencies.append(time.perf_counter() - start)
        one = answers[what]
        one["count"] += 1
        one["codes"][code] += 1
        one["example"] = one["example"] or sentence
        if (number + 1) % BETWEEN == 0 or number + 1 == count:
            served += client.photograph(layout) == expected
        if number + 1 == count // 5:
            # By then all kinds were there, and the allocator has what it keeps.
            later = memory(pid)
    checks = -(-count // BETWEEN)
    wrong = {what: dict(one["codes"]) for what, one in answers.items() if set(one["codes"]) - CLEAN}
    return {
        "requests": count,
        "seconds": time.perf_counter() - begin,
        "p99_ms": 1000 * percentile(latencies, 99),
        "kinds": {what: {**one, "codes": dict(one["codes"])} for what, one in answers.items()},
        "not_clean": wrong or (served != checks),
        "right_requests": checks,
        "right_answers": served,
        "memory_mb": {"before": before, "after_a_fifth": later, "after": memory(pid)},
    }


def memory(pid):
    """Returns the resident memory of a process of this machine in MB, or None."""
    if pid is None:
        return None
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


def _client(given):
    return Client(given.host, given.model, given.grpc, timeout=60.0)


def _throughput_text(report):
    lines = ["clients  requests  per second  p50 ms  p95 ms  p99 ms  errors"]
    for one in report:
        lines.append(
            f"{one['clients']:7}  {one['requests']:8}  {one['per_second']:10.1f}  "
            f"{one['p50_ms']:6.0f}  {one['p95_ms']:6.0f}  {one['p99_ms']:6.0f}  "
            f"{sum(one['errors'].values()):6}"
        )
    for text in {text for one in report for text in one["errors"]}:
        lines.append(f"error: {text}")
    return "\n".join(lines)


def _malformed_text(report):
    lines = [f"{what}: {one['codes']} {one['example']}" for what, one in report["kinds"].items()]
    memory = report["memory_mb"]
    lines.append(
        f"{report['requests']} wrong requests in {report['seconds']:.0f} s (p99 "
        f"{report['p99_ms']:.0f} ms); {report['right_answers']} of {report['right_requests']} "
        f"right ones between them answered as before; memory of the server, MB: {memory}"
    )
    if report["not_clean"]:
        lines.append(f"NOT CLEAN: {report['not_clean']}")
    return "\n".join(lines)


def _parse(arguments):
    parser = argparse.ArgumentParser(description="Load on a server of a tfsynth model.")
    parser.add_argument("--host", default="localhost:8501", help="name:port (%(default)s)")
    parser.add_argument("--model", default="tfsynth", help="name on the server (%(default)s)")
    parser.add_argument("--grpc", action="store_true", help="the port speaks gRPC")
    parser.add_argument("--allow-remote", action="store_true", help="not only to this machine")
    parser.add_argument("--layout", type=Path, help="PNG to send (default: bands of all classes)")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 256), help="height and width")
    parser.add_argument("--format", default="png", choices=("png", "jpeg"))
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number of clients")
    parser.add_argument("--malformed", type=int, default=0, help="send so many wrong requests")
    parser.add_argument("--pid", type=int, help="of the server, to read its memory")
    parser.add_argument("--json", type=Path, help="write the figures there")
    given = parser.parse_args(arguments)
    if not given.allow_remote and not _is_loopback(given.host):
        parser.error(f"{given.host} is not this machine. --allow-remote is for a server of yours.")
    bounds = (
        (given.seconds, MOST_SECONDS, "--seconds"),
        (max(given.clients), MOST_CLIENTS, "--clients"),
        (given.malformed, MOST_MALFORMED, "--malformed"),
    )
    for value, most, name in bounds:
        if not 0 <= value <= most:
            parser.error(f"{name} must be at most {most:g}. Received: {value:g}.")
    return given


def _is_loopback(host):
    name = host.rpartition(":")[0].strip("[]")
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
