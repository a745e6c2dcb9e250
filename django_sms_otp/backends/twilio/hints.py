"""What to do about an error code of Twilio's that nobody but the site can mend.

https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

__all__ = ["explain"]

HINTS = {
    (
        20003,
    ): "Twilio does not know these credentials. Compare account_sid and auth_token, or the "
    "API key and its secret, with the console; a key of another region does not count.",
    (20404,): "Twilio knows no such account, service or sender. Compare the SIDs with the "
    "console.",
    (10005,): "This account makes no calls. Enable Programmable Voice in the console.",
    (10001, 30002): "The account is suspended or closed. See the console, and its balance.",
    (10002, 21219, 21267, 21608): "The account is on trial: it sends to numbers that were "
    "verified in the console, and by a number of its own. Upgrade it, or verify the number.",
    (21210, 21212, 21213, 13214, 21601, 21606, 21659, 21660, 21661, 63007): "The sender "
    "(from_number, or the like of the channel) is not one that this account may send from.",
    (21701, 21703, 21705): "The messaging service is unknown, or has no senders. Add one.",
    (
        21203,
        21215,
        21216,
        21408,
        60605,
        13225,
        13227,
        32205,
    ): "The region of this number is not "
    "enabled. Enable it under Geo permissions in the console, or leave it out of "
    "SMS_OTP['ALLOWED_REGIONS'].",
    (21609, 21626): "Twilio cannot reach the address for receipts. See SMS_OTP['PUBLIC_URL'].",
    (21602, 21617): "The text is empty, or too long. See SMS_OTP['MESSAGE'].",
    (21624,): "The validity period is none that Twilio takes. See SMS_OTP['CODE_LIFETIME'].",
    (21654, 21655, 21656, 63016): "WhatsApp takes nothing but approved templates: compare the "
    "content template with the console.",
    (63015,): "This is WhatsApp's sandbox. The phone must join it first; see the console.",
    (
        30029,
        30030,
    ): "Message redaction is not enabled for this account. Enable it, or leave the option out.",
    (30034,): "The sender is not registered for A2P 10DLC, which numbers of the United States "
    "ask for. Register it in the console.",
    (20429,): "Too many requests at once. Try again in a moment.",
    (
        10004,
        21611,
        30001,
        63018,
        63038,
    ): "Too many messages or calls of this account wait to be sent. Try again in a minute.",
    (21610,): "The phone has texted STOP. It must text START to the sender.",
    (30450, 30453): "Twilio's fraud guard blocks this number's prefix. See its settings in the "
    "console, and allow the number if it is yours.",
}

BY_CODE = {code: hint for codes, hint in HINTS.items() for code in codes}


def explain(error_code: str) -> str:
    """Return what to do about a code, and where Twilio tells of it; ``""``: it is none."""
    if not (error_code.isascii() and error_code.isdigit() and len(error_code) == 5):
        return ""
    hint = BY_CODE.get(int(error_code), "Look the code up:")
    return f"{hint} https://www.twilio.com/docs/api/errors/{error_code}"
