"""The errors of AWS End User Messaging: what each is about, and ours for them.

https://docs.aws.amazon.com/sms-voice/latest/APIReference/API_SendTextMessage.html#API_SendTextMessage_Errors
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ...exceptions import Cause, DeliveryError, NotDelivered
from .. import faults
from ..faults import Fault, fault_of_status

__all__ = ["FAULTS", "VoiceRefused", "delivery_error"]


class VoiceRefused(NotDelivered):
    """AWS has no such voice: it did not call."""


FAULTS: dict[str, Fault] = {
    # Reasons. Some are the site's own choice of countries and prices.
    "ACCOUNT_DISABLED": faults.SUSPENDED,
    "CHANNEL_NOT_ENABLED": faults.CHANNEL_OFF,
    "COUNTRY_NOT_ENABLED": faults.REGION_OFF,
    "DAILY_DESTINATION_CALL_LIMIT": faults.must_wait(timedelta(hours=1)),
    "DESTINATION_COUNTRY_BLOCKED": faults.REGION_OFF,
    "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION": faults.REGION_EXCLUDED,
    "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE": faults.REGION_EXCLUDED,
    "DESTINATION_PHONE_NUMBER_NOT_VERIFIED": faults.TRIAL,
    "DESTINATION_PHONE_NUMBER_OPTED_OUT": faults.OPTED_OUT,
    "INSUFFICIENT_ACCOUNT_REPUTATION": faults.SUSPENDED,
    "INTERNATIONAL_SENDING_NOT_SUPPORTED": faults.REGION_OFF,
    "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY": faults.REGION_OFF,
    "MAXIMUM_SIZE_EXCEEDED": faults.BAD_TEXT,
    "NO_ORIGINATION_IDENTITIES_FOUND": faults.WRONG_SENDER,
    "PRICE_OVER_THRESHOLD": faults.REGION_EXCLUDED,
    "SENDER_ID_NOT_REGISTERED": faults.WRONG_SENDER,
    "SENDER_ID_NOT_SUPPORTED": faults.WRONG_SENDER,
    "SENDER_ID_REQUIRES_REGISTRATION": faults.WRONG_SENDER,
    "VOICE_CAPABILITY_NOT_AVAILABLE": faults.CHANNEL_OFF,
    # Names, for any other reason.
    "AccessDeniedException": faults.FORBIDDEN,
    "ConflictException": faults.SERVICE,
    "ExpiredTokenException": faults.CREDENTIALS,
    "IncompleteSignatureException": faults.CREDENTIALS,
    "InternalServerException": faults.DOWN,
    "InvalidClientTokenId": faults.CREDENTIALS,
    "InvalidSignatureException": faults.CREDENTIALS,
    "MissingAuthenticationTokenException": faults.CREDENTIALS,
    "OptInRequired": faults.FORBIDDEN,
    "RequestExpired": faults.CREDENTIALS,
    "ResourceNotFoundException": faults.NOT_FOUND,
    "ServiceQuotaExceededException": faults.NO_MONEY,
    "SignatureDoesNotMatch": faults.CREDENTIALS,
    "SlowDown": faults.BUSY,
    "ThrottlingException": faults.BUSY,
    "TooManyRequestsException": faults.BUSY,
    "UnrecognizedClientException": faults.CREDENTIALS,
    "ValidationException": faults.BAD_OPTION,
    # Errors of boto3 before it asks.
    "CredentialRetrievalError": faults.CREDENTIALS,
    "NoCredentialsError": faults.CREDENTIALS,
    "NoRegionError": faults.SETTINGS,
    "ParamValidationError": faults.SETTINGS,
    "PartialCredentialsError": faults.CREDENTIALS,
    "SSOError": faults.CREDENTIALS,
    "TokenRetrievalError": faults.CREDENTIALS,
}

_OF_FIELDS = {
    "DestinationPhoneNumber": faults.INVALID_NUMBER,
    "MessageBody": faults.BAD_TEXT,
    "VoiceId": faults.WRONG_LANGUAGE,
}
"""Faults of the fields that AWS may blame."""


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
    fault = FAULTS.get(reason) or _fault_of_fields(response) or FAULTS.get(name)
    fault = fault or fault_of_status(status)
    error = fault.error("AWS", error_code, is_sure=400 <= status < 500)
    if fault is faults.WRONG_LANGUAGE and isinstance(error, NotDelivered):
        return VoiceRefused(str(error), error_code=error_code, cause=Cause.MESSAGE)
    return error


def _fault_of_fields(response: Mapping[str, Any]) -> Fault | None:
    """Return the fault of the only field that AWS blames."""
    fields = response.get("Fields") or ()
    names = {str(field.get("Name")) for field in fields if isinstance(field, dict)}
    return _OF_FIELDS.get(names.pop()) if len(names) == 1 else None
