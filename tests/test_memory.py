"""Memory does not grow with the messages: ``benchmarks/background``, run short."""

from __future__ import annotations

import uuid

import pytest

from benchmarks.background.__main__ import MOST_BLOCKS
from benchmarks.background.memory import growth, sizes
from django_sms_otp.delivery import queues
from django_sms_otp.models import OTPCode

MESSAGES = 2500
"""Of each way."""


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["immediate", "tasks"])
def test_memory_does_not_grow_with_the_messages(way: str) -> None:
    assert growth(list(sizes(way, MESSAGES))) < MOST_BLOCKS


@pytest.mark.django_db
def test_the_measure_finds_a_list_of_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[OTPCode] = []
    enqueue = queues.enqueue_message

    def enqueue_and_keep(request_id: uuid.UUID) -> None:
        kept.append(OTPCode.objects.get(pk=request_id))
        enqueue(kept[-1].pk)

    monkeypatch.setattr("django_sms_otp.services.dispatch.enqueue_message", enqueue_and_keep)
    assert growth(list(sizes("tasks", 500))) > MOST_BLOCKS
