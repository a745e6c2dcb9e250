"""The tests of the site that ``manage.py test`` runs."""

from __future__ import annotations

from django.test import TestCase, TransactionTestCase
from rest_framework.test import APIClient, APITestCase

from django_sms_otp import services, testing
from django_sms_otp.results import CodeRequested
from django_sms_otp.testing import SMSTestMixin, override_sms_otp

NUMBER = "+1 415 555 0100"


class PageTests(SMSTestMixin, TestCase):
    def test_a_login(self) -> None:
        user = self.log_in(self.client, NUMBER)
        self.assertContains(self.client.get("/page/", secure=True), user.pk)

    def test_another_login_with_the_same_number(self) -> None:
        self.log_in(self.client, NUMBER)
        assert self.client.get("/endpoint/", secure=True).status_code == 200

    @override_sms_otp(CHALLENGE=None, CODE_LENGTH=8)
    def test_a_code(self) -> None:
        number = services.read_phone_number("+44 7700 900123")
        assert isinstance(services.request_code(number), CodeRequested)
        assert len(self.code_for("+44 7700 900123")) == 8
        assert [each.to for each in self.sms_outbox] == [number.e164]

    def test_an_empty_outbox(self) -> None:
        assert self.sms_outbox == []
        assert self.sms_outbox is testing.outbox


class EndpointTests(SMSTestMixin, APITestCase):
    client: APIClient

    def test_a_login(self) -> None:
        user = self.log_in(self.client, NUMBER)
        assert self.client.get("/endpoint/", secure=True).json() == user.pk


class CommittedTests(SMSTestMixin, TransactionTestCase):
    def test_a_login(self) -> None:
        self.log_in(self.client, NUMBER)
        assert self.client.get("/page/", secure=True).status_code == 200
