"""What this app asks of the database, and hardly anything besides."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from django_sms_otp.db.drivers import may_commit_asynchronously
from django_sms_otp.db.plans import statement_cursor
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken

from benchmarks.peers.sites.bare.serializers import AuthCodeSerializer, GetCodeSerializer
from django_sms_otp.db.rows import LimitRow, Read
from django_sms_otp.db.statements import (
    CODE_FIELDS,
    consume_code,
    count_attempt,
    find_user,
    insert_code,
    record_delivery,
    record_delivery_asynchronously,
)
from django_sms_otp.db.writes import Write, is_one_statement, send, send_as_one
from django_sms_otp.models import DeliveryState, OTPCode, new_request_id

LIFETIME = timedelta(hours=1)
STATE = {"sends": [[1_700_000_000.5, "0123456789abcdef"]], "succeeded_at": 1_700_000_000.5}
"""About as long as what the app remembers of a number."""


def code_of(otp_code: OTPCode) -> str:
    """Return the code, which is kept in the place of its seed."""
    return otp_code.seed[-6:]


class GetCode(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = GetCodeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        phone_number = serializer.validated_data["phone_number"]
        keys = (phone_number, f"ip:{request.META['HTTP_X_FORWARDED_FOR']}")
        now = timezone.now()
        with statement_cursor(connections["default"]) as cursor:
            writes = [row.replacement(STATE) for row in _limits(cursor, *keys)[0]]
            columns = _columns(phone_number, now)
            writes.append(Write(insert_code, columns, tuple(columns)))
            _write(cursor, writes)
            _record(cursor, columns)
        return Response({"request_id": str(columns["id"])}, status=202)


class AuthCode(APIView):
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        serializer = AuthCodeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        phone_number = serializer.validated_data["phone_number"]
        with statement_cursor(connections["default"]) as cursor:
            [row], otp_codes = _limits(cursor, phone_number)
            otp_code = max(otp_codes, key=attrgetter("created_at"))
            seen = otp_code.failed_attempts
            same = {"id": otp_code.pk, "now": row.now, "seen": seen}
            if code_of(otp_code) != serializer.validated_data["code"]:
                counted = Write(count_attempt, {**same, "failed_attempts": seen + 1})
                _write(cursor, [row.replacement(STATE), counted])
                return Response({"detail": "This code is not valid."}, status=401)
            user = _user(cursor, phone_number)
            redeemed = {"redeemed_at": row.now, "user_id": user.pk, "failed_attempts": seen}
            refresh = RefreshToken.for_user(user)
            tokens = {"access": str(refresh.access_token), "refresh": str(refresh)}
            _write(cursor, [row.replacement(STATE), Write(consume_code, {**same, **redeemed})])
        return Response(tokens)


def _limits(cursor: CursorWrapper, *keys: str) -> tuple[list[LimitRow], list[OTPCode]]:
    found, otp_codes = Read("default", keys, "login").all(cursor)
    limits = [LimitRow(key, found.get(key), timezone.now()) for key in keys]
    return limits, [OTPCode.from_db("default", CODE_FIELDS, row) for row in otp_codes]


def _write(cursor: CursorWrapper, writes: Sequence[Write]) -> None:
    if is_one_statement(cursor, writes):
        send_as_one(cursor, writes)
    else:
        with transaction.atomic():
            send(cursor, writes)


def _columns(phone_number: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_request_id(),
        "phone_number": phone_number,
        "region": "US",
        "purpose": "login",
        "context": "",
        "seed": f"{secrets.randbelow(10**6):032}",
        "key_id": "0123456789abcdef",
        "code_length": 6,
        "created_at": now,
        "expires_at": now + LIFETIME,
        "send_count": 1,
        "failed_attempts": 0,
        "channel": "sms",
        "language": "en-us",
        "backend": "default",
        "message_id": "",
        "delivery_state": DeliveryState.UNKNOWN,
        "delivery_error": "",
        "undelivered_by": "",
        "counted_at": now,
        "claimed_at": now,
        "reason": "allowed",
    }


def _record(cursor: CursorWrapper, columns: dict[str, Any]) -> None:
    values = {
        "backend": "default",
        "delivery_state": DeliveryState.SENT,
        "delivery_error": "",
        "message_id": "",
        "sent_at": timezone.now(),
    }
    claimed = {"id": columns["id"], "claimed_at": columns["claimed_at"]}
    is_quick = may_commit_asynchronously(connection)
    recording = record_delivery_asynchronously if is_quick else record_delivery
    recording.execute(cursor, str(DeliveryState.SENT), *values, **claimed, **values)


def _user(cursor: CursorWrapper, phone_number: str) -> User:
    (found,) = find_user.rows(cursor, User, phone_number=phone_number)
    names = [column.attname for column in User._meta.concrete_fields]
    return User.from_db("default", names, found)
