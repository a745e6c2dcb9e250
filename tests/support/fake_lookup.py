"""Twilio Lookup on this machine, by its public description.

``GET /v2/PhoneNumbers/{number}?Fields=sim_swap,reassigned_number&LastVerifiedDate=20260131``,
https://www.twilio.com/docs/lookup/v2-api. A package that was not asked for is ``null``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .fake_twilio import Answer, FakeTwilio, Request, refusal, serving

__all__ = ["FakeLookup", "fake_lookup"]

PACKAGES = ("sim_swap", "reassigned_number", "line_type_intelligence", "sms_pumping_risk")
PATH = "/v2/PhoneNumbers/"


@dataclass(kw_only=True)
class FakeLookup(FakeTwilio):
    """
    :param swaps: when the SIM of a number was swapped, and whether that is in the period.
    :param reassigned: Twilio's word on numbers of the United States.
    """

    swaps: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    reassigned: dict[str, str] = field(default_factory=dict)

    def answer_to(self, request: Request) -> Answer:
        if self.script:
            return self.next_answer()
        parts = urlsplit(request.path)
        query = {name: value for name, [value] in parse_qs(parts.query).items()}
        number, packages = unquote(parts.path.removeprefix(PATH)), query["Fields"].split(",")
        if request.method != "GET" or not parts.path.startswith(PATH):
            return refusal(404, 20404)
        if not set(packages) <= set(PACKAGES):
            return refusal(400, 60600)
        body: dict[str, Any] = {
            "calling_country_code": "1",
            "country_code": "US",
            "phone_number": number,
            "national_format": number,
            "valid": True,
            "validation_errors": [],
            **dict.fromkeys(PACKAGES),
            "url": f"https://lookups.twilio.com{PATH}{number}",
        }
        if "sim_swap" in packages:
            body["sim_swap"] = self._sim_swap(number)
        if "reassigned_number" in packages:
            body["reassigned_number"] = self._reassigned(number, query)
        return Answer(status=200, body=json.dumps(body))

    def asked(self) -> list[dict[str, str]]:
        """Return the parameters of each question."""
        queries = [parse_qs(urlsplit(each.path).query) for each in self.requests]
        return [{name: value for name, [value] in each.items()} for each in queries]

    def _sim_swap(self, number: str) -> dict[str, Any]:
        if number not in self.swaps:
            # A carrier without coverage.
            return {"last_sim_swap": None, "carrier_name": None, "error_code": 60600}
        at, is_in_period = self.swaps[number]
        last = {
            "last_sim_swap_date": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "swapped_period": "PT72H",
            "swapped_in_period": is_in_period,
        }
        return {"last_sim_swap": last, "carrier_name": "Verizon", "error_code": None}

    def _reassigned(self, number: str, query: dict[str, str]) -> dict[str, Any]:
        day = query.get("LastVerifiedDate", "")
        # A day in any other format is an error.
        datetime.strptime(day, "%Y%m%d")  # noqa: DTZ007
        return {
            "last_verified_date": day,
            "is_number_reassigned": self.reassigned.get(number, "no_data_available"),
            "error_code": None,
        }


@contextmanager
def fake_lookup() -> Iterator[FakeLookup]:
    with serving(FakeLookup(base_url="")) as lookup:
        yield lookup
