"""The whole story: request a code, redeem a code.

Nothing here knows HTTP. The functions commit by themselves, and what they answer has been
written: decide -> commit -> deliver, and guess -> commit -> answer.
"""

from ..purposes import LOGIN, VERIFY_PHONE
from .phone_numbers import read_phone_number
from .redeem import redeem_code
from .request import request_code
from .staff import forget_limit, invalidate_codes, unlock_number

__all__ = [
    "LOGIN",
    "VERIFY_PHONE",
    "forget_limit",
    "invalidate_codes",
    "read_phone_number",
    "redeem_code",
    "request_code",
    "unlock_number",
]
