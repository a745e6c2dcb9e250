"""The fields of every log line, and how the text of foreign errors is kept out of it.

Programs that read the log find all fields in one dict, ``record.sms_otp``. The filters and
record factories of many sites set names such as ``request_id`` on the record itself: there ours
would be lost, or ``logging`` would raise in the middle of a login.
"""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from .phone import PhoneNumber, mask

if TYPE_CHECKING:
    # Settings may name a backend before models can be imported.
    from .models import OTPCode

__all__ = ["describe_error", "log_fields", "short_id", "translate_errors"]

T = TypeVar("T")
Kinds = type[Exception] | tuple[type[Exception], ...]

FIELDS_OF_CODE = ("region", "purpose", "channel", "backend")


def log_fields(
    event: str,
    *,
    otp_code: OTPCode | None = None,
    phone_number: PhoneNumber | str | None = None,
    request_id: uuid.UUID | None = None,
    latency: float | None = None,
    **fields: str,
) -> dict[str, dict[str, Any]]:
    """Return the ``extra`` of a log line.

    :param otp_code: gives its number, region, purpose, channel, backend and request id.
    :param request_id: only its start is logged: see :func:`short_id`.
    :param phone_number: a text in E.164 will do: this function masks it, so no caller has to.
    :param latency: seconds that the gateway took.
    :param fields: ``outcome``, ``error_code``, ``control`` and others. Empty ones are left out.
    """
    if isinstance(phone_number, PhoneNumber):
        fields = {"region": phone_number.region, **fields}
        phone_number = phone_number.e164
    if otp_code is not None:
        fields = {**{name: getattr(otp_code, name) for name in FIELDS_OF_CODE}, **fields}
        phone_number, request_id = otp_code.phone_number, otp_code.pk
    found: dict[str, Any] = {
        "event": event,
        "request_id": short_id(request_id) if request_id else "",
        "phone_number": mask(phone_number) if phone_number else "",
        **fields,
    }
    if latency is not None:
        found["latency_ms"] = round(latency * 1000, 1)
    return {"sms_otp": {name: value for name, value in found.items() if value != ""}}


def short_id(request_id: uuid.UUID) -> str:
    """Return the start of a request's id. It tells the lines of one request from others.

    With ``REQUIRE_REQUEST_ID`` the whole id is half of what a login needs, so no log has it.
    """
    return str(request_id)[:8]


def describe_error(error: BaseException) -> str:
    """Return the class of a foreign error and its stack, without its text: the text may hold a
    code or a phone number."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    return f"{type(error).__name__}:\n{stack}"


def translate_errors(
    call: Callable[[], T],
    translate: Callable[[Any], Exception],
    *,
    foreign: Kinds = Exception,
    own: Kinds = (),
) -> T:
    """Return what ``call`` returns, and raise an error of ours in place of a foreign one.

    :param translate: makes our error from the foreign one, and may log it.
    :param foreign: the errors to translate.
    :param own: errors that pass as they are.
    """
    try:
        return call()
    except own:
        raise
    except foreign as error:
        translated = translate(error)
    # Outside of the handler, our error does not carry the foreign one as its context.
    raise translated
