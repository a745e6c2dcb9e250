"""Prepare the example site and keep it running for a browser. The argument is a port."""

import os
import secrets
import socket
import sys

import django
from django.core.management import call_command

ADMIN = "admin"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    fill_new_database()
    print_admin()
    address = f"127.0.0.1:{sys.argv[1] if len(sys.argv) > 1 else free_port()}"
    print(f"Home:  http://{address}/")
    print(f"Admin: http://{address}/admin/")
    print("SMS appear here, and on the phone in the pages. Stop with Ctrl-C.\n", flush=True)
    call_command("runserver", address, use_reloader=False)


def fill_new_database() -> None:
    """Make up a month, so that the admin has something to show."""
    from django.conf import settings
    from django.contrib.auth import get_user_model

    if settings.DEBUG and not get_user_model()._default_manager.exists():
        print("A new database. It gets a made-up month ...", flush=True)
        call_command("seed_demo")


def print_admin() -> None:
    """Give the administrator a new password: that of the last start is hard to find."""
    from django.conf import settings
    from django.contrib.auth import get_user_model

    if not settings.DEBUG:
        print("DJANGO_DEBUG is 0. Make a superuser yourself: manage.py createsuperuser")
        return
    user, _ = get_user_model()._default_manager.get_or_create(username=ADMIN)
    user.is_staff = user.is_superuser = user.is_active = True
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save()
    print(f"Log in to the admin as {ADMIN} with the password {password}")


def free_port(wanted: int = 8000) -> int:
    """Return ``wanted``, or another port if that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
