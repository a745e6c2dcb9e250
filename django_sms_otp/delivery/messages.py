"""The text of the SMS, and how many segments it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from django.conf import settings as django_settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ..conf import get_settings
from ..masked import MaskedText
from ..purposes import Purpose, is_template_name
from .templates import MissingValues, render_strictly

__all__ = [
    "Segments",
    "compose",
    "count_segments",
    "longest_renderings",
    "missing_values",
    "site_name",
]

# 3GPP TS 23.038, 6.2.1: the basic set, and the characters that take two septets.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")

# Units in a message of one segment, and in each segment of a longer one.
GSM_7 = ("GSM-7", 160, 153)
UCS_2 = ("UCS-2", 70, 67)


NO_CONTEXT: Mapping[str, str] = MappingProxyType({})


class Segments(int):
    """A number of SMS segments, each of which is billed. ``encoding`` explains the number."""

    encoding: str


class _SafeText(MaskedText, SafeString):
    """A text that a template takes as it is. An error in the template does not show it."""

    __slots__ = ()


def compose(
    code: str,
    purpose: Purpose,
    *,
    valid_for: timedelta,
    context: Mapping[str, str] = NO_CONTEXT,
) -> str:
    """Return the text of a message in the active language.

    :param valid_for: the remaining lifetime of the code.
    :param context: what the code is bound to, for the message to show.
    :raises MissingValues: the template of a purpose of the site's own shows more than that.
    """
    minutes = max(1, int(valid_for.total_seconds() // 60))
    own = {"code": MaskedText(code), "minutes": minutes, "site": site_name() or ""}
    values = {**context, **own}
    if is_template_name(purpose.message):
        # The text is no HTML: "Tom & Jerry" must not be escaped.
        safe = {key: _SafeText(value) for key, value in values.items()}
        render = render_strictly if purpose.shows_context else render_to_string
        text = render(purpose.message, safe).strip()
    else:
        text = gettext(purpose.message).format_map(values)
    origin = get_settings().ORIGIN
    if origin is None:
        return MaskedText(text)
    # https://wicg.github.io/sms-one-time-codes/: the last line, and nothing after the code.
    return MaskedText(f"{text}\n@{origin} #{code}")


def missing_values(purpose: Purpose, context: Mapping[str, str]) -> list[str]:
    """Return what the template of a purpose shows and ``context`` lacks.

    What else is wrong with a template, its delivery tells.
    """
    code = "0" * purpose.code_length
    try:
        compose(code, purpose, valid_for=purpose.code_lifetime, context=context)
    except MissingValues as error:
        return error.names
    except Exception:
        return []
    return []


def site_name() -> str | None:
    """Return the value of ``{site}``: ``SITE_NAME``, or else the first allowed host.

    Never use the ``Host`` header: if any host is allowed, an anonymous caller could choose a
    text and send it to any number.
    """
    if name := get_settings().SITE_NAME:
        return name
    hosts = (host.removeprefix(".") for host in django_settings.ALLOWED_HOSTS)
    return next((host for host in hosts if host and host != "*"), None)


def count_segments(text: str) -> Segments:
    """Return how many segments carry ``text`` (3GPP TS 23.040, 9.2.3.24)."""
    if all(char in GSM_BASIC or char in GSM_EXTENDED for char in text):
        encoding, single, multi = GSM_7
        widths = [2 if char in GSM_EXTENDED else 1 for char in text]
    else:
        encoding, single, multi = UCS_2
        widths = [len(char.encode("utf-16-be")) // 2 for char in text]
    segments = Segments(1 if sum(widths) <= single else _fill(widths, multi))
    segments.encoding = encoding
    return segments


def _fill(widths: list[int], capacity: int) -> int:
    """Count segments. A character of two units is never split over two of them."""
    segments, used = 1, 0
    for width in widths:
        if used + width > capacity:
            segments, used = segments + 1, 0
        used += width
    return segments


def longest_renderings() -> Iterator[tuple[Purpose, str, str]]:
    """Yield each purpose and language of the site with the longest message.

    What a purpose shows of its context is not known here, so such a purpose is left out.
    """
    purposes = [each for each in get_settings().purposes.values() if not each.shows_context]
    for language in _languages():
        with translation.override(language):
            for purpose in purposes:
                code = "0" * purpose.code_length
                yield purpose, language, compose(code, purpose, valid_for=purpose.code_lifetime)


def _languages() -> list[str]:
    # The default LANGUAGES of Django has a hundred. Only a list that the site has set counts.
    if django_settings.USE_I18N and django_settings.is_overridden("LANGUAGES"):  # type: ignore[misc]
        return [code for code, _name in django_settings.LANGUAGES]
    return [django_settings.LANGUAGE_CODE]
