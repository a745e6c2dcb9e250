"""A site that has a schema of PostgreSQL for each tenant: all that the app does stays in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Task
from django.db import connection
from kombu.connection import Connection

from django_sms_otp.delivery import code_of
from django_sms_otp.delivery.queues import celery as engine
from django_sms_otp.models import DeliveryState, HourlyCount, Limit, OTPCode, VerifiedPhone
from django_sms_otp.phone import parse_phone_number
from django_sms_otp.results import CodeRequested, Redeemed
from django_sms_otp.services import redeem_code, request_code
from django_sms_otp.testing import outbox, override_sms_otp

from ..conftest import PHONE
from ..support.engines import celery_app

NUMBER = parse_phone_number(PHONE)
OURS = (Limit, OTPCode, VerifiedPhone, HourlyCount)


def switch_to(schema: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {schema}, public")


def current_schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])


class TenantTask(Task):  # type: ignore[misc]  # Celery has no types
    """What packages for tenants do to jobs: a job names its schema, and runs in it."""

    def apply_async(self, *args: Any, headers: Any = None, **options: Any) -> Any:
        named = {**(headers or {}), "schema": current_schema()}
        return super().apply_async(*args, headers=named, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        switch_to((self.request.headers or {}).get("schema", "public"))
        try:
            return super().__call__(*args, **kwargs)
        finally:
            switch_to("public")


@pytest.fixture
def acme(transactional_db: None) -> Iterator[None]:
    if connection.vendor != "postgresql":
        pytest.skip("Only PostgreSQL has schemas within a database.")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA acme")
        switch_to("acme")
        with connection.schema_editor() as editor:
            for model in OURS:
                editor.create_model(model)
        switch_to("public")
        yield
        cursor.execute("DROP SCHEMA acme CASCADE")


@pytest.mark.usefixtures("acme")
def test_requests_jobs_and_logins_stay_in_the_schema_of_their_tenant() -> None:
    broker, queue = f"memory://{uuid.uuid4().hex}", uuid.uuid4().hex
    sms_otp = override_sms_otp(DELIVERY="celery", DELIVERY_QUEUE=queue)
    with sms_otp, celery_app(broker, task_cls=TenantTask):
        switch_to("acme")
        asked = request_code(NUMBER)
        assert isinstance(asked, CodeRequested)
        switch_to("public")
        with Connection(broker) as line:
            job = line.SimpleQueue(queue).get(timeout=5)
        # A worker starts in no tenant's schema.
        engine.deliver.apply(job.payload[0])
        assert not outbox
        engine.deliver.apply(job.payload[0], headers=job.headers)
    assert [message.to for message in outbox] == [PHONE]
    assert not any(model.objects.exists() for model in OURS)
    switch_to("acme")
    otp_code = OTPCode.objects.get(pk=asked.request_id)
    assert otp_code.delivery_state == DeliveryState.SENT
    assert isinstance(redeem_code(code_of(otp_code) or "", phone_number=NUMBER), Redeemed)
    assert VerifiedPhone.objects.get().phone_number == PHONE
    switch_to("public")
    assert not any(model.objects.exists() for model in OURS)
