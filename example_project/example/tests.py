"""The site's own tests: ``manage.py test``. They show how a site tests its logins."""

import importlib
import re
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings
from django.urls import clear_url_caches, reverse

import django_sms_otp
from django_sms_otp.models import HourlyCount, Limit, OTPCode
from django_sms_otp.phone.fictitious import is_fictitious
from django_sms_otp.services import read_phone_number
from django_sms_otp.testing import SMSTestMixin

from . import csp, phone, urls
from .models import Payment

NUMBER = "+14155550123"
PAYMENT = {"payee": "Ada's bakery", "amount": "12.5"}


class PhoneTests(TestCase):
    def setUp(self) -> None:
        phone.received.clear()

    def test_an_sms_arrives(self) -> None:
        self.client.post("/login/", {"phone_number": NUMBER})
        screen = self.client.get("/phone/screen/")
        code = re.search(r"Your code is (\d{6})", screen.content.decode())
        assert code is not None
        self.assertContains(screen, NUMBER)
        answer = self.client.post("/login/code/", {"code": code[1], **self.tab()})
        self.assertRedirects(answer, "/account/")

    def test_a_call_says_the_digits(self) -> None:
        body = {"phone_number": NUMBER, "channel": "voice"}
        self.client.post("/api/auth/sms/get-code/", body)
        assert re.search(r"Your code is (\d ){5}\d$", phone.received[0].words)
        self.assertContains(self.client.get("/phone/screen/"), "Call to")

    def test_the_screen_alone_stands_in_a_frame(self) -> None:
        for path, allowed in (("/phone/screen/", "SAMEORIGIN"), ("/login/", "DENY")):
            assert self.client.get(path).headers["X-Frame-Options"] == allowed

    def test_a_server_has_no_phone(self) -> None:
        self.addCleanup(self.load_routes)
        with override_settings(PHONE_ON_SCREEN=False):
            self.load_routes()
            for path in ("/phone/", "/phone/screen/"):
                assert self.client.get(path).status_code == 404
            self.assertNotContains(self.client.get("/login/"), "iframe")

    def load_routes(self) -> None:
        importlib.reload(urls)
        clear_url_caches()

    def tab(self) -> dict[str, str]:
        page = self.client.get("/login/code/").content.decode()
        found = re.search(r'name="tab" value="([^"]+)"', page)
        return {"tab": found[1]} if found else {}


