"""Read commands, a JSON list a line, and answer each by a line of JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import TextIO

import django


def main(answers: TextIO) -> None:
    django.setup()
    # Needs the models.
    from .commands import Commands
    from .steps import Turns

    module = os.environ["DJANGO_SETTINGS_MODULE"].replace(".settings", ".site")
    commands = Commands(Turns(importlib.import_module(module).site))
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answer = getattr(commands, name)(*arguments)
        answers.write(f"{json.dumps(answer)}\n")
        answers.flush()


if __name__ == "__main__":
    # A contestant that prints must not answer for us.
    answers, sys.stdout = sys.stdout, sys.stderr
    main(answers)
