from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "tests.support.customers"
    default_auto_field = "django.db.models.BigAutoField"
