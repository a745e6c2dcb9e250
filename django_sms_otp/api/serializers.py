"""What the endpoints take."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..conf import get_settings
from ..exceptions import PhoneNumberError
from ..phone import PhoneNumber
from ..services import read_phone_number

__all__ = ["AuthCodeSerializer", "GetCodeSerializer"]


OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


def absent_if_blank(field: serializers.Field[Any, Any, Any, Any], data: Any) -> Any:
    """Take an empty text for a missing value, as HTML forms and many clients mean it."""
    is_blank = isinstance(data, str) and not data.strip()
    return None if is_blank and not field.required else data


class TextField(serializers.Field[Any, Any, str, Any]):
    """A text, exactly as it came in.

    Not DRF's ``CharField``: that turns numbers into text, and a code or phone number written as
    a JSON number has lost its leading zeros or plus sign.
    """

    default_error_messages = {
        "not_a_text": _("Must be a text. In JSON, write it in quotes."),
        "blank": _("This field may not be blank."),
    }

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return super().validate_empty_values(absent_if_blank(self, data))

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("not_a_text")
        if not data.strip():
            self.fail("blank")
        return data

    def to_representation(self, value: str) -> str:
        return value


class PhoneNumberField(TextField):
    """A phone number that a code may be sent to.

    :param to_send: a message is to go there: what is refused is counted.
    """

    def __init__(self, *, to_send: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to_send = to_send

    def to_internal_value(self, data: Any) -> PhoneNumber:
        text = super().to_internal_value(data)
        try:
            return read_phone_number(self._with_plus(text), to_send=self.to_send)
        except PhoneNumberError as error:
            raise serializers.ValidationError(str(error), code=error.code) from None

    def _with_plus(self, text: str) -> str:
        # In a form body an unescaped "+" means a space (WHATWG URL, 5.1), and many clients
        # forget to escape it.
        is_form = isinstance(getattr(self.parent, "initial_data", None), QueryDict)
        return f"+{text[1:]}" if is_form and text.startswith(" ") else text


class RequestIdField(serializers.UUIDField):
    """The handle of a request. DRF's own field takes numbers and booleans for ids."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return super().validate_empty_values(absent_if_blank(self, data))

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class GetCodeSerializer(serializers.Serializer[Any]):
    phone_number = PhoneNumberField(
        to_send=True,
        label=_("Phone number"),
        help_text=_("With its country code: +14155552671."),
    )
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    challenge = TextField(**OPTIONAL, label=_("Challenge response"))


class AuthCodeSerializer(serializers.Serializer[Any]):
    phone_number = PhoneNumberField(**OPTIONAL, label=_("Phone number"))
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    code = TextField(label=_("Code"))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("request_id") is None:
            if get_settings().REQUIRE_REQUEST_ID:
                raise serializers.ValidationError(
                    {"request_id": [_("Send the request_id that get-code has answered.")]}
                )
            if attrs.get("phone_number") is None:
                raise serializers.ValidationError(
                    {"phone_number": [_("Send phone_number or request_id.")]}
                )
        return attrs
