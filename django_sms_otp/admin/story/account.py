"""Whether a right code would log the person in, and to which account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from ...auth.users import get_user_resolver
from ...conf import get_settings
from ...controls.openings import Opening
from ...models import OTPCode
from ...purposes import LOGIN
from ..formatting import format_time
from .gathering import HIDDEN, SEVERAL, Story
from .obstacle import INFO, Obstacle
from .words import opens_account

__all__ = ["account_obstacles", "no_login", "whose_account"]


def no_login(code: OTPCode) -> str:
    """Return that the right code led to no login; empty if it did or was for something else."""
    if not opens_account(code) or code.user_id is not None:
        return ""
    return _("It logged nobody in, or the user was deleted since.")


def whose_account(story: Story, user_id: Any, who: str) -> str:
    """Return whose account it logs in to, or did before the number changed hands.

    :param who: how to name the user.
    """
    is_present = story.user is not None and story.user.pk == user_id and not story.closed
    text = _("It logged in to the account of %(user)s.")
    if is_present:
        text = _("It logs in to the account of %(user)s.")
    return text % {"user": who}


def account_obstacles(story: Story) -> Iterator[Obstacle]:
    if story.closed == SEVERAL:
        text = _("Several accounts have this number, so no code logs in to any of them.")
        advice = _("Tell the people who run the site: this is not the person's fault.")
        yield Obstacle(text, advice)
    elif story.closed == HIDDEN:
        yield Obstacle(_("The account of this number is hidden: no code logs in to it."))
    elif story.user is None:
        if get_settings().UNKNOWN_NUMBERS != "register" and _is_about_login(story):
            text = _("No account has this number, and the site sends codes to no others.")
            yield Obstacle(text, _("The person may register, or may have another number."))
    elif not story.user.is_active:
        text = _("The account of this number is inactive: no code logs in to it.")
        yield Obstacle(text, _("Activate the user, if there is no reason against it."))
    elif not _may_log_in(story):
        text = _("The account of this number may not log in by SMS: see ALLOW_STAFF.")
        yield Obstacle(text, _("The person logs in in another way."))
    elif _is_stale(story):
        text = _("The number was not used for so long that it opens its account no more.")
        advice = _("The person logs in in another way, and verifies the number anew.")
        yield Obstacle(text, advice)
    yield from _earlier_account(story)


def _is_about_login(story: Story) -> bool:
    """Tell whether the person waits for a login. Other codes need no account."""
    code = story.found_by or story.newest
    return code is None or opens_account(code)


def _may_log_in(story: Story) -> bool:
    resolver = get_user_resolver()
    # Otherwise it may only be asked in the transaction of a login.
    return resolver.may_log_in_writes or resolver.may_log_in(story.user, story.number)


def _is_stale(story: Story) -> bool:
    login = get_settings().purpose(LOGIN)
    opening = Opening(purpose=login, ip_address=None, device=None)
    # A class of the site may bill the question.
    if opening.asks_site:
        return False
    return bool(opening.refusal(story.user, story.number, story.now))


def _earlier_account(story: Story) -> Iterator[Obstacle]:
    """Tell that the number opened another account before: the person sees another one now."""
    now = story.verified.user_id if story.verified else None
    if now is None or story.verified is None:
        return
    for code in story.codes:
        if code.redeemed_at and code.user_id is not None and code.user_id != now:
            text = _(
                "The number has changed accounts: until %(time)s it opened that of user "
                "%(before)s, now it opens that of user %(now)s."
            )
            at = format_time(story.verified.verified_at)
            yield Obstacle(text % {"time": at, "before": code.user_id, "now": now}, "", INFO)
            return
