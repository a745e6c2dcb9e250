"""A number is linked to who proves to hold it: one more, or one in place of another."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User, UserManager
from django.db import transaction

from django_sms_otp import db, services
from django_sms_otp.exceptions import InsideTransaction
from django_sms_otp.models import OTPCode, VerifiedPhone
from django_sms_otp.phone import PhoneNumber, parse_phone_number
from django_sms_otp.purposes import LOGIN, VERIFY_PHONE
from django_sms_otp.results import (
    CodeRequested,
    NumberLinked,
    NumberRefused,
    Redeemed,
    RedemptionRefused,
)
from django_sms_otp.signals import number_linked, number_moved, number_unlinked
from django_sms_otp.testing import override_sms_otp

from ..conftest import last_code, wrong
from ..support.customers.models import EmailCustomer, PhoneCustomer
from .test_numbers import NEW, OLD, THIRD, heard, id_of, texts_of, user_with

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = parse_phone_number(NEW)


@pytest.fixture(autouse=True)
def no_cooldown() -> Any:
    with override_sms_otp(COOLDOWN=[]):
        yield


def code_for(user: Any, phone_number: PhoneNumber = NUMBER) -> str:
    """Have a code sent, by which a user can prove a number."""
    assert isinstance(services.request_link_code(user, phone_number), CodeRequested)
    return last_code()


def link(user: Any, code: str, replaces: str | None = None) -> NumberLinked | NumberRefused:
    return services.link_number(user, code, phone_number=NUMBER, replaces=replaces)


def reason_of(outcome: object) -> str:
    assert isinstance(outcome, NumberRefused | RedemptionRefused)
    return outcome.reason


def holder() -> User | None:
    return User.objects.filter(verified_phones__phone_number=NEW).first()


def test_the_first_number_is_primary() -> None:
    user = user_with()
    with heard(number_linked) as carried:
        linked = link(user, code_for(user))
    assert isinstance(linked, NumberLinked)
    assert linked.number.is_primary
    assert linked.number.verified_at is not None
    assert linked.number.last_used_at is not None
    assert linked.replaced is None
    assert carried == [{"user": user, "phone_number": NUMBER, "replaced": None}]


def test_one_more_number_leaves_the_primary_one() -> None:
    user = user_with(OLD)
    link(user, code_for(user))
    assert texts_of(user) == [OLD, NEW]


def test_a_number_takes_the_place_of_another() -> None:
    user = user_with(THIRD, OLD)
    with heard(number_unlinked) as carried:
        linked = link(user, code_for(user), replaces=id_of(user, OLD))
    assert isinstance(linked, NumberLinked)
    assert linked.replaced
    assert linked.replaced.phone_number.e164 == OLD
    assert texts_of(user) == [THIRD, NEW]
    assert carried == [{"user": user, "phone_number": linked.replaced.phone_number}]


def test_who_takes_the_place_of_the_primary_number_is_primary() -> None:
    user = user_with(OLD, THIRD)
    link(user, code_for(user), replaces=id_of(user, OLD))
    assert texts_of(user) == [NEW, THIRD]


def test_an_empty_field_of_a_form_replaces_no_number() -> None:
    user = user_with(OLD)
    assert isinstance(link(user, code_for(user), replaces=""), NumberLinked)
    assert texts_of(user) == [OLD, NEW]


def test_a_number_does_not_take_its_own_place() -> None:
    user = user_with(NEW, OLD)
    linked = link(user, code_for(user), replaces=id_of(user, NEW))
    assert isinstance(linked, NumberLinked)
    assert linked.replaced is None
    assert texts_of(user) == [NEW, OLD]


def test_a_number_of_ones_own_is_verified_anew() -> None:
    user = user_with(NEW)
    before = VerifiedPhone.objects.get()
    link(user, code_for(user))
    after = VerifiedPhone.objects.get()
    assert after.pk == before.pk
    assert after.verified_at > before.verified_at
    assert after.last_used_at == after.verified_at


def test_a_number_of_somebody_else_moves() -> None:
    old, new = user_with(NEW, OLD), user_with(THIRD)
    number_id = id_of(old, NEW)
    with heard(number_moved) as moved, heard(number_linked) as linked:
        assert isinstance(link(new, code_for(new)), NumberLinked)
    assert texts_of(new) == [THIRD, NEW]
    # What is left to the old user has a primary number, and the old id names nothing.
    assert texts_of(old) == [OLD]
    assert services.numbers_of(old)[0].is_primary
    assert id_of(new, NEW) != number_id
    assert moved == [{"user": new, "previous_user": old, "phone_number": NUMBER}]
    assert linked == [{"user": new, "phone_number": NUMBER, "replaced": None}]


def test_a_number_logs_in_whom_it_moved_to() -> None:
    user_with(NEW)
    new = user_with(THIRD)
    link(new, code_for(new))
    services.request_code(NUMBER)
    redeemed: object = services.redeem_code(last_code(), phone_number=NUMBER)
    assert isinstance(redeemed, Redeemed)
    assert redeemed.user == new


@override_sms_otp(NUMBER_TAKEN="refuse")
def test_a_number_of_somebody_else_is_refused_after_the_proof_alone() -> None:
    old, new = user_with(NEW), user_with(THIRD)
    code = code_for(new)
    assert reason_of(link(new, wrong(code))) == "invalid_code"
    assert reason_of(link(new, code)) == "phone_number_taken"
    assert reason_of(link(new, code)) == "invalid_code"  # It is used up.
    assert texts_of(old) == [NEW]


@pytest.mark.parametrize("number", [NEW, THIRD], ids=["taken", "free"])
@override_sms_otp(NUMBER_TAKEN="refuse")
def test_a_request_does_not_tell_whether_a_number_is_taken(number: str) -> None:
    user_with(NEW)
    me = user_with(OLD)
    requested = services.request_link_code(me, parse_phone_number(number))
    assert isinstance(requested, CodeRequested)
    assert reason_of(link(me, wrong(last_code()))) == "invalid_code"


def test_an_inactive_user_keeps_the_number() -> None:
    old, new = user_with(NEW), user_with(THIRD)
    User.objects.filter(pk=old.pk).update(is_active=False)
    assert reason_of(link(new, code_for(new))) == "phone_number_taken"
    assert holder() == old


def test_a_hidden_user_keeps_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = user_with(NEW), user_with(THIRD)
    everybody = UserManager.get_queryset
    shown = lambda manager: everybody(manager).exclude(pk=old.pk)  # noqa: E731
    monkeypatch.setattr(UserManager, "get_queryset", shown)
    assert reason_of(link(new, code_for(new))) == "phone_number_taken"
    monkeypatch.undo()
    assert holder() == old


def test_a_code_is_good_for_the_account_that_asked_for_it_alone() -> None:
    mine, theirs = user_with(OLD), user_with(THIRD)
    code = code_for(mine)
    assert reason_of(link(theirs, code)) == "invalid_code"
    assert holder() is None
    assert isinstance(link(mine, code), NumberLinked)


def test_a_login_code_links_nothing_and_a_link_code_logs_nobody_in() -> None:
    user = user_with(OLD)
    services.request_code(NUMBER, purpose=LOGIN)
    assert reason_of(link(user, last_code())) == "invalid_code"
    code = code_for(user)
    assert isinstance(services.redeem_code(code, phone_number=NUMBER), RedemptionRefused)
    assert holder() is None


def test_a_code_that_was_not_asked_for_an_account_links_nothing() -> None:
    user = user_with(OLD)
    services.request_code(NUMBER, purpose=VERIFY_PHONE)
    assert reason_of(link(user, last_code())) == "invalid_code"


def test_of_two_users_who_prove_a_number_one_gets_it() -> None:
    one, other = user_with(OLD), user_with(THIRD)
    code, other_code = code_for(one), code_for(other)
    assert isinstance(link(one, code), NumberLinked)
    # Their code was sent before, and so proves nothing about who holds the number now.
    assert reason_of(link(other, other_code)) == "invalid_code"
    assert holder() == one
    assert isinstance(link(other, code_for(other)), NumberLinked)
    assert holder() == other


@pytest.mark.parametrize("whose", ["nobody's", "somebody else's"])
@pytest.mark.parametrize("purpose", [LOGIN, "payment"])
def test_a_code_that_was_sent_before_the_number_moved_is_good_for_nothing(
    whose: str, purpose: str
) -> None:
    if whose == "somebody else's":
        user_with(NEW)
    new = user_with(THIRD)
    with override_sms_otp(PURPOSES={"payment": {}}):
        services.request_code(NUMBER, purpose=purpose)
        kept = last_code()
        assert isinstance(link(new, code_for(new)), NumberLinked)
        late: object = services.redeem_code(kept, phone_number=NUMBER, purpose=purpose)
        assert reason_of(late) == "invalid_code"
        # The code would have been sent again.
        services.request_code(NUMBER, purpose=purpose)
        assert last_code() != kept
        fresh: object = services.redeem_code(last_code(), phone_number=NUMBER, purpose=purpose)
    assert isinstance(fresh, Redeemed)


def test_who_verifies_their_own_number_anew_may_finish_a_login() -> None:
    user = user_with(NEW)
    services.request_code(NUMBER)
    code = last_code()
    link(user, code_for(user))
    redeemed: object = services.redeem_code(code, phone_number=NUMBER)
    assert isinstance(redeemed, Redeemed)
    assert redeemed.user == user


def test_a_number_in_two_spellings_is_one_number() -> None:
    user = user_with(OLD)
    code = code_for(user, services.read_phone_number("+1 (415) 555-0132"))
    spelled = services.read_phone_number("tel:+1-415-555-0132")
    assert isinstance(services.link_number(user, code, phone_number=spelled), NumberLinked)
    code = code_for(user, services.read_phone_number("+1.415.555.0132"))
    assert isinstance(services.link_number(user, code, phone_number=spelled), NumberLinked)
    assert texts_of(user) == [OLD, NEW]


@pytest.mark.parametrize("whose", ["nobody's", "somebody else's"])
def test_the_place_of_a_number_that_is_not_ones_own(whose: str) -> None:
    user, other = user_with(OLD), user_with(THIRD)
    code = code_for(user)
    replaces = "0" if whose == "nobody's" else id_of(other, THIRD)
    for typed in (code, wrong(code)):
        assert reason_of(link(user, typed, replaces=replaces)) == "not_found"
    assert OTPCode.objects.get().failed_attempts == 0
    assert texts_of(other) == [THIRD]
    assert isinstance(link(user, code), NumberLinked)


def test_an_error_leaves_the_code_and_the_numbers_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError

    user = user_with(OLD)
    code = code_for(user)
    with monkeypatch.context() as patched:
        patched.setattr("django_sms_otp.services.linking._end_codes", fail)
        with pytest.raises(ZeroDivisionError):
            link(user, code)
    assert texts_of(user) == [OLD]
    assert isinstance(link(user, code), NumberLinked)


def test_inside_a_transaction() -> None:
    user = user_with(OLD)
    code = code_for(user)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        link(user, code)
    assert texts_of(user) == [OLD]


def test_nobody() -> None:
    with pytest.raises(TypeError, match="must be a saved user"):
        services.request_link_code(AnonymousUser(), NUMBER)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a saved user"):
        link(User(), "123456")
    with pytest.raises(TypeError, match="phone_number must be"):
        services.link_number(user_with(), "123456", phone_number=NEW)  # type: ignore[arg-type]


BY_FIELD = {"USER_RESOLVER": "django_sms_otp.auth.users.UserFieldResolver", "COOLDOWN": []}


@pytest.fixture
def field_that_may_be_empty(settings: Any) -> Any:
    settings.AUTH_USER_MODEL = "customers.EmailCustomer"
    with override_sms_otp(**BY_FIELD, USER_PHONE_FIELD="mobile"):
        yield


def customer(name: str, mobile: str | None) -> EmailCustomer:
    made = EmailCustomer(email=f"{name}@example.com", tariff="free", mobile=mobile)
    made.set_unusable_password()
    made.save()
    return made


@pytest.mark.usefixtures("field_that_may_be_empty")
def test_in_a_field_a_number_takes_the_place_of_the_old_one() -> None:
    user = customer("ada", OLD)
    linked = link(user, code_for(user))
    assert isinstance(linked, NumberLinked)
    assert linked.replaced
    assert linked.replaced.phone_number.e164 == OLD
    user.refresh_from_db()
    assert user.mobile == NEW


@pytest.mark.usefixtures("field_that_may_be_empty")
def test_in_a_field_a_number_moves() -> None:
    old, new = customer("ada", NEW), customer("bob", None)
    with heard(number_moved) as carried:
        assert isinstance(link(new, code_for(new)), NumberLinked)
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.mobile, new.mobile) == (None, NEW)
    assert carried == [{"user": new, "previous_user": old, "phone_number": NUMBER}]


@pytest.mark.usefixtures("field_that_may_be_empty")
def test_in_a_field_a_number_is_removed() -> None:
    user = customer("ada", OLD)
    [number] = services.numbers_of(user)
    assert reason_of(services.unlink_number(user, number.id)) == "last_way_in"
    services.unlink_number(user, number.id, force=True)
    assert services.numbers_of(user) == []
    assert reason_of(services.make_primary(user, number.id)) == "not_found"


def test_in_a_field_that_is_never_empty_a_number_stays(settings: Any) -> None:
    settings.AUTH_USER_MODEL = "customers.PhoneCustomer"
    with override_sms_otp(**BY_FIELD, USER_PHONE_FIELD="phone"):
        old = PhoneCustomer.objects.create(phone=NEW)
        new = PhoneCustomer.objects.create(phone=OLD)
        assert reason_of(link(new, code_for(new))) == "phone_number_taken"
        [number] = services.numbers_of(old)
        assert reason_of(services.unlink_number(old, number.id, force=True)) == "last_way_in"
        old.refresh_from_db()
        assert old.phone == NEW


@pytest.mark.usefixtures("field_that_may_be_empty")
def test_in_a_field_a_number_that_has_changed_meanwhile_is_not_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = customer("ada", OLD)
    [number] = services.numbers_of(user)

    def change_late(*args: Any) -> Any:
        EmailCustomer.objects.filter(pk=user.pk).update(mobile=NEW)
        return db.change_number(*args)

    monkeypatch.setattr(services.numbers, "change_number", change_late)
    assert reason_of(services.unlink_number(user, number.id, force=True)) == "not_found"
    user.refresh_from_db()
    assert user.mobile == NEW


def test_a_user_who_is_gone_gets_no_number() -> None:
    user = user_with(OLD)
    code = code_for(user)
    User.objects.filter(pk=user.pk).delete()
    assert reason_of(link(user, code)) == "no_active_account"
    assert holder() is None
