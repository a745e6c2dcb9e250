"""The whole story: request a code, redeem a code.

Nothing here knows HTTP. The functions commit by themselves, and what they answer has been
written: decide -> commit -> deliver, and guess -> commit -> answer.
"""

from .purposes import LOGIN
from .redeem import redeem_code
from .request import request_code
from .staff import invalidate_codes

__all__ = ["LOGIN", "invalidate_codes", "redeem_code", "request_code"]
