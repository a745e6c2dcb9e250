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
    print_admin()
    address = f"127.0.0.1:{sys.argv[1] if len(sys.argv) > 1 else free_port()}"
    print(f"API:   http://{address}/api/auth/sms/get-code/ and .../auth-code/")
    print(f"Admin: http://{address}/admin/")
    print("SMS appear here. Stop with Ctrl-C.\n", flush=True)
    call_command("runserver", address, use_reloader=False)


def print_admin() -> None:
    from django.contrib.auth import get_user_model

    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return
    password = secrets.token_urlsafe(12)
    user = get_user_model()(username=ADMIN, is_staff=True, is_superuser=True)
    user.set_password(password)
    user.save()
    print(f"Made a superuser: name {ADMIN}, password {password}")


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
