"""django-phone-verify. Its own answer has no token, so a view of the site mints one."""
