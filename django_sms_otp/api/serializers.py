"""The bodies that the endpoints take."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..conf import get_settings
from ..exceptions import PhoneNumberError
from ..masked import MaskedText
from ..phone import SUPPORTED_REGIONS, PhoneNumber
from ..phone.typed_text import without_marks
from ..services import read_phone_number

__all__ = [
    "AuthCodeSerializer",
    "GetCodeSerializer",
    "StepUpCodeSerializer",
    "StepUpSerializer",
    "VerifyNumberSerializer",
]

OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class TextField(serializers.Field[Any, Any, str, Any]):
    """A text, exactly as the client sent it.

    The ``CharField`` of REST framework turns numbers into text, but a code or a phone number
    that is a JSON number has lost its leading zeros or its plus sign. It also refuses some
    characters, but each wrong code is to be counted as a guess.
    """

    default_error_messages = {
        "not_a_text": _("Must be a text. In JSON, write it in quotes."),
        "blank": _("This field may not be blank."),
    }

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # HTML forms send an empty text for no value.
        is_blank = isinstance(data, str) and not data.strip()
        is_absent = is_blank and not self.required
        return super().validate_empty_values(None if is_absent else data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("not_a_text")
        if not data.strip():
            self.fail("blank")
        return MaskedText(data)

    def to_representation(self, value: str) -> str:
        return value


class NumberTextField(TextField):
    """The text of a phone number."""

    def get_value(self, dictionary: Any) -> Any:
        text = super().get_value(dictionary)
        # In a form body an unescaped "+" means a space (WHATWG URL, 5.1). Many clients forget
        # to escape it.
        if not (isinstance(dictionary, QueryDict) and isinstance(text, str)):
            return text
        visible = without_marks(text)
        return MaskedText(f"+{visible[1:]}") if visible.startswith(" ") else text


class PhoneNumberField(NumberTextField):
    """A phone number that may have received a code."""

    def to_internal_value(self, data: Any) -> PhoneNumber:
        try:
            return read_phone_number(super().to_internal_value(data))
        except PhoneNumberError as error:
            raise serializers.ValidationError(str(error), code=error.code) from None


class RegionField(TextField):
    """The country of a number that is written without its country code."""

    default_error_messages = {
        "not_a_region": _("Must be a two-letter country code, such as US.")
    }

    def to_internal_value(self, data: Any) -> str:
        region = str(super().to_internal_value(data)).upper()
        if region not in SUPPORTED_REGIONS:
            self.fail("not_a_region")
        return region


class ChannelField(TextField):
    """The channel of the message: one of the site's ``CHANNELS``."""

    default_error_messages = {"not_offered": _("Must be one of: {channels}.")}

    def to_internal_value(self, data: Any) -> str:
        channel = str(super().to_internal_value(data))
        offered = get_settings().CHANNELS
        if channel not in offered:
            self.fail("not_offered", channels=", ".join(offered))
        return channel


class RequestIdField(TextField):
    """The id of a request, which is a UUID."""

    default_error_messages = {
        "not_a_uuid": serializers.UUIDField.default_error_messages["invalid"]
    }

    def to_internal_value(self, data: Any) -> uuid.UUID:
        text = super().to_internal_value(data)
        try:
            return uuid.UUID(text)
        except ValueError:
            self.fail("not_a_uuid")


class GetCodeSerializer(serializers.Serializer[Any]):
    phone_number = NumberTextField(
        label=_("Phone number"),
        help_text=_("With its country code: +14155552671."),
    )
    region = RegionField(**OPTIONAL, label=_("Region"))
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    channel = ChannelField(**OPTIONAL, label=_("Channel"))
    challenge = TextField(**OPTIONAL, label=_("Challenge response"))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # The channel decides: a call reaches numbers that an SMS does not.
        region, channel = attrs.pop("region", None), attrs.get("channel")
        try:
            number = read_phone_number(
                attrs["phone_number"], to_send=True, channel=channel, region=region
            )
        except PhoneNumberError as error:
            detail = serializers.ErrorDetail(str(error), code=error.code)
            raise serializers.ValidationError({"phone_number": [detail]}) from None
        return {**attrs, "phone_number": number}


class AuthCodeSerializer(serializers.Serializer[Any]):
    phone_number = PhoneNumberField(**OPTIONAL, label=_("Phone number"))
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    code = TextField(label=_("Code"))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("request_id") is None:
            if get_settings().REQUIRE_REQUEST_ID:
                raise serializers.ValidationError({"request_id": [_("Ask for a code first.")]})
            if attrs.get("phone_number") is None:
                raise serializers.ValidationError(
                    {"phone_number": [_("Write the phone number that the code was sent to.")]}
                )
        return attrs


class OwnGuessSerializer(serializers.Serializer[Any]):
    """A guess of who is logged in: it names its request where the site asks for that."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if get_settings().REQUIRE_REQUEST_ID and attrs.get("request_id") is None:
            raise serializers.ValidationError({"request_id": [_("Ask for a code first.")]})
        return attrs


class VerifyNumberSerializer(OwnGuessSerializer):
    phone_number = PhoneNumberField(label=_("Phone number"))
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    code = TextField(label=_("Code"))
    replaces = TextField(
        **OPTIONAL,
        label=_("Number to replace"),
        help_text=_("The id of your number that this one replaces."),
    )


class OwnNumberField(TextField):
    """The id of a number of who is logged in."""

    def __init__(self) -> None:
        super().__init__(
            **OPTIONAL,
            source="number_id",
            label=_("Phone number"),
            help_text=_("The id of a number of yours. By default it is the main one."),
        )


class StepUpCodeSerializer(serializers.Serializer[Any]):
    number = OwnNumberField()
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    channel = ChannelField(**OPTIONAL, label=_("Channel"))
    challenge = TextField(**OPTIONAL, label=_("Challenge response"))


class StepUpSerializer(OwnGuessSerializer):
    number = OwnNumberField()
    request_id = RequestIdField(**OPTIONAL, label=_("Request id"))
    code = TextField(label=_("Code"))
