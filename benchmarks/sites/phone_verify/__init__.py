"""django-phone-verify; its own answer has no token, so that a view of the site's mints one."""
