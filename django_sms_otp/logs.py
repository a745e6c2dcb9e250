"""What a log line says to programs, beside its text.

All fields are in one dict, ``record.sms_otp``. Names such as ``request_id`` are set on records
by many sites' filters and record factories: beside them, ours would be lost, or ``logging``
would raise in the middle of a login.
"""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from .phone import PhoneNumber, mask

if TYPE_CHECKING:
    # Backends are imported before the app is loaded, and models cannot be.
    from .models import OTPCode

__all__ = ["describe_error", "log_fields", "translate_errors"]

T = TypeVar("T")
Kinds = type[Exception] | tuple[type[Exception], ...]

KEY = "sms_otp"


def log_fields(
    name: str,
    *,
    otp_code: OTPCode | None = None,
    phone_number: PhoneNumber | str | None = None,
    request_id: uuid.UUID | None = None,
    latency: float | None = None,
    **fields: str,
) -> Mapping[str, Any]:
    """Return the ``extra`` of a log line about something that has happened.

    It is made when the line is: most sites keep none of the level INFO.

    :param otp_code: the code that it happened to; its number, region, purpose, channel, backend
        and request id need not be told.
    :param phone_number: in E.164 too: it is masked here, and nowhere has to think of it.
    :param latency: seconds that the gateway took.
    :param fields: ``outcome``, ``error_code``, ``control`` and the like. Empty ones
        are left out.
    """
    return _Extra(
        lambda: _said(
            name, otp_code, phone_number, request_id=request_id, latency=latency, fields=fields
        )
    )


class _Extra(Mapping[str, Any]):
    def __init__(self, said: Callable[[], dict[str, Any]]) -> None:
        self._said = said

    def __getitem__(self, key: str) -> Any:
        if key != KEY:
            raise KeyError(key)
        return self._said()

    def __iter__(self) -> Iterator[str]:
        return iter((KEY,))

    def __len__(self) -> int:
        return 1


def _said(
    name: str,
    otp_code: OTPCode | None,
    phone_number: PhoneNumber | str | None,
    *,
    request_id: uuid.UUID | None,
    latency: float | None,
    fields: dict[str, str],
) -> dict[str, Any]:
    if isinstance(phone_number, PhoneNumber):
        fields = {"region": phone_number.region, **fields}
        phone_number = phone_number.e164
    if otp_code is not None:
        fields = {**_fields_of(otp_code), **fields}
        phone_number, request_id = otp_code.phone_number, otp_code.pk
    said: dict[str, Any] = {
        "event": name,
        "request_id": str(request_id or ""),
        "phone_number": mask(phone_number) if phone_number else "",
        **fields,
    }
    if latency is not None:
        said["latency_ms"] = round(latency * 1000, 1)
    return {key: value for key, value in said.items() if value != ""}


def _fields_of(otp_code: OTPCode) -> dict[str, str]:
    return {
        name: getattr(otp_code, name) for name in ("region", "purpose", "channel", "backend")
    }


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
