"""The view of the receipts of every gateway, and the base class of those of each."""

from __future__ import annotations

import functools
import logging
import time
from typing import ClassVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import SuspiciousOperation
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from ..backends import BaseSMSBackend, get_backend
from ..db import error_name, is_outage, non_atomic
from ..exceptions import InvalidBackend
from ..logs import log_fields
from ..masked import MaskedBytes
from .receipts import Receipt, take

__all__ = ["ReceiptView", "called_url", "log_hourly", "receive"]

logger = logging.getLogger("django_sms_otp")

LARGEST_BODY = 16 * 1024
"""Bytes. A receipt has one or two thousand."""


class ReceiptView(View):
    """Takes the callbacks of a gateway. A subclass defines :meth:`read`.

    It answers 204 once the row is written and the receivers have run. It answers 500 if a
    receiver fails and 503 if the database does, so that the gateway calls again; and 404 if
    there is no such code.
    """

    http_method_names = ["post"]

    content_type: ClassVar[str] = "application/x-www-form-urlencoded"
    """The type of the bodies that the gateway sends."""

    def read(
        self, request: HttpRequest, body: bytes, backend: BaseSMSBackend
    ) -> Receipt | HttpResponse | None:
        """Make sure that the gateway calls, and return its receipt.

        :return: ``None``: the callback is of no interest. A response: the refusal.
        """
        raise NotImplementedError(f"{type(self).__name__} must define read().")

    @method_decorator(sensitive_post_parameters())
    def post(self, request: HttpRequest, backend: BaseSMSBackend) -> HttpResponse:
        # Otherwise the caller chooses one of Python's codecs by its charset, "hex" among them.
        request.encoding = "utf-8"
        if request.content_type != self.content_type:
            return HttpResponse(status=415)
        try:
            # A caller need not announce a length.
            body = MaskedBytes(request.read(LARGEST_BODY + 1))
            if len(body) > LARGEST_BODY:
                return HttpResponse(status=413)
            outcome = self.read(request, body, backend)
        except (SuspiciousOperation, UnreadablePostError):
            # More fields than Django takes; or the caller has hung up.
            return HttpResponse(status=400)
        return outcome if isinstance(outcome, HttpResponse) else _answer(outcome)


@csrf_exempt
@login_not_required
@non_atomic
def receive(
    request: HttpRequest, gateway: str, alias: str, **_of_the_site: object
) -> HttpResponseBase:
    """Hand a receipt to the view that the class of the backend names. The path may have further
    values: ``path("<slug:shop>/sms/", include("django_sms_otp.urls"))``."""
    try:
        backend = get_backend(alias)
    except InvalidBackend:
        return HttpResponse(status=404)
    if not backend.receipt_view or backend.gateway != gateway:
        return HttpResponse(status=404)
    view: type[ReceiptView] = import_string(backend.receipt_view)
    return view.as_view()(request, backend=backend)


def called_url(request: HttpRequest, backend: BaseSMSBackend) -> str | None:
    """Return the address that the gateway has called; ``None``: the site has none.

    It is the one that the gateway was told, with the query of the request. The request's own
    host does not count: behind a proxy it is another one, and an attacker chooses it. Nor does
    its path, which proxies and Django may have written in another way.
    """
    address, query = backend.receipt_url(), request.META.get("QUERY_STRING", "")
    return f"{address}?{query}" if address and query else address


def log_hourly(level: int, text: str, alias: str) -> None:
    """Log ``text`` once an hour in each process, so that an attacker cannot fill the log. The
    text names the alias by ``%r``."""
    _log_once(int(time.time() // 3600), level, text, alias)


@functools.lru_cache(maxsize=64)
def _log_once(hour: int, level: int, text: str, alias: str) -> None:
    logger.log(level, text, alias, extra=log_fields("receipt_refused", backend=alias))


def _answer(receipt: Receipt | None) -> HttpResponse:
    try:
        is_done = True if receipt is None else take(receipt)
    except Error as error:
        if not is_outage(error):
            raise
        # Without its text, which may hold a row's values.
        name = error_name(error)
        extra = log_fields("database_outage", error_code=name)
        logger.error(
            "A receipt was not recorded: the database failed with %s.", name, extra=extra
        )
        return HttpResponse(status=503)
    if is_done is None and receipt is not None:
        # Not 204: the receipt would be lost without a word.
        log_hourly(
            logging.WARNING,
            "A receipt of backend %r names a code that is not here: it was purged, was a test, "
            "or belongs to another site or tenant. See SMS_OTP['RECEIPTS_URL'].",
            receipt.alias,
        )
        return HttpResponse(status=404)
    return HttpResponse(status=204 if is_done else 500)
