"""This app where PostgreSQL keeps no plans, as Django has it by default."""
