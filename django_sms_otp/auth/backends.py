"""Django's ``authenticate()`` by SMS: one line in ``AUTHENTICATION_BACKENDS``.

This is an adapter, as the API is: it calls the services, and no module below them imports it.
Its folder is where a site looks for it.
"""

from __future__ import annotations

import uuid
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone

from ..client import device_of, ip_address_of
from ..conf import get_settings
from ..masked import MaskedText
from ..phone import PhoneNumber, WithE164
from ..results import Redeemed, RedemptionRefused
from ..services import read_phone_number, redeem_code
from .sessions import PROVED_AT

__all__ = ["SMSCodeBackend"]


class SMSCodeBackend(ModelBackend):
    """Logs in with a phone number and the code that was sent to it.

    Sessions and permissions are Django's own: an inactive user, or one whom the default manager
    of the site hides, has neither.
    """

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        *,
        secret_code: str | None,
        phone_number: str | PhoneNumber | WithE164 | None = None,
        request_id: uuid.UUID | str | None = None,
    ) -> AbstractBaseUser | None:
        """Use up a code. Return its user; ``None`` if the guess was refused.

        :param request: gives the address and the device of the client. Without it, no limit by
            address holds.
        :param secret_code: the code as typed. Django masks a credential with "secret" in its
            name before it tells the receivers of ``user_login_failed``.
        :param phone_number: as typed, or what ``read_phone_number()`` returns. Django shows a
            text to those receivers as it is, and a number that was read shows its ends alone.
        :param request_id: the id of the request for the code. Give it, the number or both. With
            ``REQUIRE_REQUEST_ID`` a guess without it is refused.
        :raises InsideTransaction: the caller has begun a transaction, perhaps by
            ``ATOMIC_REQUESTS``.
        :raises Unavailable: the guess could not be evaluated.
        """
        secret_code, phone_number = _masked(secret_code), _masked(phone_number)
        if not secret_code or not (phone_number or request_id):
            return None
        if get_settings().REQUIRE_REQUEST_ID and not request_id:
            return None  # As any other guess that names no code.
        try:
            number = read_phone_number(phone_number) if phone_number else None
            request_id = uuid.UUID(str(request_id)) if request_id else None
        except ValueError:
            # Nobody has such a number or id: that is a refusal, as of any other wrong name.
            return None
        result: Redeemed[None] | RedemptionRefused = redeem_code(
            secret_code,
            phone_number=number,
            request_id=request_id,
            ip_address=ip_address_of(request) if request else None,
            device=device_of(request) if request else None,
        )
        if not isinstance(result, Redeemed):
            return None
        setattr(result.user, PROVED_AT, timezone.now())
        return result.user

    async def aauthenticate(  # type: ignore[override]
        self, request: HttpRequest | None, **credentials: Any
    ) -> AbstractBaseUser | None:
        # Django's own method knows passwords only.
        credentials = {name: _masked(value) for name, value in credentials.items()}
        return await sync_to_async(self.authenticate)(request, **credentials)


def _masked(value: Any) -> Any:
    """Return what reports of errors do not show: they write each variable on the stack."""
    return MaskedText(value) if isinstance(value, str) else value
