"""Users on one database, this app's models on another, and a transaction around every view."""

from __future__ import annotations

from tests.support.databases import database_config

from .base import *  # noqa: F403

DATABASES = {
    alias: {**database_config(f"_site_{alias}"), "ATOMIC_REQUESTS": True}
    for alias in ("default", "codes")
}
DATABASE_ROUTERS = ["tests.support.sites.routers.CodesRouter"]
SMS_OTP = {"TOKEN_ISSUER": "tests.support.issuers.UnluckyIssuer"}
