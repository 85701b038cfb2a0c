"""Lambda for commands that have a function do something, in this process and with the function's own rights."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from tests.builders.aws.rights import rights_of


class Functions:
    """A client of Lambda; `run` has what each function does with the detail of its event."""

    exceptions = SimpleNamespace(TooManyRequestsException=TimeoutError)
    meta = SimpleNamespace(region_name="")

    def __init__(self, **run: Callable[[Any], Any]) -> None:
        self._run = run

    def invoke(self, **asked: Any) -> dict[str, Any]:
        name = asked["FunctionName"].rpartition("-")[2]
        unheard = Exception if asked["InvocationType"] == "Event" else ()
        answer = None
        with rights_of(name), suppress(unheard):  # who does not wait hears nothing of an error
            answer = self._run[name](json.loads(asked["Payload"])["detail"])
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}
