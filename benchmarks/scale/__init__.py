"""Whether the app takes the same time with ten million codes as with none.

``tox run -e scale`` fills the tables, measures, and prints a table of ratios, each within one
run; ``tests/db/test_plans.py`` fills them with fewer rows and looks at what the database does.
"""
