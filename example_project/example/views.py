"""Views for people who are logged in."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from django_sms_otp.models import VerifiedPhone


@api_view()
def me(request: Request) -> Response:
    """Return the user that the token belongs to."""
    phones = VerifiedPhone.objects.filter(user_id=str(request.user.pk))
    return Response(
        {
            "id": request.user.pk,
            "username": request.user.get_username(),
            "phone_numbers": [str(phone) for phone in phones],
        }
    )
