"""People who log in to a staging site by SMS: ``locust -f locustfile.py --host https://...``.

This file needs Locust and nothing else; copy it. What the site must be like is on the page
"Sizing" of the documentation. Never point it at a site that sends to a gateway. Should it
happen, the numbers are those that are kept for fiction, 555-0100 to 555-0199 of each area
code of the United States: nobody gets a message.

    SMS_OTP_MESSAGES   the file that the site's ``file`` backend writes; needed
    SMS_OTP_PATH       where the site has the app; default: /auth/sms/
    SMS_OTP_PAUSE      seconds that somebody takes to read and type, about; default: 5
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from locust import FastHttpUser, between, task
from locust.exception import RescheduleTask

PATH = os.environ.get("SMS_OTP_PATH", "/auth/sms/")
PAUSE = float(os.environ.get("SMS_OTP_PAUSE", "5"))
PATIENCE = 30.0
"""Seconds after which a message counts as lost."""

ADDRESSES = int(IPv4Address("198.18.0.1"))
"""RFC 2544: for benchmarks. Each number has an address of its own."""

UNITED_STATES = """
201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225
227 228 229 231 234 235 239 240 248 251 252 253 254 256 260 262 267 269 270 272 276
279 281 283 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320
321 323 325 326 327 329 330 331 332 334 336 337 339 341 346 347 350 351 352 360 361
363 364 369 380 385 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 419
423 424 425 430 432 434 435 440 442 443 445 447 448 458 463 464 469 470 475 478 479
480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531 534
539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586
601 602 603 605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 628 629
630 631 636 640 641 645 646 650 651 656 657 659 660 661 662 667 669 678 680 681 682
689 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 725 726 727
728 730 731 732 734 737 740 743 747 754 757 760 762 763 765 769 770 771 772 773 774
775 779 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 818 820
826 828 830 831 832 835 838 839 840 843 845 847 848 850 854 856 857 858 859 860 862
863 864 865 870 872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918
919 920 925 928 929 930 931 934 936 937 938 940 941 943 945 947 948 949 951 952 954
956 959 970 971 972 973 978 979 980 984 985 986 989
"""
AREA_CODES = UNITED_STATES.split()


class Messages:
    """What the site's ``file`` backend has written since the start. Replace it to learn the
    codes elsewhere.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_to = file.stat().st_size if file.exists() else 0
        self._bodies: dict[str, str] = {}

    def take(self, request_id: str) -> str | None:
        """Return the newest message of a request, once; ``None``: there is none yet."""
        self._read()
        return self._bodies.pop(request_id, None)

    def _read(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._read_to)
            new = file.read()
        # The last line may not be whole yet.
        whole = new[: new.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            message = json.loads(line)
            self._bodies[message["request_id"]] = message["body"]


def _people() -> Iterator[tuple[str, str]]:
    """Yield a number and its address, each area code by turns: for ever, and from anywhere,
    so that several processes of Locust seldom meet.
    """
    count = len(AREA_CODES) * 100
    for each in itertools.count(random.randrange(count)):
        line, area = divmod(each % count, len(AREA_CODES))
        address = IPv4Address(ADDRESSES + each % count)
        yield f"+1{AREA_CODES[area]}55501{line:02}", str(address)


messages = Messages(Path(os.environ["SMS_OTP_MESSAGES"]))
people = _people()


class Person(FastHttpUser):
    """Comes as somebody else each time.

    The weights add up to 100. 75 of 100 codes are redeemed: a healthy site has 60 to 80.
    Replace them by what your own hourly counts say.
    """

    wait_time = between(0.5 * PAUSE, 1.5 * PAUSE)

    @task(50)
    def types_the_code(self) -> None:
        self._arrive()
        self._redeem(self._ask())

    @task(10)
    def mistypes_first(self) -> None:
        self._arrive()
        code = self._ask()
        wrong = str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
        self._pause()
        self._post("auth-code", "a wrong code", "401 invalid_code", code=wrong)
        self._redeem(code)

    @task(10)
    def asks_again_too_early(self) -> None:
        self._arrive()
        code = self._ask()
        self._post("get-code", "too early", "429 cooldown")
        self._redeem(code)

    @task(5)
    def asks_again_in_time(self) -> None:
        self._arrive()
        self._ask()
        again_at = datetime.fromisoformat(self._request["resend_available_at"])
        time.sleep(max(0, (again_at - datetime.now(UTC)).total_seconds()) + 0.5)
        self._redeem(self._ask("again"))

    @task(25)
    def never_comes_back(self) -> None:
        self._arrive()
        self._ask()

    def _arrive(self) -> None:
        self._phone, self._address = next(people)
        self._request: dict[str, Any] = {}

    def _ask(self, name: str = "") -> str:
        """Ask for a code, and return it once the message is there."""
        self._request = self._post("get-code", name, "202")
        started = time.perf_counter()
        while time.perf_counter() - started < PATIENCE:
            body = messages.take(self._request["request_id"])
            if body is not None:
                self._tell_of_message(started, None)
                length = self._request["code_length"]
                code: str = re.findall(rf"(?<!\d)\d{{{length}}}(?!\d)", body)[0]
                return code
            time.sleep(0.05)
        self._tell_of_message(started, TimeoutError("no message"))
        raise RescheduleTask

    def _redeem(self, code: str) -> None:
        self._pause()
        self._post("auth-code", "", "200", code=code)

    def _post(self, endpoint: str, name: str, expected: str, **body: str) -> dict[str, Any]:
        """Post JSON, and return the answer.

        :raises RescheduleTask: it is not the expected one: the person leaves.
        """
        body["phone_number"] = self._phone
        if self._request:
            body["request_id"] = self._request["request_id"]
        with self.client.post(
            f"{PATH}{endpoint}/",
            json=body,
            headers={"X-Forwarded-For": self._address},
            name=f"{endpoint}: {name}" if name else endpoint,
            catch_response=True,
        ) as response:
            try:
                answer: dict[str, Any] = response.json()
            except (TypeError, ValueError):
                answer = {}
            met = f"{response.status_code} {answer.get('code', '')}".strip()
            if met != expected:
                response.failure(f"{met}, not {expected}")
                raise RescheduleTask
            response.success()
        return answer

    def _tell_of_message(self, started: float, error: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type="SMS",
            name="arrives",
            response_time=(time.perf_counter() - started) * 1000,
            response_length=0,
            exception=error,
            context={},
        )

    @staticmethod
    def _pause() -> None:
        time.sleep(random.uniform(0.5, 1.5) * PAUSE)
