"""Loaded once, before the workers are forked: one that was killed is replaced at once."""

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

application = get_wsgi_application()
resolve("/auth/sms/get-code/")
