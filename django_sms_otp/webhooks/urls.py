"""The route of the receipts of every gateway."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from ..backends import get_backend
from ..db.transactions import non_atomic
from ..exceptions import InvalidBackend


@csrf_exempt
@login_not_required
@non_atomic
def receive(request: HttpRequest, gateway: str, alias: str) -> HttpResponseBase:
    """Hand a receipt to the view that the class of the backend names."""
    try:
        backend = get_backend(alias)
    except InvalidBackend:
        return HttpResponse(status=404)
    if not backend.receipt_view or backend.gateway != gateway:
        return HttpResponse(status=404)
    response: HttpResponseBase = import_string(backend.receipt_view).as_view()(
        request, alias=alias
    )
    return response


urlpatterns = [path("<str:gateway>/<str:alias>/", receive, name="webhook")]
