"""This app with Django's admin, for staff who look at the dashboard."""
