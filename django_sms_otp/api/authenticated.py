"""What the endpoints for who is logged in have in common."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.settings import api_settings
from rest_framework_simplejwt import settings as simplejwt

from ..auth.proofs import proof_for_numbers
from ..auth.step_up import SMSVerificationRequired
from ..auth.users import is_shown
from ..client import is_cross_site
from . import answers
from .views import SMSOTPView

__all__ = ["AuthenticatedView"]


class AuthenticatedView(SMSOTPView):
    """Takes the site's own authentication, and pins that somebody is logged in.

    Everything else is pinned as for the public endpoints.
    """

    permission_classes = (IsAuthenticated,)
    # The browsable API makes a form of it, for endpoints that take no body, too.
    serializer_class: type[BaseSerializer[Any]] | None = Serializer

    def get_authenticators(self) -> list[BaseAuthentication]:
        # When it is asked, not when the module is imported: tests override the settings.
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        return [_naming_csrf(each()) for each in classes]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Whatever the site authenticates by may be sent by a browser without asking.
        if request.method not in SAFE_METHODS and is_cross_site(request):
            raise answers.CrossSite

    def account(self, request: Request) -> AbstractBaseUser:
        """Return the user who is logged in.

        :raises NotAuthenticated: the account is gone, inactive or hidden. Not every
            authentication asks: simplejwt's stateless one only knows a name, and tokens find
            users whom the default manager of the site hides.
        """
        user: Any = request.user
        if not isinstance(user, AbstractBaseUser):
            user = _named_by_token(user.pk)
        if user is None or not user.is_active or not is_shown(user):
            raise NotAuthenticated
        account: AbstractBaseUser = user
        return account

    def proven_account(self, request: Request) -> AbstractBaseUser:
        """Return the user who is logged in and has proven it a short while ago.

        :raises SMSVerificationRequired: they have not.
        """
        user = self.account(request)
        missing = proof_for_numbers(request, user)
        if missing is not None:
            raise SMSVerificationRequired(missing)
        return user


def _named_by_token(name: Any) -> Any:
    """Return the user whom a token names, as simplejwt finds them; ``None`` if nobody.

    The name need not be a primary key. Taken for one, it would be somebody else's account.
    """
    # simplejwt rebinds api_settings when they change: read them through the module.
    wanted = {simplejwt.api_settings.USER_ID_FIELD: name}
    try:
        found = [*get_user_model()._default_manager.filter(**wanted)[:2]]
    except (TypeError, ValueError, ValidationError):
        return None  # Such as a word, where users are counted.
    return found[0] if len(found) == 1 else None


def _naming_csrf(authentication: Any) -> Any:
    """Let an authentication by cookies say that the CSRF token is what it misses.

    REST framework's, and those that are built like it, look for the token in ``enforce_csrf()``
    and raise what any other lack of permission raises.
    """
    if check := getattr(authentication, "enforce_csrf", None):
        authentication.enforce_csrf = partial(answers.check_csrf, check=check)
    return authentication
