"""The admin under django-unfold (extra ``unfold``): add this app to ``INSTALLED_APPS``."""
