"""Templates of a site's own purposes: what such a message names must be given.

Django shows nothing in the place of a name that it does not know. A payment would be confirmed
without its amount or payee.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.template import TemplateDoesNotExist
from django.template.backends.django import DjangoTemplates
from django.utils.module_loading import import_string

__all__ = ["MissingValues", "render_strictly"]

IF_INVALID = "\0%s\0"
"""What Django shows of such a name here. No context holds this character."""

MISSING = re.compile(r"\0(.*?)\0", re.DOTALL)


class MissingValues(ValueError):
    """A template shows names that it was not given.

    :param names: as the template writes them.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__("A message shows what its context lacks.")
        self.names = names


def render_strictly(name: str, values: Mapping[str, Any]) -> str:
    """Return the text of a template, as the first engine of the site that has it renders it.

    :raises MissingValues: it shows a name that ``values`` lacks, with or without filters.
    """
    # Django reads templates anew in development, and knows its own engines alone.
    for engine in _engines.__wrapped__() if django_settings.DEBUG else _engines():
        try:
            template = engine.get_template(name)
        except TemplateDoesNotExist:
            continue
        text = str(template.render(dict(values)))
        if names := MISSING.findall(text):
            raise MissingValues(sorted(set(names)))
        return text
    raise TemplateDoesNotExist(name)


@cache
def _engines() -> list[Any]:
    """Return the engines of ``TEMPLATES``, of which those of Django show what is missing."""
    return [_engine(entry) for entry in django_settings.TEMPLATES]


def _engine(entry: Mapping[str, Any]) -> Any:
    params = {"NAME": "sms_otp", "DIRS": [], "APP_DIRS": False, "OPTIONS": {}, **entry}
    engine = import_string(params.pop("BACKEND"))
    if issubclass(engine, DjangoTemplates):
        params["OPTIONS"] = {**params["OPTIONS"], "string_if_invalid": IF_INVALID}
    return engine(params)


def _start_anew(*, setting: str, **_: Any) -> None:
    if setting in {"TEMPLATES", "INSTALLED_APPS"}:
        _engines.cache_clear()


setting_changed.connect(_start_anew)
