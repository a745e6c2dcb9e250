"""The application that gunicorn runs, for the settings of any site."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
