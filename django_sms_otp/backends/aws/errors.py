"""The errors of AWS End User Messaging, and ours for them.

https://docs.aws.amazon.com/sms-voice/latest/APIReference/API_SendTextMessage.html#API_SendTextMessage_Errors
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ...exceptions import DeliveryError, DeliveryRefused, DeliveryUnknown, NotDelivered

__all__ = ["NEEDS_ATTENTION", "REFUSED", "THROTTLED", "delivery_error"]

REFUSED = {
    "DESTINATION_PHONE_NUMBER_OPTED_OUT": "recipient_opted_out",
    "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE": "region_not_supported",
    "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION": "region_not_supported",
    "DESTINATION_COUNTRY_BLOCKED": "region_not_supported",
    "COUNTRY_NOT_ENABLED": "region_not_supported",
    "INTERNATIONAL_SENDING_NOT_SUPPORTED": "region_not_supported",
    "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY": "region_not_supported",
    "PRICE_OVER_THRESHOLD": "region_not_supported",
}
"""Words of refusal by reason. Some reasons are the site's choice of countries and prices."""

THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "SlowDown"})
NEEDS_ATTENTION = frozenset(
    {
        "COUNTRY_NOT_ENABLED",
        "DESTINATION_COUNTRY_BLOCKED",
        "INTERNATIONAL_SENDING_NOT_SUPPORTED",
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
        "AccessDeniedException",
        "ConflictException",
        "ResourceNotFoundException",
        "ServiceQuotaExceededException",
        "ValidationException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
CANNOT_PARSE_NUMBER = "DestinationPhoneNumber"
RETRY_AFTER = timedelta(seconds=5)


def delivery_error(response: Mapping[str, Any]) -> DeliveryError:
    """Return our error for an answer: whether nothing was sent, and why.

    :param response: the answer as botocore has parsed it. Its texts may hold the number, so
        none of them is used.
    """
    name = str(response.get("Error", {}).get("Code", ""))
    reason = str(response.get("Reason") or "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    status = status if isinstance(status, int) else 0
    error_code = reason or name or str(status)
    if word := _refusal(reason, response):
        return DeliveryRefused(
            f"AWS refused the number ({error_code}).",
            code=word,
            error_code=error_code,
            needs_attention=reason in NEEDS_ATTENTION,
        )
    if name in THROTTLED or status == 429:
        return NotDelivered(
            f"AWS takes no more requests now ({error_code}).",
            error_code=error_code,
            retry_after=RETRY_AFTER,
        )
    if 400 <= status < 500:
        return NotDelivered(
            f"AWS refused the message ({error_code}).",
            error_code=error_code,
            needs_attention=name in NEEDS_ATTENTION,
        )
    return DeliveryUnknown(f"AWS failed ({error_code}).", error_code=error_code)


def _refusal(reason: str, response: Mapping[str, Any]) -> str | None:
    if reason in REFUSED:
        return REFUSED[reason]
    fields = response.get("Fields") or ()
    names = {field.get("Name") for field in fields if isinstance(field, dict)}
    return "invalid_phone_number" if names == {CANNOT_PARSE_NUMBER} else None
