"""django-allauth, headless: its API for apps, login by code and phone, its own JSON Web Tokens.

Its limits stay on too, in the local-memory cache that a new project has.
"""
