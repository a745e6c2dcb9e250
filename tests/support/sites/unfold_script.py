"""Opens each page of the admin under Unfold, and writes what it shows as a line of JSON."""

from __future__ import annotations

import re
import warnings
from typing import Any

from .login import PHONE, report

A = "/admin/django_sms_otp/"


def visit() -> dict[str, Any]:
    from django.contrib.auth.models import User
    from django.test import Client

    from django_sms_otp import services
    from django_sms_otp.models import Limit, OTPCode, VerifiedPhone

    number = services.read_phone_number(PHONE)
    services.request_code(number)
    for _ in range(6):
        services.redeem_code("1", phone_number=number)
    staff = User.objects.create_superuser("ada")
    phone = VerifiedPhone.objects.create(
        user=staff, phone_number=PHONE, verified_at=OTPCode.objects.get().created_at
    )
    limit = Limit.objects.get(kind="number")
    client = Client()
    client.force_login(staff)
    addresses = {
        "index": A,
        "codes": f"{A}otpcode/",
        "code": f"{A}otpcode/{OTPCode.objects.get().pk}/change/",
        "not found": f"{A}otpcode/?q=%2B14155550000",
        "phones": f"{A}verifiedphone/",
        "phone": f"{A}verifiedphone/{phone.pk}/change/",
        "removal": f"{A}verifiedphone/{phone.pk}/delete/",
        "limits": f"{A}limit/",
        "limit": f"{A}limit/{limit.pk}/change/",
        "history": f"{A}limit/{limit.pk}/history/",
        "counts": f"{A}hourlycount/",
        "dashboard": f"{A}hourlycount/dashboard/",
    }
    pages = {name: client.get(address) for name, address in addresses.items()}
    [story] = re.findall(
        rf'href="({A}[^"]*story/limit/[^"]*)"', pages["limit"].content.decode()
    )
    pages["story"] = client.get(story)
    pages["find"] = client.get(story.partition("limit/")[0])
    action = {"action": "unlock", "_selected_action": [str(limit.pk)]}
    pages["unlocked"] = client.post(f"{A}limit/", action, follow=True)
    pages["guarded"] = client.get("/guarded/login/", follow=True)
    pages["login"] = Client().get("/guarded/login/")
    shown = {
        name: {"status": page.status_code, "html": page.content.decode()}
        for name, page in pages.items()
    }
    return {"pages": shown}


if __name__ == "__main__":
    # Unfold's own, with Django 6.1.
    warnings.filterwarnings("ignore", "Overriding get_action_choices")
    report(visit)
