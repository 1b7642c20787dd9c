"""What serve-work.ts is, for Python."""

import json
import sys
import time

from peak_memory import peak_memory


def say(message):
    print(json.dumps(message), flush=True)


def serve(description, run, units):
    """Says that it is warm, then the mean time of a unit, of which `run` does `units`, for each number of repetitions that it reads."""
    run()
    say({"description": description, "startMs": 0, "logits": None})
    for line in sys.stdin:
        run()  # threads wake, caches fill
        times, cpu, start = int(line), time.process_time(), time.perf_counter()
        for _ in range(times):
            run()
        ms = (time.perf_counter() - start) * 1000 / (times * units)
        cpu_ms = (time.process_time() - cpu) * 1000
        say({"ms": ms, "cpuMs": cpu_ms, "peakBytes": peak_memory()})
