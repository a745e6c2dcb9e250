"""What may be done about a story: who may do it, when it is offered, and what it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ...limits.staff_rules import ALLOWED, BLOCKED
from ...models import DeliveryState, OTPCode
from ...results import RequestRefused
from ...services import (
    allow_number,
    block_number,
    erase_number,
    give_back_messages,
    invalidate_codes,
    lift_rule,
    send_again,
    unlock_number,
)
from .forms import SendForm, SpanForm, sendable
from .gathering import Story
from .words import control_words, failure_words, fate

__all__ = ["ACTIONS", "Action", "Done", "offered_to"]


@dataclass(frozen=True)
class Done:
    """What an action did.

    :param text: what staff read.
    :param row: a row whose history tells of it; ``None``: that of the number's limits.
    :param is_done: whether anything has changed.
    :param is_sure: whether it is known that it has.
    """

    text: str
    row: OTPCode | None = None
    is_done: bool = True
    is_sure: bool = True


NOTHING = Done("", is_done=False)
"""There was nothing to do any more."""


class Action(ABC):
    """One button of a story.

    :cvar name: names it in an address.
    :cvar permission: who may do it.
    :cvar help: what it does, as a sentence.
    :cvar log_text: for the history, in English.
    :cvar form: what else it asks for.
    :cvar asks_first: whether it is confirmed on a page of its own.
    """

    name: ClassVar[str]
    label: ClassVar[str | Promise]
    permission: ClassVar[str]
    help: ClassVar[str | Promise]
    log_text: ClassVar[str]
    form: ClassVar[type[forms.Form]] = forms.Form
    asks_first: ClassVar[bool] = False
    is_dangerous: ClassVar[bool] = False

    @abstractmethod
    def is_offered(self, story: Story) -> bool: ...

    def form_for(self, story: Story, data: Any = None) -> Any:
        """Return what is asked before it is done.

        :param data: what was posted.
        """
        return self.form(data)

    @abstractmethod
    def do(self, story: Story, form: Any, by: str) -> Done: ...

    def depends_on(self, story: Story) -> object:
        """Return what must not change between the page and the press of its button."""
        return None


class RuleAction(Action):
    """Takes the place of what staff have decided before, so they must have seen it."""

    def depends_on(self, story: Story) -> object:
        return story.state.rule


class SendAgain(Action):
    name = "send"
    label = gettext_lazy("Send the code again")
    permission = "send_otpcode"
    help = gettext_lazy(
        "The same code goes out once more, and counts as a message. The person types it on the "
        "page where they wait for it."
    )
    log_text = gettext_noop("Sent the code again.")

    def is_offered(self, story: Story) -> bool:
        return bool(sendable(story))

    def form_for(self, story: Story, data: Any = None) -> SendForm:
        return SendForm(story, data)

    def do(self, story: Story, form: Any, by: str) -> Done:
        code = form.chosen(story)
        if code is None:
            return NOTHING
        channel = form.cleaned_data["channel"]
        try:
            answer = send_again(code, channel=channel, by=by)
        except ValueError:
            text = _("This channel cannot show what the code is for. Choose another one.")
            return Done(text, is_done=False)
        if isinstance(answer, RequestRefused) and answer.issued is None:
            if answer.reason == "invalid_code":
                text = _("This code cannot be sent any more. The person asks for a new one.")
                return Done(text, is_done=False)
            return _not_sent(answer.text)
        return _sent(code)


def _not_sent(reason: str) -> Done:
    return Done(_("Not sent. %(reason)s") % {"reason": reason}, is_done=False)


def _sent(code: OTPCode) -> Done:
    """Tell what became of the message. The answer to callers keeps it from fraudsters."""
    if code.withheld_by:
        return _not_sent(_("Why: %(reason)s.") % {"reason": control_words(code.withheld_by)})
    if code.delivery_state == DeliveryState.FAILED:
        return _not_sent(failure_words(code.backend, code.delivery_error))
    if code.delivery_state == DeliveryState.UNKNOWN:
        return Done(fate(code.delivery_state), row=code, is_sure=False)
    return Done(_("The code is on its way."), row=code)


class Unlock(Action):
    name = "unlock"
    label = gettext_lazy("Lift the lockout")
    permission = "unlock_limit"
    help = gettext_lazy("Forgets the wrong codes. First make sure who is asking.")
    log_text = gettext_noop("Lifted the lockout.")

    def is_offered(self, story: Story) -> bool:
        # Alone, a lockout of strangers is nothing to lift: they would have new guesses.
        return story.status.lock_of_anybody_else is not None

    def do(self, story: Story, form: Any, by: str) -> Done:
        if unlock_number(story.number, by=by):
            return Done(_("The lockout was lifted."))
        return NOTHING


class GiveBack(Action):
    name = "give-back"
    label = gettext_lazy("Restore the message quota")
    permission = "unlock_limit"
    help = gettext_lazy("Forgets the messages that count for this number's limits.")
    log_text = gettext_noop("Restored the message quota.")

    def is_offered(self, story: Story) -> bool:
        return any(send.at for send in story.state.sends)

    def do(self, story: Story, form: Any, by: str) -> Done:
        if give_back_messages(story.number, by=by):
            return Done(_("The message quota was restored."))
        return NOTHING


class Invalidate(Action):
    name = "invalidate"
    label = gettext_lazy("Invalidate the live codes")
    permission = "invalidate_otpcode"
    help = gettext_lazy("Nobody can use them any more. The person asks for a new one.")
    log_text = gettext_noop("Invalidated the live codes.")
    asks_first = True

    def is_offered(self, story: Story) -> bool:
        return bool(self._live(story))

    def do(self, story: Story, form: Any, by: str) -> Done:
        if invalidate_codes(self._live(story), by=by):
            return Done(_("The live codes are invalid now."))
        return NOTHING

    def _live(self, story: Story) -> Sequence[OTPCode]:
        return [code for code in story.codes if code.is_live(story.now)]


class Block(RuleAction):
    name = "block"
    label = gettext_lazy("Block the number")
    permission = "block_number"
    help = gettext_lazy(
        "This number gets no more codes, and those already sent stop working. Anyone who asks "
        "for one is told to try again later. Nobody is logged out."
    )
    log_text = gettext_noop("Blocked the number.")
    form = SpanForm
    asks_first = True
    is_dangerous = True

    def is_offered(self, story: Story) -> bool:
        return not story.state.has_rule(BLOCKED, story.now)

    def do(self, story: Story, form: Any, by: str) -> Done:
        block_number(story.number, until=form.until(), by=by)
        return Done(_("The number is blocked."))


class Allow(RuleAction):
    name = "allow"
    label = gettext_lazy("Allow the number")
    permission = "block_number"
    help = gettext_lazy(
        "The fraud controls let it pass: use this for somebody whom you know. The limits of "
        "the number and the lockout stay."
    )
    log_text = gettext_noop("Allowed the number.")
    form = SpanForm
    asks_first = True

    def is_offered(self, story: Story) -> bool:
        return not story.state.has_rule(ALLOWED, story.now)

    def do(self, story: Story, form: Any, by: str) -> Done:
        allow_number(story.number, until=form.until(), by=by)
        return Done(_("The number is allowed."))


class LiftRule(RuleAction):
    name = "lift-rule"
    label = gettext_lazy("Lift the block or allowance")
    permission = "block_number"
    help = gettext_lazy("The number is treated like any other again.")
    log_text = gettext_noop("Lifted the block or allowance.")

    def is_offered(self, story: Story) -> bool:
        rule = story.state.rule
        return rule is not None and rule.holds(story.now)

    def do(self, story: Story, form: Any, by: str) -> Done:
        if lift_rule(story.number, by=by):
            return Done(_("The number is treated like any other again."))
        return NOTHING


class Erase(Action):
    name = "erase"
    label = gettext_lazy("Erase what is kept")
    permission = "erase_number"
    help = gettext_lazy(
        "Deletes the codes and the verification of this number, so that it logs in to no "
        "account. The user stays. What the limits still count is kept as long as it counts: "
        "recent messages, wrong codes, and a block or allowance. This cannot be undone."
    )
    log_text = gettext_noop("Erased what was kept about the number.")
    asks_first = True
    is_dangerous = True

    def is_offered(self, story: Story) -> bool:
        return True

    def do(self, story: Story, form: Any, by: str) -> Done:
        erased = erase_number(story.number, by=by)
        if erased.keeps_limits:
            return Done(_("Erased, but for what limits still count."))
        return Done(_("Everything that was kept about the number is erased."))


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        # What helps against the greatest obstacle stands out, as the first one.
        *(Unlock(), SendAgain(), LiftRule(), GiveBack()),
        *(Invalidate(), Allow(), Block(), Erase()),
    )
}


def offered_to(user: Any, story: Story) -> list[Action]:
    """Return what a member of staff may do now."""
    return [
        action
        for action in ACTIONS.values()
        if user.has_perm(f"django_sms_otp.{action.permission}") and action.is_offered(story)
    ]
