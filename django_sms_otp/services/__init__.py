"""The Python API: request a code, redeem a code.

The services know no HTTP. They commit by themselves, and they commit before they answer:
decide -> commit -> deliver, and guess -> commit -> answer.
"""

from ..delivery import send_text
from ..purposes import LOGIN, STEP_UP, VERIFY_PHONE
from .awaitable import aread_phone_number, aredeem_code, arequest_code
from .linking import link_number, request_link_code
from .number_rules import allow_number, block_number, lift_rule
from .numbers import make_primary, numbers_of, unlink_number
from .personal_data import erase_number, export_number
from .phone_numbers import read_phone_number
from .redeem import redeem_code
from .request import request_code
from .sending_again import send_again
from .staff import forget_limit, give_back_messages, invalidate_codes, unlock_number
from .step_up import confirm_step_up, request_step_up

__all__ = [
    "LOGIN",
    "STEP_UP",
    "VERIFY_PHONE",
    "allow_number",
    "aread_phone_number",
    "aredeem_code",
    "arequest_code",
    "block_number",
    "confirm_step_up",
    "erase_number",
    "export_number",
    "forget_limit",
    "give_back_messages",
    "invalidate_codes",
    "lift_rule",
    "link_number",
    "make_primary",
    "numbers_of",
    "read_phone_number",
    "redeem_code",
    "request_code",
    "request_link_code",
    "request_step_up",
    "send_again",
    "send_text",
    "unlink_number",
    "unlock_number",
]
