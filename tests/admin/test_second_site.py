"""A site with two admins: no page of the one leads to the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import include, path

from django_sms_otp.models import HourlyCount, Limit, OTPCode, VerifiedPhone

from ..conftest import PHONE, Post, last_code
from .story import hidden

SUPPORT = "/support/django_sms_otp"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("two_sites")]


@pytest.fixture
def two_sites() -> Iterator[None]:
    site = admin.AdminSite(name="support")
    for model in (OTPCode, Limit, VerifiedPhone, HourlyCount):
        site.register(model, type(admin.site.get_model_admin(model)))
    site.register(User, UserAdmin)
    urls = ModuleType("urls")
    vars(urls)["urlpatterns"] = [
        path("admin/", admin.site.urls),
        path("support/", site.urls),
        path("auth/sms/", include("django_sms_otp.urls")),
    ]
    with override_settings(ROOT_URLCONF=urls):
        yield


@pytest.fixture
def code(get_code: Post, auth_code: Post) -> OTPCode:
    get_code()
    assert auth_code(phone_number=PHONE, code=last_code()).status_code == 200
    found: OTPCode = OTPCode.objects.get()
    return found


def links(client: Client, url: str) -> set[str]:
    answer = client.get(url, follow=True)
    assert answer.status_code == 200
    return {*re.findall(r'(?:href|action)="([^"]+)"', answer.content.decode())}


def test_every_page_stays_within_its_site(admin_client: Client, code: OTPCode) -> None:
    number, story = Limit.objects.get(subject=PHONE), f"{SUPPORT}/otpcode/story/"
    rows = (code, number, VerifiedPhone.objects.get())
    models = ("otpcode", "limit", "verifiedphone", "hourlycount")
    pages = [
        *(f"{SUPPORT}/", f"{SUPPORT}/hourlycount/dashboard/"),
        *(f"{SUPPORT}/{model}/" for model in models),
        *(f"{SUPPORT}/{row._meta.model_name}/{row.pk}/change/" for row in rows),
        *(story, f"{story}limit/{number.pk}/", f"{story}limit/{number.pk}/block/"),
    ]
    for page in pages:
        found = links(admin_client, page)
        assert not {url for url in found if url.startswith("/admin/")}, page
        assert any(url.startswith(SUPPORT) for url in found), page


def test_every_answer_stays_within_its_site(admin_client: Client, code: OTPCode) -> None:
    story = f"{SUPPORT}/otpcode/story/"
    number = f"{story}limit/{Limit.objects.get(subject=PHONE).pk}/"
    sent = hidden(admin_client.get(f"{number}block/").content.decode())
    nobody = User.objects.create_user("nobody")
    answers = [
        admin_client.post(story, {"who": PHONE}),
        admin_client.get(f"{story}user/{code.user_id}/"),
        admin_client.get(f"{story}user/{nobody.pk}/"),
        admin_client.get(f"{number}export/"),
        admin_client.post(f"{number}export/"),
        admin_client.post(f"{number}block/", sent),
        admin_client.post(f"{number}block/", {**sent, "hours": ""}),
    ]
    for answer in answers:
        assert answer.status_code == 302
        assert answer["Location"].startswith(story)
