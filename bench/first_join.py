"""Measure one cold start in a process that does nothing else. `bench/cold.py` starts it.

    python -m bench.first_join MODULE:NAME [FOLDER] < EVENT

Imports a handler (from the package unzipped in FOLDER, if one is given) and gives it one event. Prints the wall and CPU
seconds of both together, and the status of the answer.
"""

import sys
import time


def main() -> None:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    # Nothing else is imported before: a handler that needs the same modules would get them for free.
    import importlib
    import json
    from types import SimpleNamespace

    context = SimpleNamespace(
        function_name="bench",
        aws_request_id="bench",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:ap-southeast-3:123456789012:function:bench",
    )
    named, *folders = sys.argv[1:]
    sys.path[:0] = folders
    module, _, name = named.partition(":")
    answer = getattr(importlib.import_module(module), name)(json.load(sys.stdin), context)
    figures = time.perf_counter() - began_s, time.process_time() - began_cpu_s, answer["statusCode"]
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
