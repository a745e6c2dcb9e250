"""Runs service calls side by side, through every order of their SQL statements.

A ``caller`` is a thread that stops before every step; ``scheduler`` lets one of them move at a
time; ``footprints`` knows which steps commute; ``orders`` walks through the orders that differ.
``scenarios`` says which calls come at once; ``scene`` puts the rows back between two orders;
``invariants`` says what must hold after each; ``weakened`` breaks the guards, to see that
somebody would notice.
"""