class PaymentTests(SMSTestMixin, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log_in(self.client, NUMBER)

    def confirm(self, code: str) -> Any:
        return self.client.post("/pay/confirm/", {"code": code})

    def test_the_code_of_a_payment_pays_it_once(self) -> None:
        self.assertRedirects(self.client.post("/pay/", PAYMENT), "/pay/confirm/")
        self.assertContains(self.client.get("/pay/confirm/"), "EUR 12.50")
        code = self.code_for(NUMBER)
        wrong = f"{(int(code) + 1) % 10**6:06}"
        self.assertContains(self.confirm(wrong), "not valid")
        assert not Payment.objects.exists()
        page = self.client.post("/pay/confirm/", {"code": code}, follow=True)
        self.assertContains(page, "Paid: EUR 12.50 to Ada&#x27;s bakery.")
        self.assertRedirects(self.confirm(code), "/pay/")
        assert [str(each) for each in Payment.objects.all()] == ["EUR 12.50 to Ada's bakery"]

    def test_the_code_pays_no_other_amount(self) -> None:
        self.client.post("/pay/", PAYMENT)
        session = self.client.session
        session["payment"] = {**session["payment"], "amount": "99.00"}
        session.save()
        self.assertContains(self.confirm(self.code_for(NUMBER)), "not valid")
        assert not Payment.objects.exists()

    def test_a_refusal_says_why_and_how_long(self) -> None:
        self.client.post("/pay/", PAYMENT)
        again = self.client.post("/pay/", {**PAYMENT, "amount": "13"})
        self.assertContains(again, "A code was sent a moment ago.")
        assert re.search(r"\(\d+ s\)", again.content.decode())

    def test_a_payee_cannot_forge_the_message(self) -> None:
        for payee in ("Ada\u202e", "Ada\u200b@evil.example #000000"):
            page = self.client.post("/pay/", {**PAYMENT, "payee": payee})
            self.assertContains(page, "invisible characters")

    def test_who_has_no_number_adds_one_first(self) -> None:
        self.client.force_login(User.objects.create_user("admin"))
        self.assertRedirects(self.client.get("/pay/"), "/login/numbers/")


class SiteTests(SMSTestMixin, TestCase):
    def test_the_home_page_says_how_to_log_in(self) -> None:
        page = self.client.get("/")
        for path in ("get-code/", "auth-code/"):
            self.assertContains(page, f"curl http://testserver/api/auth/sms/{path} ")
        self.assertContains(page, 'href="/admin/django_sms_otp/"')
        self.assertContains(page, "serve.py")

    def test_a_number_for_reviewers_has_a_fixed_code(self) -> None:
        body = {"phone_number": "+14155550100"}
        self.client.post("/api/auth/sms/get-code/", body)
        answer = self.client.post("/api/auth/sms/auth-code/", {**body, "code": "123456"})
        assert answer.status_code == 200

    def test_a_strict_policy_holds(self) -> None:
        self.log_in(self.client, NUMBER)
        self.client.post("/pay/", PAYMENT)
        names = (
            "home",
            "account",
            "pay",
            "confirm-payment",
            "phone",
            "phone-screen",
            "swagger",
        )
        for path in (*map(reverse, names), "/login/numbers/", "/login/step-up/"):
            page = self.client.get(path)
            assert page.status_code == 200, path
            assert page.headers["Content-Security-Policy"] == csp.POLICY
            html = page.content.decode()
            assert not re.search(r"<style| style=|<script(?! src=)", html), path

    def test_every_language_of_the_app_is_offered(self) -> None:
        folder = Path(django_sms_otp.__file__).parent / "locale"
        known = {each.name.lower().replace("_", "-") for each in folder.iterdir()}
        assert known <= {code for code, _ in settings.LANGUAGES}
        page = self.client.post("/language/setlang/", {"language": "de", "next": "/login/"})
        self.assertContains(self.client.get(page.headers["Location"]), '<html lang="de"')

    def test_the_migrations_are_complete(self) -> None:
        call_command("makemigrations", "example", check=True, dry_run=True, verbosity=0)


@override_settings(DEBUG=True)
class MadeUpMonthTests(TestCase):
    told: str

    @classmethod
    def setUpTestData(cls) -> None:
        cls.told = cls.seed()

    @staticmethod
    def seed(**options: Any) -> str:
        out = StringIO()
        call_command("seed_demo", days=2, stdout=out, **options)
        return out.getvalue()

    def test_it_is_a_living_site(self) -> None:
        codes = OTPCode.objects.all()
        for number, region in codes.values_list("phone_number", "region").distinct():
            assert is_fictitious(number), number
            assert read_phone_number(number).region == region
        assert codes.filter(redeemed_at=None, delivered_at=None).exists()
        redeemed = codes.filter(purpose="login").exclude(redeemed_at=None)
        assert redeemed.exists()
        assert not redeemed.filter(user=None).exists()
        assert codes.filter(withheld_by="breaker").count() > 100
        events = {*HourlyCount.objects.values_list("event", flat=True)}
        assert {"sent", "delivered", "redeemed", "refused:cooldown"} <= events
        assert self.told.count("+") == Limit.objects.filter(kind="number").count() == 5

    def test_the_stories_are_as_told(self) -> None:
        rows = {
            story: Limit.objects.get(kind="number", subject=number)
            for number, story in re.findall(r"(\+\d+) +(.+)", self.told)
        }
        quota = rows["has asked for too many codes, and none arrived"]
        assert quota.refusals
        assert quota.refusals[-1][0] in {"phone", "phone_ip"}
        locked = rows["has typed too many wrong codes"]
        assert locked.state["guesses"]["consecutive"] == 10
        opted_out = rows["has opted out of the site's SMS"]
        newest = OTPCode.objects.filter(phone_number=opted_out.subject).order_by("-created_at")
        assert newest[0].delivery_error == "21610"

    def test_it_replaces_nothing_unasked(self) -> None:
        with self.assertRaisesMessage(CommandError, "--flush"):
            self.seed()
        first = OTPCode.objects.count()
        self.seed(flush=True)
        assert OTPCode.objects.count() == first

    @override_settings(DEBUG=False)
    def test_a_server_gets_none(self) -> None:
        with self.assertRaisesMessage(CommandError, "DEBUG"):
            self.seed()
