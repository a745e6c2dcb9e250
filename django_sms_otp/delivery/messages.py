"""The text of the SMS, and how many segments it takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings as django_settings
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ..conf import get_settings
from ..conf.validators import is_template_name
from ..masked import MaskedText

__all__ = ["Segments", "compose", "count_segments", "longest_renderings", "site_name"]

# 3GPP TS 23.038, 6.2.1: the basic set, and the characters that take two septets.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENDED = frozenset("\f^{}\\[~]|€")

# Units in a message of one segment, and in each segment of a longer one.
GSM_7 = ("GSM-7", 160, 153)
UCS_2 = ("UCS-2", 70, 67)


class Segments(int):
    """A number of SMS segments, each of which is billed. ``encoding`` explains the number."""

    encoding: str


class _SafeText(MaskedText, SafeString):
    """A text that a template takes as it is. An error in the template does not show it."""

    __slots__ = ()


def compose(code: str, *, valid_for: timedelta) -> str:
    """Return the text of a message in the active language.

    :param valid_for: the remaining lifetime of the code.
    """
    settings = get_settings()
    minutes = max(1, int(valid_for.total_seconds() // 60))
    values = {"code": MaskedText(code), "minutes": minutes, "site": site_name() or ""}
    if is_template_name(settings.MESSAGE):
        # The text is no HTML: "Tom & Jerry" must not be escaped.
        safe = {key: _SafeText(value) for key, value in values.items()}
        text = render_to_string(settings.MESSAGE, safe).strip()
    else:
        text = gettext(settings.MESSAGE).format_map(values)
    if settings.ORIGIN is None:
        return MaskedText(text)
    # https://wicg.github.io/sms-one-time-codes/: the last line, and nothing after the code.
    return MaskedText(f"{text}\n@{settings.ORIGIN} #{code}")


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


def longest_renderings() -> Iterator[tuple[str, str]]:
    """Yield each language of the site with its longest message."""
    settings = get_settings()
    code = "0" * settings.CODE_LENGTH
    for language in _languages():
        with translation.override(language):
            yield language, compose(code, valid_for=settings.CODE_LIFETIME)


def _languages() -> list[str]:
    # The default LANGUAGES of Django has a hundred. Only a list that the site has set counts.
    if django_settings.USE_I18N and django_settings.is_overridden("LANGUAGES"):  # type: ignore[misc]
        return [code for code, _name in django_settings.LANGUAGES]
    return [django_settings.LANGUAGE_CODE]
